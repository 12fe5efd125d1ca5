"""Removal as stories: the world before the deploy is left, wherever a run was stopped, and nobody else's is touched."""

from __future__ import annotations

import pytest

from arcfleet.core.outcomes import Result, Status
from flows.remove_fleet import remove_fleet
from tests.conftest import fleet_of, fleet_text
from tests.flows.test_ensure import CHAIN, nested
from tests.flows.world_state import world_of

FAST = {"extensionInstall": 60, "extensionDelete": 20}
ALL = {"confirm": "test", "workloads": True}


def endpoint_on(world):
    world["registries"][0]["dataEndpointEnabled"] = True


@pytest.mark.parametrize("text", [fleet_text(2), nested({}, 2), nested(CHAIN)], ids=["plain", "ensure", "nested"])
async def test_a_removal_leaves_the_world_as_it_was_before_the_deploy(simulate, deploy, text):
    sim = simulate(fleet_of(text), change=endpoint_on, **FAST)
    count = len(fleet_of(text).sites)
    before = world_of(sim, count)
    assert (await deploy(sim, text)).result is Result.COMPLETED
    assert world_of(sim, count) != before

    report = await deploy(sim, text, flow=remove_fleet, **ALL)

    assert [outcome.status for outcome in report.outcomes] == [Status.SUCCEEDED] * count, report.outcomes[0].finding
    assert world_of(sim, count) == before
