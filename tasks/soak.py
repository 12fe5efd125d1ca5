"""The soak of a wave: is a site that was changed still well?"""

from __future__ import annotations

from prefect import task

from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site
from arcfleet.steps import standing
from arcfleet.steps.observe import Manifests
from tasks import runtime


@task(name="soak", task_run_name="{site.name} · soak", **runtime.OPTIONS)
async def look(site: Site, manifests: Manifests) -> Finding | None:
    """Return what is not well at a site; None where all is."""
    return (await standing.of_site(runtime.current().gateways, site, manifests)).finding
