"""Load a fleet file, and choose sites of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from prefect import task

from arcfleet import fleetfile
from arcfleet.core.manifest import Fleet
from tasks import runtime


@task(name="load fleet", task_run_name="load fleet", **runtime.OPTIONS)
async def load_fleet(path: str, sites: Sequence[str], labels: Mapping[str, str]) -> Fleet:
    """Read and validate a fleet file, and keep the chosen sites."""
    return (await asyncio.to_thread(fleetfile.load, path)).choose(sites, labels)
