"""A removal works with exactly the rights of its role files; one that is missing is named before any deletion."""

from __future__ import annotations

import pytest

from arcfleet.core.runs.outcomes import Result
from flows.remove_fleet import remove_fleet
from tests.conftest import fleet_of, fleet_text
from tests.flows.test_ensure import nested
from tests.flows.test_least_privilege import actions, grant, principals, told, written

ASK = {"confirm": "test", "workloads": True}
WRITES = [action for action in actions("remove") if not action.endswith("/read")]


def user_of_his_own(world):
    """Give the kubeconfig a user whose rights can be taken away again."""
    for cluster in world["clusters"]:
        cluster["kubernetes"]["user"] = {"name": "arcfleet", "role": "cluster-admin"}


async def ready(simulate, deploy, text, granted):
    """Return a simulator with a deployed fleet, and from then on these rights only."""
    sim = simulate(fleet_of(text), change=user_of_his_own, extensionInstall=60, extensionDelete=20)
    assert (await deploy(sim, text)).result is Result.COMPLETED
    sim.post("/principals", {"principals": principals(granted)})
    return sim


@pytest.mark.parametrize("text", [fleet_text(1), nested({}, 1)], ids=["plain", "ensure"])
async def test_a_removal_works_with_exactly_the_rights_of_its_role_files(simulate, deploy, text):
    sim = await ready(simulate, deploy, text, actions("remove"))
    grant(sim, "remove")

    report = await deploy(sim, text, flow=remove_fleet, connected_registry=True, **ASK)

    assert report.result is Result.COMPLETED, report.outcomes[0].finding
    refused = [entry["path"] for entry in sim.audit() if entry["status"] in {401, 403}]
    assert refused == ["/kube/k-s1/api/v1/namespaces"]  # The test's own question.


@pytest.mark.parametrize("action", WRITES)
async def test_without_a_right_to_delete_it_is_named_and_nothing_is_deleted(simulate, deploy, action):
    # Passwords end where tokens stay; what ensure made goes with them.
    text = fleet_text(1) if action.endswith("tokens/write") else nested({"s2": "s1"}, 2)
    rest = [other for other in actions("remove") if other != action]
    sim = await ready(simulate, deploy, text, rest)
    before = written(sim)

    report = await deploy(sim, text, flow=remove_fleet, confirm="test", sites=[fleet_of(text).sites[-1].name])

    assert action in told(report)
    assert written(sim) == before


@pytest.mark.parametrize(("resource", "verb"), [("deployments", "delete"), ("secrets", "delete"), ("secrets", "get")])
async def test_without_a_right_in_the_cluster_it_is_named_and_nothing_is_deleted(simulate, deploy, resource, verb):
    text = fleet_text(1)
    sim = await ready(simulate, deploy, text, actions("remove"))
    grant(sim, "remove", without=(resource, verb))
    before = written(sim)

    report = await deploy(sim, text, flow=remove_fleet, **ASK)

    message = told(report)
    assert f"{verb} {resource}" in message or f'cannot {verb} resource "{resource}"' in message
    assert written(sim) == before
