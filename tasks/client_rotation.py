"""Rotate the password in a site's pull secrets: decide, make the new one, restart pods."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from prefect import task

from arcfleet.core.facts import SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import Desired
from arcfleet.core.passwords.client_tokens import Found, PullLogin
from arcfleet.core.passwords.rotation import Decision
from arcfleet.steps import client_rotation as steps
from arcfleet.steps.observe import Manifests
from tasks import runtime


@task(name="decide client rotation", task_run_name="{site.name} · decide client rotation", **runtime.OPTIONS)
async def decide_client_rotation(
    site: Site, facts: SiteFacts, manifests: Manifests, *, asked: bool
) -> tuple[Decision, Found | None]:
    """Decide whether the password in the site's pull secrets is rotated now."""
    return await steps.decide(runtime.current().gateways, site, facts, manifests, asked=asked)


@task(name="client login", task_run_name="{site.name} · client login", **runtime.OPTIONS)
async def replace_client_password(site: Site, found: Found) -> tuple[PullLogin, datetime]:
    """Make a client token's password in a slot that nobody uses; hand it over in memory only."""
    return await steps.replace(runtime.current().gateways, site, found)


@task(name="restart pods", task_run_name="{site.name} · restart {wanted.name}", **runtime.OPTIONS)
async def restart_pods(site: Site, facts: SiteFacts, wanted: Desired) -> None:
    """Replace a workload's pods, and wait for the new ones."""
    here = runtime.current()
    await steps.restart(here.gateways, site, facts, wanted, partial(here.progress.waiting, site.name))
