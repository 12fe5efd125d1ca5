"""The soak of a wave: its changed sites are looked at for a while, and one that does not stay well has failed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from arcfleet.core.counts import some
from arcfleet.core.durations import clock_time
from arcfleet.core.findings import Finding, Verdict, of_error
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import regressed
from arcfleet.core.runs.rollout import Soak
from arcfleet.errors import FleetError
from tasks.runtime import unwatched
from tasks.soak import look

if TYPE_CHECKING:
    from flows.engine import Engine

INTERVAL = 60.0
"""Seconds between two looks."""
BAD = frozenset({Verdict.FAILED, Verdict.DEGRADED})


def name(wave: str) -> str:
    """Return what the soak of a wave is called."""
    return f"soak of wave {wave}"


async def watch(engine: Engine, soak: Soak) -> None:
    """Look at a wave's sites once more, in a while: what has failed, or is not well at the soak's end, is a failure.

    What may pass by itself, such as a pod that starts again, counts only where it lasts to the end. Without a look
    where the run is told something meanwhile: the soak goes on after that.
    """
    ahead = engine.left(name(soak.wave), soak.seconds)
    engine.tell(soak, f"soak of {some(len(soak.sites), 'site')}, {clock_time(max(0.0, ahead))} to go")
    if not await engine.passed(min(INTERVAL, ahead)):
        return
    last = ahead <= INTERVAL
    found = await asyncio.gather(*(_look(engine, site) for site in soak.sites))
    for site, finding in zip(soak.sites, found, strict=True):
        if finding and (finding.verdict in BAD or (last and finding.reason is not Reason.SCHEDULED_GAP)):
            engine.end(regressed(engine.outcomes[site], finding))
    if last:
        engine.soaked.add(soak.wave)


async def _look(engine: Engine, name: str) -> Finding | None:
    """Return what is not well at a site; one that can't be read may be well."""
    with unwatched():
        try:
            return await look(engine.sites[name], engine.fleet.manifests)
        except FleetError as error:
            found = of_error(error, "soak")
            return Finding(Verdict.UNKNOWN, found.reason, found.subject, found.message, evidence=found.evidence)
