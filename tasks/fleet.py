"""Load a fleet, and choose sites of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from prefect import task

from arcfleet import fleetfile
from arcfleet.core.fleet.manifest import Fleet
from arcfleet.steps import inventory
from tasks import runtime


@task(name="load fleet", task_run_name="load fleet", **runtime.OPTIONS)
async def load_fleet(path: str, sites: Sequence[str], labels: Mapping[str, str]) -> Fleet:
    """Read and validate a fleet, ask Azure for the sites that its inventories mean, and keep the chosen ones."""
    fleet = await asyncio.to_thread(fleetfile.load, path)
    if fleet.inventories:
        async with runtime.session() as here:
            discovered = await inventory.discover(here.gateways, fleet)
        fleet = await asyncio.to_thread(fleetfile.load, path, discovered)
    return fleet.choose(sites, labels)
