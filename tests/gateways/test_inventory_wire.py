"""Azure's list of Arc clusters over the wire: scopes, tags, pages, refusals; and a fleet made of it."""

from __future__ import annotations

import pytest
import yaml

from arcfleet.core.fleet import resolve
from arcfleet.core.fleet.inventory import FoundCluster
from arcfleet.core.reasons import Reason
from arcfleet.errors import FleetError, PermanentError, TransientError
from arcfleet.gateways import connect
from arcfleet.steps.inventory import discover
from tests.conftest import SUBSCRIPTION, fleet_of, fleet_text, settings_of


def tagged(world):
    """Put tags on the clusters, the last one into another resource group."""
    for number, cluster in enumerate(world["clusters"], 1):
        cluster["tags"] = {"fleet": "plants", "arcfleet-registry": f"plant{number}", "ring": str(number % 2)}
        cluster["location"] = "westeurope"
    world["clusters"][-1]["resourceGroup"] = "rg-other"


def paged(world):
    tagged(world)
    world["pageSize"] = 2


async def listed(sim, group="rg-arc", subscription=SUBSCRIPTION):
    async with connect(settings_of(sim)) as gateways:
        return await gateways.extensions.clusters(subscription, group)


async def test_the_clusters_of_a_resource_group_are_listed_with_place_and_tags(simulate):
    found = await listed(simulate(fleet_of(fleet_text(3)), change=tagged))

    tags = {"fleet": "plants", "arcfleet-registry": "plant1", "ring": "1"}
    assert found[0] == FoundCluster("k-s1", "rg-arc", SUBSCRIPTION, "westeurope", tags)
    assert [cluster.name for cluster in found] == ["k-s1", "k-s2"]


async def test_those_of_a_subscription_are_listed_page_by_page(simulate):
    sim = simulate(fleet_of(fleet_text(5)), change=paged)

    found = await listed(sim, None)

    assert [cluster.name for cluster in found] == [f"k-s{i}" for i in range(1, 6)]
    assert found[-1].resource_group == "rg-other"
    assert sim.counters()["byKind"]["arm LIST connectedClusters"] == 3


INVENTORY = {
    "subscription": SUBSCRIPTION,
    "tags": {"fleet": "plants", "RING": "1"},
    "set": {"clusterIP": "10.96.0.50", "kube": {"context": "{cluster}"}},
    "fromTags": {"connectedRegistry": "arcfleet-registry"},
}


def text_of(inventory) -> str:
    value = yaml.safe_load(fleet_text(1))
    del value["sites"]
    return yaml.safe_dump({**value, "sitesFrom": [inventory]})


async def test_a_fleet_is_made_of_the_clusters_with_its_tags(simulate):
    text = text_of(INVENTORY)
    sim = simulate(fleet_of(fleet_text(5)), change=paged)

    async with connect(settings_of(sim)) as gateways:
        found = await discover(gateways, resolve.load(text, "f"))
    sites = resolve.load(text, "f", found).sites

    assert [(site.name, site.connected_registry) for site in sites] == [
        ("k-s1", "plant1"),
        ("k-s3", "plant3"),
        ("k-s5", "plant5"),
    ]
    assert [site.cluster_ref.resource_group for site in sites] == ["rg-arc", "rg-arc", "rg-other"]


@pytest.mark.parametrize(
    ("effect", "kind", "reason"),
    [
        ({"status": 403}, PermanentError, Reason.FORBIDDEN),
        ({"status": 404}, PermanentError, Reason.CLUSTER_NOT_FOUND),
        ({"truncate": True}, TransientError, Reason.BAD_RESPONSE),
        ({"status": 200, "body": {"value": [{"id": "/x", "name": "x"}]}}, TransientError, Reason.BAD_RESPONSE),
        ({"status": 200, "body": {"value": 5}}, TransientError, Reason.BAD_RESPONSE),
    ],
    ids=str,
)
async def test_an_answer_that_is_no_list_is_translated(simulate, effect, kind, reason):
    sim = simulate(fleet_of(fleet_text(1)))
    sim.fault({"path": "connectedClusters\\?", "effect": effect})

    with pytest.raises(FleetError) as caught:
        await listed(sim)

    assert type(caught.value) is kind
    assert caught.value.reason is reason
