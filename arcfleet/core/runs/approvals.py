"""An approval is of a plan: it holds as long as nothing is to be done that was not shown when it was given."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from arcfleet.core.planning.fleet_plan import FleetPlan, site_id
from arcfleet.core.planning.plan import Disposition

MARK = 4
"""Characters of a site's mark: 24 bits."""
LONGEST = 4500
"""Characters of all marks; a Variable of Prefect takes 5,000 in all."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A plan that somebody said yes to."""

    by: str
    at: datetime
    comment: str
    plan: str
    """The plan's id."""
    marks: Mapping[str, str]
    """By site: what its plan was."""

    def holds(self, now: FleetPlan) -> bool:
        """Tell whether all that is to be done now was approved: each site's plan, or nothing, is left."""
        return all(
            plan.disposition is Disposition.NOOP or self.marks.get(name) == mark(name, now)
            for name, plan in now.sites.items()
        )

    def to_json(self) -> dict[str, Any] | None:
        """Return the approval as plain values; None where it has too many sites to be kept."""
        names = sorted(self.marks)
        joined = "".join(self.marks[name] for name in names)
        if len(joined) > LONGEST:
            return None
        at = self.at.isoformat(timespec="seconds")
        return {
            "by": self.by[:64], "at": at, "comment": self.comment[:128], "plan": self.plan,
            "sites": _digest("\n".join(names)), "marks": joined,
        }  # fmt: skip


def of_plan(plan: FleetPlan, by: str, at: datetime, comment: str) -> Approval:
    """Return the approval of a plan."""
    return Approval(by, at, comment, plan.id, {name: mark(name, plan) for name in plan.sites})


def parse(value: Any, plan: FleetPlan) -> Approval | None:
    """Return an approval as `to_json` wrote it, if it is of the sites of `plan`."""
    names = sorted(plan.sites)
    try:
        if value["sites"] != _digest("\n".join(names)) or len(value["marks"]) != MARK * len(names):
            return None
        marks = {name: value["marks"][i * MARK : (i + 1) * MARK] for i, name in enumerate(names)}
        at = datetime.fromisoformat(value["at"])
        return Approval(str(value["by"]), at, str(value["comment"]), str(value["plan"]), marks)
    except (KeyError, TypeError, ValueError):
        return None


def mark(site: str, plan: FleetPlan) -> str:
    """Return what tells a site's plan from any other."""
    return base64.b64encode(hashlib.sha256(site_id(site, plan.sites[site]).encode()).digest())[:MARK].decode()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
