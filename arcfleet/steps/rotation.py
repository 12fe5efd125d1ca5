"""Rotation: decide, and end an old password. The delivery of a new one is the steps of a deploy."""

from __future__ import annotations

import dataclasses

from arcfleet.core.facts import SiteFacts
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import last_segment
from arcfleet.core.passwords import credentials, due, journal, rotation
from arcfleet.core.passwords.credentials import Credential
from arcfleet.core.passwords.rotation import Decision
from arcfleet.core.planning.plan import SitePlan
from arcfleet.ports import Gateways
from arcfleet.steps import minting
from arcfleet.steps.credentials import generate_credential

LISTED = 300.0
"""Seconds for which one list of a registry's tokens serves the plans of its sites."""


async def decide(gateways: Gateways, site: Site, facts: SiteFacts, *, asked: bool) -> Decision:
    """Return what a rotation does at a site now. Changes nothing."""
    token_id = facts.connected_registry.sync_token_id
    token = await gateways.registries.token(site.registry_ref, token_id, max_age=0)
    entry = await gateways.journal.read(journal.key(site.registry_ref, token.name))
    now = await gateways.registries.service_time()
    return rotation.decide(site, facts, token, entry, now, asked=asked)


async def note_due(gateways: Gateways, site: Site, facts: SiteFacts, plan: SitePlan) -> SitePlan:
    """Return a site's plan with the rotations that are due there. Changes nothing."""
    if facts.extension is None:
        return plan
    tokens = await gateways.registries.tokens(site.registry_ref, max_age=LISTED)
    return due.noted(plan, due.due(site, facts, tokens, await gateways.registries.service_time()))


async def ending(gateways: Gateways, site: Site, facts: SiteFacts) -> tuple[Finding, ...]:
    """Return a finding for each of a site's passwords that ends soon. Changes nothing."""
    if facts.extension is None:
        return ()
    tokens = await gateways.registries.tokens(site.registry_ref, max_age=LISTED)
    return due.ending(site, facts, tokens, await gateways.registries.service_time())


async def replace(gateways: Gateways, site: Site, facts: SiteFacts) -> Credential:
    """Generate a password into the idle slot, and wait until it works everywhere. The other one is to be retired."""
    made = await generate_credential(gateways, site, facts)
    await gateways.clock.sleep(rotation.REPLICATION)
    return dataclasses.replace(made, entry=dataclasses.replace(made.entry, retiring=True))


async def retire(gateways: Gateways, site: Site, token_id: str) -> None:
    """Replace a token's old password by one that nobody knows. Repeating it does no harm."""
    key = journal.key(site.registry_ref, last_segment(token_id))
    entry = await gateways.journal.read(key)
    if entry is None or not entry.retiring:
        return
    slot = credentials.other_slot(entry.slot)
    entry = dataclasses.replace(entry, ending=await gateways.registries.service_time())

    async def begun() -> None:
        await gateways.journal.write(key, entry)

    await begun()
    expires = entry.ending + rotation.RETIRED_LIFE if entry.ending else None
    made = await minting.generate(gateways, site, token_id, slot, expires, lost=begun)
    ended = dataclasses.replace(entry, retiring=False, retired=made.created, ending=None)
    await gateways.journal.write(key, ended)
