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
) -> tuple[Finding, ...]:
    """Return one finding per image, each with the grade of its evidence.

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
    return tuple(
        [await _contact(gateways, site, cr, image, changed_at=changed_at, on_change=on_change) for image in images]
    )


async def _contact(
    gateways: Gateways,
    site: Site,
    cr: ConnectedRegistryFacts,
    image: ImageRef,
    *,
    changed_at: datetime | None,
    on_change: OnChange,
) -> Finding:
    async def look() -> Finding:
        now = await connected_registry(gateways, site, max_age=INTERVAL)
        return rules.judge_contact(image, now, since=changed_at)

    return await waiting.until_settled(
        look,
        clock=gateways.clock,
        deadline=site.timeouts.sync.total_seconds() + until_next_sync(cr, await gateways.registries.service_time()),
        delay=lambda _elapsed: INTERVAL,
        on_change=on_change,
    )
