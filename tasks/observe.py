"""Observe a site: read, decide nothing, change nothing."""

from __future__ import annotations

from prefect import task

from arcfleet.core.facts import SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import Desired
from arcfleet.steps import observe as steps
from tasks import runtime


@task(name="observe", task_run_name="{site.name} · observe", **runtime.OPTIONS)
async def observe(site: Site, manifests: steps.Manifests) -> tuple[SiteFacts, tuple[Desired, ...]]:
    """Read everything that a plan of the site needs."""
    return await steps.observe(runtime.current().gateways, site, manifests)
