"""Sync: can every image of the site arrive, and has the registry been in contact since?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from arcfleet import waiting
from arcfleet.core.facts import ConnectedRegistryFacts, SiteFacts
from arcfleet.core.findings import Finding
from arcfleet.core.manifest import Site
from arcfleet.core.names import ImageRef
from arcfleet.core.schedule import until_next_sync
from arcfleet.core.verdicts import sync as rules
from arcfleet.ports import Gateways
from arcfleet.steps.extension import OnChange
from arcfleet.steps.health import INTERVAL
from arcfleet.steps.observe import connected_registry

RECENT = 3600.0
"""Seconds for which a token that was read need not be read again to know its scope map."""


async def check_sync(
    gateways: Gateways,
    site: Site,
    facts: SiteFacts,
    images: Sequence[ImageRef],
    *,
    changed_at: datetime | None,
    on_change: OnChange,
    ensured_at: datetime | None = None,
) -> tuple[Finding, ...]:
    """Return one finding per image, each with the grade of its evidence.

    Args:
        gateways: The outside world.
        site: The site.
        facts: What was observed of it.
        images: The images that must arrive.
        changed_at: When our change of the extension was accepted; contact must be later.
        on_change: Told what is waited for.
        ensured_at: When the rights of the connected registry, and of those above it, were extended.

    Raises:
        PermanentError: A repository is not in the sync scope map, so its images never arrive; or there was no sync
            within `timeouts.sync`.
    """
    cr = facts.connected_registry
    token = await gateways.registries.token(site.registry_ref, cr.sync_token_id, max_age=RECENT)
    actions = await gateways.registries.scope_actions(site.registry_ref, token.scope_map_id)
    for image in images:
        scope = rules.judge_scope(image, cr, actions, site.registry)
        if not scope.ok:
            raise waiting.as_error(scope)
    since = max((time for time in (changed_at, ensured_at) if time), default=None)
    if ensured_at and images:
        since = await _passed_down(gateways, site, cr, images[0], since=ensured_at, on_change=on_change) or since
    return tuple([await _contact(gateways, site, cr, image, since=since, on_change=on_change) for image in images])


async def _passed_down(
    gateways: Gateways,
    site: Site,
    cr: ConnectedRegistryFacts,
    image: ImageRef,
    *,
    since: datetime,
    on_change: OnChange,
) -> datetime | None:
    """Wait until every connected registry above has synced with its new rights, the uppermost first.

    An image reaches a nested registry through all of them. Returns the time that the site's own sync must be later
    than; None where there is nothing above.
    """
    listed = await gateways.registries.connected_registries(site.registry_ref, max_age=INTERVAL)
    above: list[ConnectedRegistryFacts] = []
    while (parent := listed.get((cr.parent or "").lower())) and parent not in above:
        above.append(parent)
        cr = parent
    for registry in reversed(above):
        await _contact(gateways, site, registry, image, since=since, on_change=on_change)
        passed = await connected_registry(gateways, site, max_age=INTERVAL, name=registry.name)
        since = max(since, passed.last_sync or since)
    return since if above else None


async def _contact(
    gateways: Gateways,
    site: Site,
    cr: ConnectedRegistryFacts,
    image: ImageRef,
    *,
    since: datetime | None,
    on_change: OnChange,
) -> Finding:
    async def look() -> Finding:
        now = await connected_registry(gateways, site, max_age=INTERVAL, name=cr.name)
        return rules.judge_contact(image, now, since=since)

    return await waiting.until_settled(
        look,
        clock=gateways.clock,
        deadline=site.timeouts.sync.total_seconds() + until_next_sync(cr, await gateways.registries.service_time()),
        delay=lambda _elapsed: INTERVAL,
        on_change=on_change,
    )
