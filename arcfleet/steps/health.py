"""Health: the extension stands, and the connected registry is in contact, later than our change."""

from __future__ import annotations

from datetime import datetime

from arcfleet import waiting
from arcfleet.core.commands import addressed
from arcfleet.core.facts import ConnectedRegistryFacts, SiteFacts, TokenFacts
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.reasons import Reason
from arcfleet.core.schedule import until_next_sync
from arcfleet.core.verdicts import extension as extension_rules
from arcfleet.core.verdicts import registry as registry_rules
from arcfleet.core.verdicts.registry import Around
from arcfleet.errors import PermanentError
from arcfleet.ports import Gateways
from arcfleet.steps import diagnosis
from arcfleet.steps.extension import OnChange
from arcfleet.steps.observe import LISTED, connected_registry

INTERVAL = 5.0
"""Seconds between two lists of a registry's connected registries while sites wait for contact."""
PATIENT = 120.0
"""Seconds after a change for which a registry that is away is on its way; then it is asked what keeps it away."""
RECENT = 60.0
"""Seconds for which the sync token of a registry that is away is not read again."""


async def wait_healthy(
    gateways: Gateways, site: Site, facts: SiteFacts, changed_at: datetime | None, on_change: OnChange
) -> ConnectedRegistryFacts:
    """Return the connected registry once it is in contact.

    Args:
        gateways: The outside world.
        site: The site.
        facts: What was observed; it is the first look where nothing was changed.
        changed_at: When our change was accepted, by the service's clock; contact must be later.
        on_change: Told what is waited for.

    Raises:
        PermanentError: The extension or the connected registry is not healthy within `timeouts.online`.
    """
    if changed_at is None and facts.extension is not None:
        standing = extension_rules.judge(facts.extension, facts.cluster)
        if not standing.ok:
            raise waiting.as_error(addressed(standing, site))
    looks: list[ConnectedRegistryFacts] = []
    began = gateways.clock.monotonic()

    async def look() -> Finding:
        # Where nothing was changed, the list that the site was observed by is new enough.
        max_age = INTERVAL if changed_at else LISTED
        looks.append(await connected_registry(gateways, site, max_age=max_age))
        now = await gateways.registries.service_time()
        found = registry_rules.judge(looks[-1], facts.cluster, now=now, active_since=changed_at)
        waited = gateways.clock.monotonic() - began
        if found.rule not in registry_rules.AWAY or (changed_at and waited < PATIENT):
            return addressed(found, site)
        depends = await around(gateways, site, looks[-1], max_age)
        found = registry_rules.judge(looks[-1], facts.cluster, now=now, active_since=changed_at, around=depends)
        return addressed(found, site)

    wait = waiting.until_settled(
        look,
        clock=gateways.clock,
        # A registry with sync windows may have to wait for the next one to open.
        deadline=site.timeouts.online.total_seconds()
        + until_next_sync(facts.connected_registry, await gateways.registries.service_time()),
        delay=lambda _elapsed: INTERVAL,
        on_change=on_change,
    )
    await diagnosis.deepest(gateways, site, wait)
    return looks[-1]


async def around(gateways: Gateways, site: Site, cr: ConnectedRegistryFacts, max_age: float) -> Around:
    """Return what a registry that is away depends on; read only now, so that healthy sites cost nothing."""
    listed = await gateways.registries.connected_registries(site.registry_ref, max_age=max_age)
    parent = listed.get((cr.parent or "").lower())
    return Around(parent, await _sync_token(gateways, site, cr))


async def _sync_token(gateways: Gateways, site: Site, cr: ConnectedRegistryFacts) -> TokenFacts | None:
    if not cr.sync_token_id:
        return None
    try:
        return await gateways.registries.token(site.registry_ref, cr.sync_token_id, max_age=RECENT)
    except PermanentError as error:
        if error.reason is not Reason.FORBIDDEN:
            raise
        # Who may not read tokens still learns whether the registry is in contact.
        return None
