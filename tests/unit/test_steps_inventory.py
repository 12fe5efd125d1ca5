"""The inventory step: each entry is asked for once, and only what carries its tags is kept."""

from examples import HEAD
from fakes import Script, gateways, port

from arcfleet.core.fleet.inventory import FoundCluster
from arcfleet.core.fleet.resolve import load
from arcfleet.steps.inventory import discover

TEXT = f"""{HEAD}\
sitesFrom:
  - {{subscription: s1, resourceGroup: rg, tags: {{fleet: a}}}}
  - {{subscription: s2}}
"""


async def test_every_inventory_is_asked_for_and_filtered_by_its_tags():
    a, b = FoundCluster("a", "rg", "s1", "", {"fleet": "a"}), FoundCluster("b", "rg", "s1", "", {"fleet": "b"})
    clusters = Script([b, a], [b])

    found = await discover(gateways(extensions=port(clusters=clusters)), load(TEXT, "f"))

    assert found == {0: (a,), 1: (b,)}
    assert clusters.calls == [("s1", "rg"), ("s2", None)]


async def test_an_inventory_that_was_asked_is_not_asked_again():
    clusters = Script([])
    values = "{registry: acreu1, connectedRegistry: aaaaa, clusterIP: 10.0.0.1}"
    fleet = load(TEXT.replace("tags:", f"set: {values}, tags:"), "f", {0: [FoundCluster("a", "r", "s")]})

    assert await discover(gateways(extensions=port(clusters=clusters)), fleet) == {1: ()}
    assert clusters.calls == [("s2", None)]
