"""The fleet file's `rollout`: its waves, what each may cost, and the gates between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from arcfleet.core import moments
from arcfleet.core.fleet.fields import Cron, DnsLabel, Duration, Label, Model, Rule, Text
from arcfleet.core.leaks import quote

_PERCENT = re.compile(r"(\d{1,3})%")
AMOUNT: Mapping[str, Any] = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d{1,3}%$"}],
    "examples": [1, "10%"],
}


def _amount(value: int | str) -> int | str:
    if isinstance(value, bool) or (isinstance(value, int) and value < 0):
        raise ValueError("write a number from 0 on, or a share such as 10%")
    if isinstance(value, str) and not ((match := _PERCENT.fullmatch(value)) and int(match[1]) <= 100):
        raise ValueError(f"{quote(value)} is neither a number nor a share from 0% to 100%")
    return value


def _moment(text: str) -> str:
    moments.check(text)
    return text


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/\S*)?", text):
        raise ValueError(f"{quote(text)} is no http or https address without a user name")
    return text


def _zone(text: str) -> str:
    moments.zone(text)
    return text


Amount = Annotated[int | str, Rule(_amount, AMOUNT)]
"""A number of sites, or a share of a wave's."""
Moment = Annotated[str, Rule(_moment, {"type": "string", "examples": ["Sat 20:00 UTC", "2026-12-01T20:00:00Z"]})]


def share(amount: int | str, of: int) -> int:
    """Return how many of `of` sites an amount is; a share is rounded down."""
    return amount if isinstance(amount, int) else int(amount[:-1]) * of // 100


def share_rounded_up(amount: int | str, of: int) -> int:
    """Return how many of `of` sites an amount is; a share is rounded up."""
    return amount if isinstance(amount, int) else -(-int(amount[:-1]) * of // 100)


class Approval(Model):
    """A person says whether to go on."""

    from_: tuple[Text, ...] = Field(default=(), alias="from")
    """Who may answer; anybody where not given. Prefect without accounts takes the name as it is given."""
    timeout: Duration = timedelta(hours=24)
    """How long an answer is waited for."""
    on_timeout: Literal["stop", "continue"] = "stop"
    """What no answer means."""


class Check(Model):
    """Something else says whether to go on: pass, fail or inconclusive, which asks a person."""

    url: Annotated[str, Rule(_url, {"type": "string", "examples": ["https://slo.example/ok"]})] | None = None
    """Asked by GET: its JSON says `{"result": "pass"}`, `"fail"` or `"inconclusive"`."""
    deployment: Text | None = None
    """A Prefect deployment, flow/name, that is run: completed passes, failed fails, anything else is inconclusive."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """The deployment's parameters."""
    timeout: Duration = timedelta(minutes=10)
    """After this the result is inconclusive."""

    @model_validator(mode="after")
    def _one_source(self) -> Check:
        if (self.url is None) == (self.deployment is None):
            raise ValueError("give either url or deployment")
        if self.parameters and self.url:
            raise ValueError("parameters are a deployment's")
        return self


class Gate(Model):
    """What must hold before a wave begins, or after it before the next: one of its keys."""

    approval: Approval | None = None
    """A person's word."""
    not_before: Moment | None = None
    """A moment, or a weekday and a time: the first such after the run began."""
    check: Check | None = None
    """An address or a Prefect deployment that is asked."""

    @model_validator(mode="after")
    def _one_kind(self) -> Gate:
        if sum(part is not None for part in (self.approval, self.not_before, self.check)) != 1:
            raise ValueError("give one of approval, notBefore and check")
        return self


class Window(Model):
    """When sites may be begun."""

    opens: Cron
    """When it opens, as a cron expression."""
    length: Duration = Field(alias="for")
    """How long it stays open."""
    timezone: Annotated[str, Rule(_zone, {"type": "string", "examples": ["Europe/Berlin"]})] = "UTC"
    """Whose clock `opens` goes by."""


class Match(Model):
    """Which sites are meant."""

    labels: Mapping[Text, Label]
    """All of these a site must carry."""


class Wave(Model):
    """Sites that are deployed together, before those of the waves after it."""

    name: DnsLabel
    """The wave's name, unique in the fleet."""
    match: Match | None = None
    """Which sites are of it. Either this or `rest`."""
    rest: bool = False
    """The sites of no other wave are of it."""
    max_concurrency: Amount | None = None
    """How many of its sites at once, a share rounded down, at least 1; the rollout's where not given."""
    max_failures: Amount = 0
    """With more failures than this, a share rounded down, nothing more is begun in this run."""
    min_success: Amount = 0
    """With fewer sites that are well, a share rounded up and at least 1, the next wave is not begun."""
    soak: Duration | None = None
    """How long its sites must stay well before the next wave is begun."""
    window: Window | None = None
    """When its sites may be begun; at any time where not given."""
    before: tuple[Gate, ...] = ()
    """What must hold before it is begun, in this order."""
    after: tuple[Gate, ...] = ()
    """What must hold after it before the next is begun, in this order."""

    @model_validator(mode="after")
    def _one_choice(self) -> Wave:
        if (self.match is not None) == self.rest:
            raise ValueError("give either match or rest: true")
        if any(gate.not_before for gate in self.after):
            raise ValueError("notBefore belongs into before, of the next wave")
        return self


class Rollout(Model):
    """In which order the sites are worked on, how many at once, and what stops it."""

    max_concurrency: int = Field(default=10, ge=1, le=500)
    """How many sites at once, in a wave that does not say."""
    max_failures: Amount | None = None
    """Of a fleet without waves: with more failures than this nothing more is begun; no bound where not given."""
    concurrency_mode: Literal["strict", "soft"] = "strict"
    """strict: no more at once than could fail within maxFailures and one. soft: as many as maxConcurrency says."""
    offline: Literal["defer", "wait", "fail"] = "defer"
    """A cluster that is out of contact: left for the next run, waited for within `timeouts.site`, or counted failed."""
    waves: tuple[Wave, ...] = ()
    """The waves, in their order; all sites together where none is given. Each site is of exactly one."""
    execution: Literal["process", "workers"] = "process"
    """Sites are worked on by the run itself, or handed to Prefect workers in batches."""
    batch: int = Field(default=100, ge=1, le=250)
    """With workers: how many sites one of them is given at most."""
