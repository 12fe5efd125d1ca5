"""Rotation of as many sites as a cloud registry can have, among refusals: none loses its parent for a moment."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from arcfleet.core.runs.outcomes import Status
from arcfleet.gateways import connect
from flows.rotate_credentials import rotate_credentials
from tests.conftest import fleet_of, fleet_text, settings_of
from tests.flows.contact import count_online, installed

pytestmark = pytest.mark.stories

SITES = 50
WAIT = {"status": 429, "headers": {"Retry-After": "5"}}
CROWD = (
    {"path": "connectedRegistries", "after": 5, "times": 10, "effect": WAIT},
    {"path": "generateCredentials", "after": 10, "times": 5, "effect": {"status": 429}},
    {"path": "extensions/", "after": 40, "times": 10, "effect": {"status": 503}},
    {"path": "operations/", "after": 40, "times": 10, "effect": {"reset": True}},
)


async def errors(sim, fleet) -> list[str]:
    """Return what the registries' own logs tell of talks to their parent that failed."""
    async with connect(settings_of(sim)) as gateways:
        looks = await asyncio.gather(*(gateways.kubernetes.extension_evidence(site) for site in fleet.sites))
    lines = [line for seen in looks for line in seen.log]
    assert len(lines) >= SITES  # each tells at least that it was activated
    return [line for line in lines if "[Error]" in line]


async def test_fifty_sites_are_rotated_under_load_and_none_is_offline_for_one_poll(simulate, deploy):
    # A busy machine has the world's time run ahead of the work.
    text = fleet_text(SITES, workloads=[], timeouts={"extension": "6h", "online": "6h", "site": "1d"})
    sim = simulate(fleet_of(text), speed=120, change=installed, extensionUpdate=30)
    for rule in CROWD:
        sim.fault(rule)
    seen: Counter[bool] = Counter()

    watching = asyncio.create_task(count_online(sim, seen))
    report = await deploy(sim, text, flow=rotate_credentials, now=True, max_failures=19)
    watching.cancel()

    assert Counter(outcome.status for outcome in report.outcomes) == {Status.SUCCEEDED: SITES}
    assert all(rule["hits"] for rule in sim.get("/faults"))
    assert seen[True] >= 20 * SITES
    assert seen[False] == 0
    assert await errors(sim, fleet_of(text)) == []
