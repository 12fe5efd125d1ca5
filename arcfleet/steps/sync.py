"""Sync: can every image of the site arrive, and what says that it has?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from arcfleet import waiting
from arcfleet.core.facts import ConnectedRegistryFacts, SiteFacts
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import Desired
from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason
from arcfleet.core.schedule import until_next_sync
from arcfleet.core.sync.arrivals import Arrival, Served, answer
from arcfleet.core.verdicts import sync as rules
from arcfleet.core.verdicts.sync import Scope, Sought
from arcfleet.errors import PermanentError
from arcfleet.ports import Gateways
from arcfleet.steps.announced import Announcements
from arcfleet.steps.extension import OnChange
from arcfleet.steps.health import INTERVAL
from arcfleet.steps.observe import LISTED, connected_registry
from arcfleet.steps.site_registry import judged

RECENT = 3600.0
"""Seconds for which a token that was read need not be read again to know its scope map."""
HOPELESS = frozenset({"S1", "S2"})
"""Rules of images that never arrive, however long one waits."""


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
    arrivals = [await arrival(gateways, site, facts, image) for image in images]
    scopes = await scopes_of(gateways, site, cr)
    since = max((time for time in (changed_at, ensured_at) if time), default=None)
    sought = Sought(site.registry, await gateways.registries.service_time(), since)
    for item in arrivals:
        hopeless = rules.judge(item, cr, sought, scopes)
        if hopeless.rule in HOPELESS:
            raise waiting.as_error(hopeless)
    if ensured_at and arrivals:
        since = await _passed_down(gateways, site, cr, arrivals[0], since=ensured_at, on_change=on_change) or since
    resync, announcements = Resync(gateways, site), Announcements(gateways, site)

    async def arrived(item: Arrival, now: ConnectedRegistryFacts, sought: Sought) -> Finding:
        found = await judged(gateways, site, item, now, sought, announcements=announcements)
        return await resync.judged(found, now)

    return tuple(
        [
            await _contact(gateways, site, cr, partial(arrived, item), since=since, on_change=on_change)
            for item in arrivals
        ]
    )


class Resync:
    """Asks a site's connected registry once for a full sync, where its last one failed and it is in contact (S8)."""

    def __init__(self, gateways: Gateways, site: Site) -> None:
        self._gateways, self._site = gateways, site
        self._asked: datetime | None = None

    async def judged(self, finding: Finding, cr: ConnectedRegistryFacts) -> Finding:
        """Return a finding about an image; one of a failed sync only once a resync has not helped."""
        if finding.rule != "S8" or (self._asked is None and not cr.in_contact):
            return finding
        if self._asked is None:
            try:
                await self._gateways.registries.resync(self._site.registry_ref, cr.name)
            except PermanentError as error:
                return finding.with_evidence(error.message)
            self._asked = await self._gateways.registries.service_time()
        return rules.after_resync(finding, cr, self._asked)


async def _passed_down(
    gateways: Gateways,
    site: Site,
    cr: ConnectedRegistryFacts,
    item: Arrival,
    *,
    since: datetime,
    on_change: OnChange,
) -> datetime | None:
    """Wait until every connected registry above has synced with its new rights, the uppermost first.

    An image reaches a nested registry through all of them. Returns the time that the site's own sync must be later
    than; None where there is nothing above.
    """
    listed = await gateways.registries.connected_registries(site.registry_ref, max_age=INTERVAL)
    unproven = replace(item, site=None)
    above: list[ConnectedRegistryFacts] = []
    while (parent := listed.get((cr.parent or "").lower())) and parent not in above:
        above.append(parent)
        cr = parent

    async def passed(now: ConnectedRegistryFacts, sought: Sought) -> Finding:
        return rules.judge(unproven, now, sought)

    for registry in reversed(above):
        await _contact(gateways, site, registry, passed, since=since, on_change=on_change)
        synced = await connected_registry(gateways, site, max_age=INTERVAL, name=registry.name)
        since = max(since, synced.last_sync or since)
    return since if above else None


