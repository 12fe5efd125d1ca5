"""Ensure the connected registry: what it needs in the cloud registry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from prefect import task

from arcfleet.core.facts import SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.planning.ensure import Change
from arcfleet.steps import ensure as steps
from tasks import runtime


@task(name="ensure connected registry", task_run_name="{site.name} · ensure connected registry", **runtime.OPTIONS)
async def ensure_connected_registry(
    site: Site, facts: SiteFacts, changes: Sequence[Change]
) -> tuple[SiteFacts, datetime | None]:
    """Make what is missing in the cloud registry, and read the connected registry anew."""
    return await steps.ensure(runtime.current().gateways, site, facts, changes)
