"""deploy_fleet: bring every site of a fleet to what its file says."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows import fleet_run
from flows.parameters import FleetFile, Labels, SiteNames, Wait, Width


@flow(name="deploy-fleet", flow_run_name=fleet_run.name, persist_result=False)
async def deploy_fleet(
    fleet: FleetFile,
    sites: SiteNames = (),
    labels: Labels = None,
    max_concurrency: Width = None,
    *,
    wait: Wait = False,
) -> State[Any]:
    """Deploy a fleet, wave by wave: observe each site, plan it, and do what its plan says, several sites at once.

    Args:
        fleet: Path of the fleet file, as the process that runs this sees it.
        sites: Names of the sites to deploy; all of the file where none is given.
        labels: Only sites that carry all of these labels.
        max_concurrency: How many sites at once; what the file says of each wave where not given.
        wait: Where another run works on the fleet, wait for its end; else this run is refused.
    """
    return await fleet_run.run(fleet, sites, labels or {}, max_concurrency, gated=True, queue=wait)
