"""The plan of a fleet: its sites' plans, what they amount to together, and how people and machines read it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from arcfleet.core.counts import some
from arcfleet.core.findings import Verdict
from arcfleet.core.planning.plan import Disposition, SitePlan
from arcfleet.core.reasons import Reason
from arcfleet.core.reporting.report import finding_json

SCHEMA_VERSION = 1
MARKS = {
    Disposition.CREATE: "+",
    Disposition.UPDATE: "~",
    Disposition.ROTATE: "↻",
    Disposition.RETIRE: "↻",
    Disposition.REMOVE: "-",
    Disposition.NOOP: "=",
    Disposition.DEFERRED: "…",
    Disposition.BLOCKED: "✗",
}


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What a deploy would do now."""

    fleet: str
    made_at: datetime
    """The service's time."""
    max_concurrency: int
    sites: Mapping[str, SitePlan]
    """By site, in the fleet file's order."""

    @property
    def id(self) -> str:
        """Eight hex digits that are the same for the same plan, whenever it was made."""
        content = "\n".join(site_id(name, plan) for name, plan in self.sites.items())
        return hashlib.sha256(content.encode()).hexdigest()[:8]

    @property
    def counts(self) -> Counter[Disposition]:
        """How many sites get what."""
        return Counter(plan.disposition for plan in self.sites.values())

    @property
    def changing(self) -> tuple[SitePlan, ...]:
        """The plans that change their site."""
        return tuple(plan for plan in self.sites.values() if plan.changes)

    @property
    def concurrency(self) -> int:
        """How many sites are really worked on at once."""
        return min(self.max_concurrency, len(self.changing))

    @property
    def unchecked(self) -> dict[tuple[str, str], list[str]]:
        """What could not be checked and why, each once, with the sites that it is about."""
        found: dict[tuple[str, str], list[str]] = {}
        for name, plan in self.sites.items():
            for note in plan.notes:
                if note.verdict is Verdict.UNKNOWN:
                    found.setdefault((note.message, " ".join(note.evidence)), []).append(name)
        return found

    @property
    def due(self) -> dict[str, list[str]]:
        """Passwords that are due at sites whose plan is about something else, each with the sites that it is about."""
        found: dict[str, list[str]] = {}
        for name, plan in self.sites.items():
            for note in plan.notes:
                if note.reason is Reason.ROTATION_DUE:
                    found.setdefault(f"{note.subject}: {note.message}", []).append(name)
        return found

    @property
    def groups(self) -> list[tuple[list[str], SitePlan]]:
        """Sites of which the same is said, together, in the order of their first; the names, and one of their plans."""
        found: dict[tuple[str, ...], tuple[list[str], SitePlan]] = {}
        for name, plan in self.sites.items():
            remedies = [note.remedy for note in plan.notes if note.reason is not Reason.ROTATION_DUE]
            said = (plan.finding.remedy if plan.finding else "", *remedies, *plan.kept)
            key = (plan.disposition, what(plan), effect(plan), *said)
            found.setdefault(key, ([], plan))[0].append(name)
        return list(found.values())


def site_id(name: str, plan: SitePlan) -> str:
    """Return all of a site's plan as one text: the same for the same plan, whenever it was made."""
    return json.dumps(_site_json(name, replace(plan, notes=())), default=str)


def effect(plan: SitePlan) -> str:
    """Return what a plan does to what runs, in a few words; empty where it disturbs nothing."""
    parts = ["restarts the registry pod"] if plan.restarts_registry else []
    parts += [f"rolls {_pods(count)} of {name}" for name, count, running in plan.pods if running]
    return ", ".join(parts)


def what(plan: SitePlan) -> str:
    """Return what is done at a site, or why nothing is, in one line."""
    if plan.finding:
        return plan.finding.message
    return ", ".join(plan.because) or "nothing to do"


def summary(fleet: FleetPlan) -> tuple[str, ...]:
    """Return what a plan amounts to, in lines for the end of a page."""
    plans, pods = fleet.changing, [pod for plan in fleet.changing for pod in plan.pods]
    calls = [call for plan in plans for call in plan.calls]
    passwords = sum(call.target.endswith("/generateCredentials") for call in calls)
    left = ((fleet.counts[which], str(which)) for which in (Disposition.DEFERRED, Disposition.BLOCKED))
    azure = sum(call.is_azure for call in calls)
    disturbed = (
        (sum(count for _, count, running in pods if not running), "pod starts", "pods start"),
        (sum(count for _, count, running in pods if running), "pod rolls", "pods roll"),
        (sum(plan.restarts_registry for plan in plans), "registry pod restarts", "registry pods restart"),
        (passwords, "password is generated", "passwords are generated, none into a slot in use"),
    )
    lines = (
        [some(len(plans), "site changes", "sites change"), *(f"{count} {which}" for count, which in left if count)],
        [some(*entry) for entry in disturbed if entry[0]],
        [f"{some(azure, 'write')} to Azure, {len(calls) - azure} to the clusters",
         f"{some(fleet.concurrency, 'site')} at a time"],
    )  # fmt: skip
    return tuple(" · ".join(line) for line in lines if line)


def _pods(count: int) -> str:
    return some(count, "pod")


def rows(fleet: FleetPlan) -> list[dict[str, str]]:
    """Return the plan as a table, a row per site."""
    return [
        {
            "site": name,
            "plan": f"{MARKS[plan.disposition]} {plan.disposition}",
            "what": what(plan),
            "effect": effect(plan),
            "do": plan.finding.remedy if plan.finding else "",
        }
        for name, plan in fleet.sites.items()
    ]


def to_json(fleet: FleetPlan) -> dict[str, Any]:
    """Return the plan as plain values. `schema` rises when a field changes its meaning."""
    return {
        "schema": SCHEMA_VERSION,
        "fleet": fleet.fleet,
        "plan": fleet.id,
        "madeAt": fleet.made_at.isoformat(timespec="seconds"),
        "concurrency": fleet.concurrency,
        "counts": {which: fleet.counts[which] for which in Disposition},
        "sites": [_site_json(name, plan) for name, plan in fleet.sites.items()],
    }


def _site_json(name: str, plan: SitePlan) -> dict[str, Any]:
    return {
        "site": name,
        "disposition": plan.disposition,
        "because": list(plan.because),
        "effect": effect(plan),
        "contents": dict(zip(plan.workloads, plan.contents, strict=True)),
        "calls": [{"method": call.method, "target": call.target} for call in plan.calls] if plan.changes else [],
        "kept": list(plan.kept),
        "finding": finding_json(plan.finding) if plan.finding else None,
        "notes": [finding_json(note) for note in plan.notes],
    }
