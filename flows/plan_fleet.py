"""plan_fleet: what a deploy of a fleet would do now. Writes nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from arcfleet.core import nesting
from arcfleet.core.findings import of_error
from arcfleet.core.fleet_plan import FleetPlan
from arcfleet.core.manifest import Fleet, Site
from arcfleet.core.outcomes import Trail
from arcfleet.core.plan import Disposition, SitePlan
from arcfleet.errors import FleetError
from arcfleet.waiting import each
from flows import chain, fleet_run
from tasks.fleet import load_fleet
from tasks.publish import publish_plan
from tasks.rotation import note_due
from tasks.runtime import session


@flow(name="plan-fleet", flow_run_name=fleet_run.name, persist_result=False)
async def plan_fleet(fleet: str, sites: list[str] | None = None, labels: dict[str, str] | None = None) -> State[Any]:
    """Plan a fleet: observe each site, and say what a deploy would do and what stands in its way.

    Args:
        fleet: Path of the fleet file, as the process that runs this sees it.
        sites: Names of the sites to plan; all of the file where none is given.
        labels: Only sites that carry all of these labels.
    """
    loaded = await load_fleet(fleet, sites or (), labels or {})
    async with session() as here:
        plans = await each(loaded.sites, loaded.rollout.max_concurrency, partial(_one, loaded))
        now = await here.gateways.registries.service_time()
    combined = nesting.combined(loaded.sites, plans)
    made = FleetPlan(loaded.name, now, loaded.rollout.max_concurrency, combined)
    await publish_plan(made)
    counts = ", ".join(f"{count} {which}" for which, count in made.counts.items())
    return Completed(message=f"plan {made.id}: {counts}")


async def _one(fleet: Fleet, site: Site) -> SitePlan:
    """Plan one site; one that can't be observed is blocked by what kept us from it."""
    trail = Trail(site.name)
    try:
        facts, _ = await chain.observe_and_plan(fleet, site, trail)
        assert trail.plan is not None  # observe_and_plan has set it
        return await note_due(site, facts, trail.plan)
    except FleetError as error:
        return SitePlan(Disposition.BLOCKED, finding=of_error(error, "observe"))
