"""plan_fleet: what a deploy of a fleet would do now. Writes nothing."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import fleet_run, planning
from flows.parameters import FleetFile, Labels, SiteNames
from tasks.fleet import load_fleet
from tasks.publish import publish_plan
from tasks.runtime import session


@flow(name="plan-fleet", flow_run_name=fleet_run.name, persist_result=False)
async def plan_fleet(fleet: FleetFile, sites: SiteNames = (), labels: Labels = None) -> State[Any]:
    """Plan a fleet: observe each site, and say what a deploy would do and what stands in its way.

    Args:
        fleet: Path of the fleet file, as the process that runs this sees it.
        sites: Names of the sites to plan; all of the file where none is given.
        labels: Only sites that carry all of these labels.
    """
    loaded = await load_fleet(fleet, sites, labels or {})
    async with session():
        made = await planning.make(loaded, loaded.sites)
    await publish_plan(made)
    counts = ", ".join(f"{count} {which}" for which, count in made.counts.items())
    return Completed(message=f"plan {made.id}: {counts}")
