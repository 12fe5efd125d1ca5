"""redeploy_on_push: an image was pushed to a cloud registry; bring the sites that follow it to what it is now."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from arcfleet.core.names import REGISTRY, REPOSITORY
from arcfleet.core.sync.pushes import LONGEST_NAME
from flows import fleet_run
from flows.parameters import FleetFile
from tasks.fleet import load_fleet
from tasks.pushed import find_affected


def name() -> str:
    """Return a flow run's name: the repository, then as all runs of a fleet."""
    return f"{flow_run.parameters.get('repository')} · {fleet_run.name()}"


@flow(name="redeploy-on-push", flow_run_name=name, persist_result=False)
async def redeploy_on_push(
    fleet: FleetFile,
    registry: Annotated[str, Field(pattern=f"^{REGISTRY.pattern}$", json_schema_extra={"title": "Cloud registry"})],
    repository: Annotated[
        str,
        Field(pattern=f"^{REPOSITORY.pattern}$", max_length=LONGEST_NAME, json_schema_extra={"title": "Repository"}),
    ],
) -> State[Any]:
    """Deploy the sites that follow a tag of a repository, after something was pushed to it.

    What the tags are now the registry is asked, not who told of the push. Each site is deployed by the fleet's own
    rules, its waves, bounds and gates: the digest must have arrived there, then the workload is rolled out. A site
    that runs it already is left alone, so a push that was told twice does nothing twice. Another run on the fleet is
    waited for, and a push that comes during a run is met by the next one.

    Args:
        fleet: Path of the fleet file, as the process that runs this sees it.
        registry: Name of the cloud registry that was pushed to.
        repository: Name of the repository that was pushed to.
    """
    loaded = await load_fleet(fleet, (), {})
    found = await find_affected(loaded, registry, repository)
    if not found.sites:
        return Completed(message=f"nothing to do: no site of {loaded.name} follows a tag of {registry}/{repository}")
    return await fleet_run.run(fleet, found.sites, {}, None, gated=True, queue=True)
