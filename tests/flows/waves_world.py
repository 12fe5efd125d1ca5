"""Fleets with waves for the stories of rollouts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import yaml

from tests.conftest import fleet_text

FAST = {"extensionInstall": 60.0, "extensionUpdate": 30.0}
"""Seconds of the world that operations take."""


def in_waves(
    canaries: int,
    others: int,
    *,
    canary: Mapping[str, Any] | None = None,
    prod: Mapping[str, Any] | None = None,
    timeouts: Mapping[str, str] | None = None,
    **rollout: Any,
) -> str:
    """Return a fleet whose first sites, s1 and so on, are the wave `canary`, and the others the wave `prod`."""
    value = yaml.safe_load(fleet_text(canaries + others, timeouts=dict(timeouts or {})))
    for number, site in enumerate(value["sites"]):
        site["labels"] = {"ring": "canary" if number < canaries else "prod"}
    value["rollout"] = {
        "waves": [
            {"name": "canary", "match": {"labels": {"ring": "canary"}}, **(canary or {})},
            {"name": "prod", "rest": True, **(prod or {})},
        ],
        **rollout,
    }
    return yaml.safe_dump(value)


def fail(sim: Any, site: str) -> None:
    """Have every installation at a site fail."""
    effect = {"extensionFails": {"cluster": f"k-{site}", "code": "InstallationFailed", "message": "no"}}
    sim.fault({"effect": effect})


def statuses(report: Any) -> dict[str, str]:
    """Return how each site of a report ended."""
    return {outcome.site: str(outcome.status) for outcome in report.outcomes}


def began(sim: Any) -> dict[str, datetime]:
    """Return, by cluster, when an installation was first begun on it."""
    found: dict[str, datetime] = {}
    for entry in sim.audit():
        if entry["kind"].startswith(("arm PUT ext", "arm PATCH ext")):
            found.setdefault(entry["site"], datetime.fromisoformat(entry["time"]))
    return found


def soon(sim: Any) -> datetime:
    """Return the full minute of the world that is three hours ahead."""
    now = datetime.fromisoformat(sim.get("/time")["time"])
    return now.replace(second=0, microsecond=0) + timedelta(hours=3)


async def until(holds: Callable[[], bool]) -> None:
    """Return once something holds; it is looked at often, since a run under test goes on meanwhile."""
    for _ in range(3000):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError
