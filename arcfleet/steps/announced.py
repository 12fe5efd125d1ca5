"""What a site's connected registry has announced: evidence where no pod gives any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from arcfleet.core.announcements import Announced
from arcfleet.core.arrivals import Arrival
from arcfleet.core.facts import ConnectedRegistryFacts
from arcfleet.core.manifest import Site
from arcfleet.ports import Gateways


class Announcements:
    """The announcements of a site's registry: read once, for the first image without a proof.

    None are looked for where Azure shows that the registry is to announce nothing.
    """

    def __init__(self, gateways: Gateways, site: Site, cr: ConnectedRegistryFacts) -> None:
        self._gateways, self._site, self._cr = gateways, site, cr
        self._known: Mapping[str, Announced] | None = None

    async def added(self, item: Arrival) -> Arrival:
        """Return what is known of an image with what was announced of it."""
        if item.site or not self._cr.notifications:
            return item
        if self._known is None:
            self._known = await self._gateways.announcements.of(self._site.registry, self._cr.name)
        return replace(item, notified=self._known.get(str(item.image)))
