"""deploy_site: one site of a fleet, on demand."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows import fleet_run
from flows.parameters import FleetFile, SiteName, Wait


@flow(name="deploy-site", flow_run_name=fleet_run.name, persist_result=False)
async def deploy_site(fleet: FleetFile, site: SiteName, *, wait: Wait = False) -> State[Any]:
    """Deploy one site of a fleet, within what its wave says.

    Args:
        fleet: Path of the fleet file, as the process that runs this sees it.
        site: The site's name.
        wait: Where another run works on the fleet, wait for its end; else this run is refused.
    """
    return await fleet_run.run(fleet, (site,), {}, None, gated=True, queue=wait)
