"""The plan of several sites: what a deploy of them would do now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from arcfleet.core.findings import of_error
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.planning import nesting
from arcfleet.core.planning.fleet_plan import FleetPlan
from arcfleet.core.planning.plan import Disposition, SitePlan
from arcfleet.core.runs.outcomes import Trail
from arcfleet.errors import FleetError
from arcfleet.waiting import each
from flows import chain
from tasks.rotation import note_due
from tasks.runtime import current


async def make(fleet: Fleet, sites: Sequence[Site]) -> FleetPlan:
    """Plan some sites of a fleet, several at once. Writes nothing."""
    plans = await each(sites, fleet.rollout.max_concurrency, partial(_one, fleet))
    now = await current().gateways.registries.service_time()
    return FleetPlan(fleet.name, now, fleet.rollout.max_concurrency, nesting.combined(sites, plans))


async def _one(fleet: Fleet, site: Site) -> SitePlan:
    """Plan one site; one that can't be observed is blocked by what kept us from it."""
    trail = Trail(site.name)
    try:
        facts, _ = await chain.observe_and_plan(fleet, site, trail)
        assert trail.plan is not None  # observe_and_plan has set it
        return await note_due(site, facts, trail.plan)
    except FleetError as error:
        return SitePlan(Disposition.BLOCKED, finding=of_error(error, "observe"))
