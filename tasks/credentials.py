"""Generate credentials: the connection string's password, and the pull secret's."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task

from arcfleet.core.facts import SiteFacts
from arcfleet.core.manifest import Site
from arcfleet.core.secret import Secret
from arcfleet.steps import credentials as steps
from tasks import runtime


@task(name="generate credential", task_run_name="{site.name} · generate credential", **runtime.OPTIONS)
async def generate_credential(site: Site, facts: SiteFacts) -> Secret:
    """Generate a password into the sync token's idle slot; hand over the connection string, in memory only."""
    return await steps.generate_credential(runtime.current().gateways, site, facts)


@task(name="pull secret", task_run_name="{site.name} · pull secret", **runtime.OPTIONS)
async def write_pull_secrets(site: Site, facts: SiteFacts, missing: Sequence[tuple[str, str]]) -> None:
    """Write the site's login into the pull secrets that lack it."""
    await steps.write_pull_secrets(runtime.current().gateways, site, facts, missing)
