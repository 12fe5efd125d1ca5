"""Remove a site: confirm, plan, delete step by step."""

from __future__ import annotations

import asyncio
from functools import partial

from prefect import task

from arcfleet import fleetfile
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.removing.removals import Asked, Part, Removal, check_confirmation
from arcfleet.steps import removal as steps
from arcfleet.steps.observe import Manifests
from tasks import runtime


@task(name="confirm removal", task_run_name="confirm removal", **runtime.OPTIONS)
async def confirm_removal(path: str, typed: str) -> None:
    """Refuse to go on unless the fleet's name was typed; Azure is not asked."""
    fleet = await asyncio.to_thread(fleetfile.load, path)
    check_confirmation(fleet.name, typed)


@task(name="plan removal", task_run_name="{site.name} · plan removal", **runtime.OPTIONS)
async def plan_removal(site: Site, manifests: Manifests, asked: Asked) -> Removal:
    """Look what of a site is still there, and plan its removal."""
    return await steps.plan(runtime.current().gateways, site, manifests, asked)


@task(name="remove", task_run_name="{site.name} · {part.step}", **runtime.OPTIONS)
async def remove(site: Site, part: Part) -> None:
    """Delete what belongs to one step of a removal."""
    here = runtime.current()
    await steps.delete(here.gateways, site, part.deletions, partial(here.progress.waiting, site.name))
