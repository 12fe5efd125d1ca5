"""Preflight of a site: read its prerequisites, change nothing."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task

from arcfleet.core.facts import SiteFacts
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import Desired
from arcfleet.core.planning.plan import SitePlan
from arcfleet.steps import preflight as steps
from tasks import runtime


@task(name="preflight", task_run_name="{site.name} · preflight", **runtime.OPTIONS)
async def preflight(site: Site, facts: SiteFacts, wanted: Sequence[Desired], plan: SitePlan) -> tuple[Finding, ...]:
    """Return every finding about what the site's plan needs before it is begun."""
    return await steps.check(runtime.current().gateways, site, facts, wanted, plan)
