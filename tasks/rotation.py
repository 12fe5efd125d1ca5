"""Rotate a sync password: decide and generate the new one; end a token's old one."""

from __future__ import annotations

from prefect import task

from arcfleet.core.facts import SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.passwords.credentials import Credential
from arcfleet.core.passwords.rotation import Decision
from arcfleet.core.planning.plan import SitePlan
from arcfleet.steps import rotation as steps
from tasks import runtime


@task(name="decide rotation", task_run_name="{site.name} · decide rotation", **runtime.OPTIONS)
async def decide_rotation(site: Site, facts: SiteFacts, *, asked: bool) -> Decision:
    """Decide whether the site's sync password is rotated now."""
    return await steps.decide(runtime.current().gateways, site, facts, asked=asked)


@task(name="note due rotation", task_run_name="{site.name} · note due rotation", **runtime.OPTIONS)
async def note_due(site: Site, facts: SiteFacts, plan: SitePlan) -> SitePlan:
    """Add the rotations that are due to a site's plan."""
    return await steps.note_due(runtime.current().gateways, site, facts, plan)


@task(name="generate credential", task_run_name="{site.name} · generate credential", **runtime.OPTIONS)
async def replace_password(site: Site, facts: SiteFacts) -> Credential:
    """Generate a password into the idle slot; hand over the connection string, in memory only."""
    return await steps.replace(runtime.current().gateways, site, facts)


@task(name="retire password", task_run_name="{site.name} · retire password", **runtime.OPTIONS)
async def retire_password(site: Site, token_id: str) -> None:
    """Replace a token's old password by one that nobody knows."""
    await steps.retire(runtime.current().gateways, site, token_id)
