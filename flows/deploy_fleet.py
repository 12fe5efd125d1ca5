"""deploy_fleet: bring every site of a fleet to what its file says."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from flows import fleet_run


@flow(name="deploy-fleet", flow_run_name=fleet_run.name, persist_result=False)
async def deploy_fleet(
    fleet: str,
    sites: list[str] | None = None,
    labels: dict[str, str] | None = None,
    max_concurrency: Annotated[int, Field(ge=1)] | None = None,
) -> State[Any]:
    """Deploy a fleet: observe each site, plan it, and do what its plan says, several sites at once.

    Args:
        fleet: Path of the fleet file, as the process that runs this sees it.
        sites: Names of the sites to deploy; all of the file where none is given.
        labels: Only sites that carry all of these labels.
        max_concurrency: How many sites at once; the file's rollout.maxConcurrency where not given.
    """
    return await fleet_run.run(fleet, sites or (), labels or {}, max_concurrency)
