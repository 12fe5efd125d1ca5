"""What a site's connected registry has announced: evidence where neither a pod nor its own registry gives any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from arcfleet.core.facts import ConnectedRegistryFacts, Unread
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.sync.announcements import Announced
from arcfleet.core.sync.arrivals import Arrival
from arcfleet.ports import Gateways
from arcfleet.steps.health import INTERVAL


class Announcements:
    """The announcements of a site's registry, for all of its images: read anew for who looks again later.

    None are looked for where Azure shows that the registry is to announce nothing.
    """

    def __init__(self, gateways: Gateways, site: Site) -> None:
        self._gateways, self._site = gateways, site
        self._known: Mapping[str, Announced] | Unread = {}
        self._read_at: float | None = None

    async def added(self, item: Arrival, cr: ConnectedRegistryFacts) -> Arrival | Unread:
        """Return what is known of an image with what was announced of it; why, where that can't be read."""
        if item.site or not cr.notifications:
            return item
        now = self._gateways.clock.monotonic()
        if self._read_at is None or now - self._read_at >= INTERVAL:
            self._known, self._read_at = await self._gateways.announcements.of(self._site.registry, cr.name), now
        known = self._known
        return known if isinstance(known, Unread) else replace(item, notified=known.get(str(item.image)))
