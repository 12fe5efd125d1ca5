"""What `ensure` makes takes the rights of its role file and no more; one that is missing is named before any write."""

from __future__ import annotations

import pytest

from arcfleet.core.runs.outcomes import Result
from tests.conftest import fleet_of
from tests.flows.test_ensure import CHAIN, nested
from tests.flows.test_least_privilege import actions, as_role, told, written

TEXT = nested(CHAIN)


def granting(rest):
    """Return a change of the world to these actions in Azure, and every right in its clusters."""

    def change(world):
        as_role(rest)(world)
        for cluster in world["clusters"]:
            del cluster["kubernetes"]["user"]

    return change


async def test_nested_registries_are_made_with_exactly_the_rights_of_the_files(simulate, deploy):
    sim = simulate(fleet_of(TEXT), change=granting(actions("deploy", "ensure")), extensionInstall=60)

    report = await deploy(sim, TEXT)

    assert report.result is Result.COMPLETED
    assert [entry["path"] for entry in sim.audit() if entry["status"] in {401, 403}] == []


@pytest.mark.parametrize("action", dict.fromkeys(actions("ensure")))
async def test_a_right_that_is_missing_is_named_before_any_write(simulate, deploy, action):
    rest = [held for held in actions("deploy", "ensure") if held != action]
    sim = simulate(fleet_of(TEXT), change=granting(rest), extensionInstall=60)

    report = await deploy(sim, TEXT)

    assert action.replace("*", "tokens") in told(report)
    assert written(sim) == []
