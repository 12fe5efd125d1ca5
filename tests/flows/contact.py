"""Worlds whose sites are in contact with their parents, and a count of the moments at which one was not."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx

from simulator import Simulator


def installed(world: dict[str, Any]) -> None:
    """Have a connected registry in contact at every site."""
    for cluster, cr in zip(world["clusters"], world["registries"][0]["connectedRegistries"], strict=True):
        cluster["extension"] = {"connectedRegistry": cr["name"], "clusterIP": "10.96.0.50"}


async def count_online(sim: Simulator, seen: Counter[bool]) -> None:
    """Count, for as long as it is let, at which looks each connected registry was online, by the world itself."""
    async with httpx.AsyncClient() as api:
        while True:
            world = (await api.get(f"{sim.control}/world")).json()
            seen.update(cr["online"] for cr in world["registries"][0]["connectedRegistries"])
            await asyncio.sleep(0.05)
