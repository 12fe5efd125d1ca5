"""Poll health: the extension, then the connected registry's contact."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from prefect import task

from arcfleet.core.facts import ConnectedRegistryFacts, SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.passwords.credentials import Credential
from arcfleet.core.passwords.journal import Phase
from arcfleet.steps import health as steps
from arcfleet.steps.credentials import note
from tasks import runtime


@task(name="wait healthy", task_run_name="{site.name} · wait healthy", **runtime.OPTIONS)
async def wait_healthy(
    site: Site, facts: SiteFacts, changed_at: datetime | None, credential: Credential | None
) -> ConnectedRegistryFacts:
    """Wait until the connected registry is in contact, later than our change; that proves a credential delivered."""
    here = runtime.current()
    waiting = partial(here.progress.waiting, site.name)
    found = await steps.wait_healthy(here.gateways, site, facts, changed_at, waiting)
    if credential:
        await note(here.gateways, credential, Phase.VERIFIED)
    return found
