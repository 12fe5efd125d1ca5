"""Check the sync: can every image arrive, and was there contact since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from prefect import task

from arcfleet.core.facts import SiteFacts
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import Desired
from arcfleet.steps import sync as steps
from tasks import runtime


@task(name="check sync", task_run_name="{site.name} · check sync", **runtime.OPTIONS)
async def check_sync(
    site: Site, facts: SiteFacts, wanted: Sequence[Desired], changed_at: datetime | None, ensured_at: datetime | None
) -> tuple[Finding, ...]:
    """Return a finding per image of the site's workloads."""
    here = runtime.current()
    images = tuple(dict.fromkeys(image for item in wanted for image in item.images))
    return await steps.check_sync(
        here.gateways,
        site,
        facts,
        images,
        changed_at=changed_at,
        ensured_at=ensured_at,
        on_change=partial(here.progress.waiting, site.name),
    )
