"""The soak of a wave: its changed sites are looked at for a while, and one that does not stay well has failed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from arcfleet.core.durations import clock_time
from arcfleet.core.findings import Finding, Verdict, of_error
from arcfleet.core.outcomes import regressed
from arcfleet.core.reasons import Reason
from arcfleet.core.rollout import Soak
from arcfleet.errors import FleetError
from tasks.runtime import unwatched
from tasks.soak import look

if TYPE_CHECKING:
    from flows.engine import Engine

INTERVAL = 60.0
"""Seconds between two looks."""
BAD = frozenset({Verdict.FAILED, Verdict.DEGRADED})


async def watch(engine: Engine, soak: Soak) -> None:
    """Look at a wave's sites until its time is over; what is not well then, or has failed before, is a failure.

    What may pass by itself, such as a pod that starts again, counts only where it lasts to the end.
    """
    clock = engine.here.gateways.clock
    left = set(soak.sites)
    ends = clock.monotonic() + soak.seconds
    while left and not engine.control.ending:
        ahead = ends - clock.monotonic()
        engine.tell(soak, f"soak of {len(left)} sites, {clock_time(max(0.0, ahead))} to go")
        await engine.unless_ended(clock.sleep(max(0.0, min(INTERVAL, ahead))))
        last = ends <= clock.monotonic()
        found = await asyncio.gather(*(_look(engine, name) for name in sorted(left)))
        for name, finding in zip(sorted(left), found, strict=True):
            if finding and (finding.verdict in BAD or (last and finding.reason is not Reason.SCHEDULED_GAP)):
                engine.end(regressed(engine.outcomes[name], finding))
                left.discard(name)
        if last:
            break
    if not engine.control.ending:
        engine.soaked.add(soak.wave)


async def _look(engine: Engine, name: str) -> Finding | None:
    """Return what is not well at a site; one that can't be read may be well."""
    with unwatched():
        try:
            return await look(engine.sites[name], engine.fleet.manifests)
        except FleetError as error:
            found = of_error(error, "soak")
            return Finding(Verdict.UNKNOWN, found.reason, found.subject, found.message, evidence=found.evidence)
