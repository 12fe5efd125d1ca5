"""Ask the registry what a push was about."""

from __future__ import annotations

from prefect import get_run_logger, task

from arcfleet.core.fleet.manifest import Fleet
from arcfleet.steps import pushed as steps
from arcfleet.steps.pushed import Affected
from tasks import runtime


@task(name="find affected sites", task_run_name="find affected sites", **runtime.OPTIONS)
async def find_affected(fleet: Fleet, registry: str, repository: str) -> Affected:
    """Return the sites that follow a repository, and log the digests that the registry has now."""
    async with runtime.session() as here:
        found = await steps.find_affected(here.gateways, fleet, registry, repository)
    for image, digest in found.digests.items():
        get_run_logger().info("%s · %s is %s now", registry, image, digest)
    return found
