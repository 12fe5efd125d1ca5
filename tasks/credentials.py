"""Generate credentials: the connection string's password, and the pull secret's."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task

from arcfleet.core.facts import SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.passwords.client_tokens import PullLogin
from arcfleet.core.passwords.credentials import Credential
from arcfleet.steps import credentials as steps
from tasks import runtime


@task(name="generate credential", task_run_name="{site.name} · generate credential", **runtime.OPTIONS)
async def generate_credential(site: Site, facts: SiteFacts) -> Credential:
    """Generate a password into the sync token's idle slot; hand over the connection string, in memory only."""
    return await steps.generate_credential(runtime.current().gateways, site, facts)


@task(name="client login", task_run_name="{site.name} · client login", **runtime.OPTIONS)
async def client_login(site: Site, facts: SiteFacts, missing: Sequence[tuple[str, str]]) -> PullLogin:
    """Find or generate the login for the site's pull secrets; hand it over in memory only."""
    return await steps.client_login(runtime.current().gateways, site, facts, missing)


@task(name="pull secret", task_run_name="{site.name} · pull secret", **runtime.OPTIONS)
async def write_pull_secrets(site: Site, secrets: Sequence[tuple[str, str]], pull: PullLogin) -> None:
    """Write the site's login into pull secrets."""
    await steps.write_pull_secrets(runtime.current().gateways, site, secrets, pull)
