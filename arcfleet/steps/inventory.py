"""Ask Azure for the clusters that a fleet's inventories mean. Reads only."""

from __future__ import annotations

import asyncio

from arcfleet.core.fleet.inventory import FoundCluster, chosen
from arcfleet.core.fleet.manifest import Fleet, Inventory
from arcfleet.ports import Gateways


async def discover(gateways: Gateways, fleet: Fleet) -> dict[int, tuple[FoundCluster, ...]]:
    """Return the clusters of each inventory of a fleet that was not asked yet, by its index in `sitesFrom`.

    Raises:
        TransientError: Azure did not answer.
        PermanentError: It refused, or there is no such subscription or resource group.
    """

    async def one(inventory: Inventory) -> tuple[FoundCluster, ...]:
        listed = await gateways.extensions.clusters(inventory.subscription, inventory.resource_group)
        return chosen(inventory, listed)

    found = await asyncio.gather(*map(one, fleet.inventories.values()))
    return dict(zip(fleet.inventories, found, strict=True))
