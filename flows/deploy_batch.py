"""deploy_batch: some sites of a wave, on a worker, for a run that keeps the waves, budgets and gates."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from pydantic import Field

from arcfleet.core.runs.run_waves import RunWave
from flows import chain, fleet_run, signals
from flows.engine import Engine
from flows.parameters import FleetFile, SiteNames
from tasks import batches, lease
from tasks.fleet import load_fleet
from tasks.runtime import session


@flow(name="deploy-batch", flow_run_name=fleet_run.name, persist_result=False)
async def deploy_batch(
    fleet: FleetFile,
    sites: SiteNames,
    wave: Annotated[str, Field(json_schema_extra={"title": "Wave"})],
    run: Annotated[str, Field(json_schema_extra={"title": "Flow run it is for"})],
) -> State[Any]:
    """Deploy some sites for another run. Started by runs of fleets with `execution: workers`, not by people.

    Args:
        fleet: Path of the fleet file, as the worker sees it.
        sites: Names of the sites, all of which are begun at once: who hands them over has counted them.
        wave: The wave that they are of.
        run: Id of the flow run that they are for; what it is told holds here too.
    """
    loaded = await load_fleet(fleet, sites, {})
    async with session() as here, lease.following(loaded.name, run, here.control):
        waves = [RunWave(wave, tuple(site.name for site in loaded.sites), len(loaded.sites), None)]
        engine = Engine(loaded, chain.deploy, here, waves, {}, fleet, is_part=True, run=flow_run.name or "")
        with signals.draining(engine.interrupt):
            report = await engine.carry_out()
            await batches.publish(report)
    return fleet_run.final_state(report)
