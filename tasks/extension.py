"""Install the extension, or wait for an operation on it that is under way."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from prefect import task

from arcfleet.core.facts import ExtensionFacts, SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.passwords.credentials import Credential
from arcfleet.steps import extension as steps
from tasks import runtime


@task(name="install extension", task_run_name="{site.name} · install extension", **runtime.OPTIONS)
async def install_extension(site: Site, facts: SiteFacts, credential: Credential) -> datetime:
    """Create or update the extension with its protected settings, and wait for the operation's end."""
    here = runtime.current()
    return await steps.install(here.gateways, site, facts, credential, partial(here.progress.waiting, site.name))


@task(name="settle extension", task_run_name="{site.name} · settle extension", **runtime.OPTIONS)
async def settle_extension(site: Site) -> ExtensionFacts | None:
    """Wait until no operation is under way on the extension."""
    here = runtime.current()
    return await steps.settle(here.gateways, site, partial(here.progress.waiting, site.name))
