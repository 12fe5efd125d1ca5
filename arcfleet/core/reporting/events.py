"""arcfleet's own events: their names, and what each one says. docs/events.md documents them for those who listen.

A payload holds names, counts and findings, which are shown to people anyhow; never a password.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from arcfleet.core.runs.outcomes import COUNTED, FleetReport, Outcome, Status

PREFIX = "arcfleet"


class EventName(StrEnum):
    """The names of events: a stable contract, for triggers are written with them."""

    RUN_STARTED = "arcfleet.run.started"
    RUN_ENDED = "arcfleet.run.ended"
    WAVE_STARTED = "arcfleet.wave.started"
    WAVE_ENDED = "arcfleet.wave.ended"
    SITE_FAILED = "arcfleet.site.failed"
    GATE_PENDING = "arcfleet.gate.pending"
    GATE_ANSWERED = "arcfleet.gate.answered"
    IMAGE_PUSHED = "arcfleet.image.pushed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to `resource`, an id below `arcfleet.`; `name` is how people call it."""

    event: EventName
    resource: str
    name: str
    payload: Mapping[str, Any]
    related: Mapping[str, str] = field(default_factory=dict)
    """Role -> id of another resource that it is about."""


def run_started(fleet: str, run: str, sites: int) -> Event:
    """A run begins with so many sites."""
    return _of_fleet(EventName.RUN_STARTED, fleet, {"run": run, "sites": sites})


def run_ended(report: FleetReport) -> Event:
    """A run has ended, however it did."""
    counts = {str(status): count for status, count in report.counts.items()}
    payload = {"run": report.run, "result": str(report.result), "seconds": round(report.seconds), "counts": counts}
    return _of_fleet(EventName.RUN_ENDED, report.fleet, payload)


def wave_started(fleet: str, run: str, wave: str, sites: int) -> Event:
    """A wave begins with so many sites."""
    return _of_fleet(EventName.WAVE_STARTED, fleet, {"run": run, "wave": wave, "sites": sites})


def wave_ended(fleet: str, run: str, wave: str, result: str, counts: Mapping[str, int]) -> Event:
    """A wave has ended; `counts` says how many sites ended how."""
    payload = {"run": run, "wave": wave, "result": result, "counts": dict(counts)}
    return _of_fleet(EventName.WAVE_ENDED, fleet, payload)


def gate_pending(fleet: str, run: str, wave: str, gate: str, message: str) -> Event:
    """A gate waits for an answer; `message` says of whom, and until when."""
    payload = {"run": run, "wave": wave, "gate": gate, "message": message}
    return _of_fleet(EventName.GATE_PENDING, fleet, payload)


def gate_answered(fleet: str, run: str, wave: str, gate: str, *, answer: str, by: str) -> Event:
    """A gate has its answer; `by` is who gave it, or what did."""
    payload = {"run": run, "wave": wave, "gate": gate, "answer": answer, "by": by}
    return _of_fleet(EventName.GATE_ANSWERED, fleet, payload)


def site_failed(fleet: str, run: str, outcome: Outcome) -> Event:
    """A site ended as failed, timed out or blocked."""
    finding = outcome.finding
    payload = {
        "fleet": fleet,
        "run": run,
        "site": outcome.site,
        "status": str(outcome.status),
        "step": str(outcome.steps[-1].step) if outcome.steps else "",
        "reason": str(finding.reason) if finding else "",
        "message": finding.message if finding else "",
        "remedy": finding.remedy if finding else "",
    }
    resource = f"{PREFIX}.site.{fleet}.{outcome.site}"
    return Event(EventName.SITE_FAILED, resource, outcome.site, payload, {"fleet": _fleet_id(fleet)})


def image_pushed(fleet: str, registry: str, repository: str, tag: str, digest: str) -> Event:
    """An image that a fleet uses was pushed to its cloud registry; of several pushes this is the newest."""
    payload = {"fleet": fleet, "registry": registry, "repository": repository, "tag": tag, "digest": digest}
    name = f"{registry}/{repository}"
    related = {"fleet": _fleet_id(fleet)}
    return Event(EventName.IMAGE_PUSHED, f"{PREFIX}.image.{name}", name, payload, related)


def of_report(report: FleetReport) -> Iterator[Event]:
    """Yield what a report has to tell: each site that counts as failed or was blocked, then the end of the run."""
    for outcome in report.outcomes:
        if outcome.status in COUNTED | {Status.BLOCKED}:
            yield site_failed(report.fleet, report.run, outcome)
    yield run_ended(report)


def _of_fleet(event: EventName, fleet: str, payload: Mapping[str, Any]) -> Event:
    return Event(event, _fleet_id(fleet), fleet, {"fleet": fleet, **payload})


def _fleet_id(fleet: str) -> str:
    return f"{PREFIX}.fleet.{fleet}"
