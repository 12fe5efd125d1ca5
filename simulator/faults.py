"""Faults that tests inject: which requests they hit, and what they do to them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from simulator.http import Request, Response, TransportAbortError

RULE_KEYS = {"method", "path", "site", "times", "after", "effect"}
EFFECT_KEYS = {"status", "headers", "body", "reset", "resetAfter", "delay", "truncate", "html", "empty"}

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class FaultError(ValueError):
    """A rule that makes no sense."""


@dataclass(slots=True)
class Fault:
    """One rule: the requests that it hits, how often, and its effect.

    Attributes:
        times: How many matches are hit; None for all.
        after: How many matches pass first.
        seen: How many requests matched.
        hits: How many were hit.
    """

    id: int
    path: re.Pattern[str]
    effect: dict[str, Any]
    method: str | None = None
    site: str | None = None
    times: int | None = None
    after: int = 0
    seen: int = 0
    hits: int = 0

    def matches(self, request: Request, target: str, site: str | None) -> bool:
        """Say whether a request is one of this rule's."""
        if self.method is not None and self.method != request.method:
            return False
        if self.site is not None and self.site != site:
            return False
        return self.path.search(target) is not None

    def take(self) -> bool:
        """Count a match; say whether it is hit."""
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True

    @property
    def delay(self) -> float:
        """How long the answer waits, in simulated seconds."""
        return float(self.effect.get("delay", 0))

    def before(self) -> Response | None:
        """Return the answer that takes the place of the real one, whose request is never applied."""
        if self.effect.get("reset"):
            raise TransportAbortError
        if self.effect.get("html"):
            headers = {"Content-Type": "text/html"}
            return Response(int(self.effect.get("status", 200)), HTML, headers)
        if "status" not in self.effect:
            return None
        headers = {str(k): str(v) for k, v in self.effect.get("headers", {}).items()}
        body = self.effect.get("body")
        if isinstance(body, str):
            return Response(int(self.effect["status"]), body.encode(), headers)
        default = {"error": {"code": "SimulatedFault", "message": "This answer was asked for."}}
        return Response.json(default if body is None else body, int(self.effect["status"]), headers)

    def after_answer(self, response: Response) -> Response:
        """Spoil the answer of a request that was applied."""
        if self.effect.get("resetAfter"):
            raise TransportAbortError
        if self.effect.get("empty"):
            response.body = b""
        if self.effect.get("truncate") and isinstance(response.body, bytes):
            response.body = response.body[: len(response.body) // 2]
        return response

    def view(self) -> dict[str, Any]:
        """Return the rule and its counts for `GET /control/faults`."""
        return {
            "id": self.id,
            "method": self.method,
            "path": self.path.pattern,
            "site": self.site,
            "times": self.times,
            "after": self.after,
            "effect": self.effect,
            "seen": self.seen,
            "hits": self.hits,
        }


@dataclass(slots=True)
class Faults:
    """Every rule, in the order of its arrival; the first that hits a request decides."""

    rules: list[Fault] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def add(self, rule: dict[str, Any]) -> Fault:
        """Add a rule; FaultError when it makes no sense."""
        effect = rule.get("effect")
        if not isinstance(effect, dict) or not effect:
            raise FaultError("effect is missing")
        unknown = sorted(set(rule) - RULE_KEYS) + sorted(set(effect) - EFFECT_KEYS)
        if unknown:
            raise FaultError(f"unknown keys: {', '.join(unknown)}")
        try:
            path = re.compile(rule.get("path", ""), re.IGNORECASE)
        except re.error as error:
            raise FaultError(f"path: {error}") from error
        method, site = rule.get("method"), rule.get("site")
        fault = Fault(next(self._ids), path, effect, method and str(method).upper(), site)
        fault.times = rule.get("times")
        fault.after = rule.get("after", 0)
        self.rules.append(fault)
        return fault

    def hit(self, request: Request, site: str | None) -> Fault | None:
        """Return the rule that hits a request, if any, and count it."""
        if not self.rules:
            return None
        query = "&".join(f"{name}={value}" for name, value in request.query.items())
        target = f"{request.path}?{query}" if query else request.path
        return next((f for f in self.rules if f.matches(request, target, site) and f.take()), None)