async def scopes_of(gateways: Gateways, site: Site, cr: ConnectedRegistryFacts) -> tuple[Scope, ...]:
    """Return the sync scope maps that an image passes on its way to a connected registry: its own, and those above.

    One that signs in with a managed identity has no token, and is left out.
    """
    listed = await gateways.registries.connected_registries(site.registry_ref, max_age=LISTED)
    line: list[ConnectedRegistryFacts] = []
    while cr and cr not in line:
        line.append(cr)
        above = listed.get((cr.parent or "").lower())
        if above is None:
            break
        cr = above
    return tuple([await _scope(gateways, site, item) for item in line if item.sync_token_id])


async def _scope(gateways: Gateways, site: Site, cr: ConnectedRegistryFacts) -> Scope:
    token = await gateways.registries.token(site.registry_ref, cr.sync_token_id, max_age=RECENT)
    return cr.name, await gateways.registries.scope_actions(site.registry_ref, token.scope_map_id)


async def arrival(gateways: Gateways, site: Site, facts: SiteFacts, image: ImageRef) -> Arrival:
    """Return what is known of an image's way to a site before anything is waited for.

    Of what pods say only the proof counts that the site served the image: the failure of a pod that was observed
    earlier is no evidence of now.
    """
    host = facts.registry.login_server
    digest = await _digest(gateways, host, image)
    pushed = await _or_none(gateways.images.pushed(host, image))
    heard = answer(site.cluster_ip, image, digest, facts.workloads.values(), pulled_by_tag=False) if digest else None
    return Arrival(image, digest, pushed, heard if heard and heard.served is Served.DIGEST else None)


async def _digest(gateways: Gateways, host: str, image: ImageRef) -> str | None:
    try:
        return await gateways.images.digest(host, image)
    except PermanentError as error:
        # Without the right to read it there is none to compare with.
        return None if error.reason is Reason.NOT_IN_CLOUD else ""


async def _or_none(reading: Awaitable[datetime | None]) -> datetime | None:
    try:
        return await reading
    except PermanentError:
        # A push time that may not be read makes weaker evidence, which its grade's message says.
        return None


async def _contact(
    gateways: Gateways,
    site: Site,
    cr: ConnectedRegistryFacts,
    judge: Callable[[ConnectedRegistryFacts, Sought], Awaitable[Finding]],
    *,
    since: datetime | None,
    on_change: OnChange,
) -> Finding:
    async def look() -> Finding:
        now = await connected_registry(gateways, site, max_age=INTERVAL, name=cr.name)
        return await judge(now, Sought(site.registry, await gateways.registries.service_time(), since))

    return await waiting.until_settled(
        look,
        clock=gateways.clock,
        deadline=site.timeouts.sync.total_seconds() + until_next_sync(cr, await gateways.registries.service_time()),
        delay=lambda _elapsed: INTERVAL,
        on_change=on_change,
    )


async def standing(gateways: Gateways, site: Site, facts: SiteFacts, wanted: Sequence[Desired]) -> tuple[Finding, ...]:
    """Return one finding per image of a site as it is now; nothing is waited for.

    Azure is asked for what no pod proves only, and in lists that all sites of the registry share.
    """
    found: dict[ImageRef, Finding] = {}
    announcements = Announcements(gateways, site)
    for desired in wanted:
        live = (facts.workloads.get(desired.workload.name),)
        for image in desired.images:
            pinned = image in desired.digests
            digest = desired.digests.get(image) or await _digest(gateways, facts.registry.login_server, image)
            heard = answer(site.cluster_ip, image, digest, live, pulled_by_tag=not pinned) if digest else None
            item = Arrival(image, digest, site=heard)
            found[image] = await _judge_now(gateways, site, facts, item, announcements)
    return tuple(found.values())


async def _judge_now(
    gateways: Gateways, site: Site, facts: SiteFacts, item: Arrival, announcements: Announcements
) -> Finding:
    cr, sought = facts.connected_registry, Sought(site.registry, await gateways.registries.service_time())
    proven = rules.judge(item, cr, sought) if item.site else None
    if proven and proven.ok:
        return proven
    scopes = await scopes_of(gateways, site, cr)
    pushed = await _or_none(gateways.images.pushed(facts.registry.login_server, item.image))
    item = replace(item, pushed=pushed)
    return await judged(gateways, site, item, cr, sought, announcements=announcements, scopes=scopes)
