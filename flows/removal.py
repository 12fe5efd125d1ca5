"""The way of one site through a removal: plan it, then delete step by step."""

from __future__ import annotations

from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.planning.plan import Step
from arcfleet.core.removing.removals import Asked
from arcfleet.core.runs.outcomes import Trail
from tasks import removal
from tasks.runtime import step


async def remove(fleet: Fleet, site: Site, trail: Trail, *, asked: Asked) -> None:
    """Remove a site, or raise what stopped it: the next removal does the rest.

    A plan that is blocked or deferred deletes nothing.
    """
    async with step(trail, Step.OBSERVE):
        planned = await removal.plan_removal(site, fleet.manifests, asked)
        trail.plan = planned.plan
    for part in planned.parts:
        async with step(trail, part.step):
            await removal.remove(site, part)
