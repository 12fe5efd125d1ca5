"""Audit a site: read, compare, change nothing."""

from __future__ import annotations

from prefect import task

from arcfleet.core.auditing.audit import SiteAudit
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.steps import audit as steps
from tasks import runtime


@task(name="audit", task_run_name="{site.name} · audit", **runtime.OPTIONS)
async def audit_site(fleet: Fleet, site: Site) -> SiteAudit:
    """Return what of a site differs from the fleet file, and what can't be compared."""
    return await steps.compare(runtime.current().gateways, fleet, site)
