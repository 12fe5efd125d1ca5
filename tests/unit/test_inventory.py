"""Sites from Azure's list of clusters: which are meant, what is said of them, and how a listed site extends one."""

import pytest
from examples import FLEET, HEAD

from arcfleet.core.fleet.inventory import FoundCluster, chosen
from arcfleet.core.fleet.manifest import Inventory
from arcfleet.core.fleet.resolve import load
from arcfleet.errors import ManifestError

EU = {"Fleet": "plants", "ring": "1", "arcfleet-registry": "essenplant", "arcfleet-ip": "10.0.0.9"}
ESSEN = FoundCluster("K-Essen", "rg-arc", "s9", "westeurope", EU)
LILLE = FoundCluster("lille", "RG-arc", "s9", "francecentral", {**EU, "arcfleet-registry": "lilleplant"})
TEXT = f"""{HEAD}\
defaults: {{registry: acreu1, timeouts: {{online: 1m}}}}
groups:
  - {{match: {{labels: {{location: westeurope}}}}, set: {{parentProtocol: http, timeouts: {{online: 2m, sync: 2m}}}}}}
sitesFrom:
  - subscription: s9
    resourceGroup: rg-arc
    tags: {{fleet: plants}}
    set: {{kube: {{context: "admin@{{cluster}}"}}, timeouts: {{online: 3m}}}}
    fromTags: {{connectedRegistry: ARCFLEET-registry, clusterIP: arcfleet-ip, parent: arcfleet-parent}}
"""
LISTED = """\
sites:
  - name: essen
    cluster: {name: k-essen, resourceGroup: RG-ARC, subscription: S9}
    clusterIP: 10.0.0.1
    labels: {ring: "2"}
"""


def problems(text: str, *clusters: FoundCluster) -> list[str]:
    with pytest.raises(ManifestError) as refused:
        load(text, "f", {0: clusters})
    return list(refused.value.problems)


TAGS = {
    "no tags": ({}, True),
    "one": ({"fleet": "plants"}, True),
    "its name in another case": ({"FLEET": "plants"}, True),
    "its value in another case": ({"fleet": "Plants"}, False),
    "any value": ({"ring": None}, True),
    "a tag that is not there": ({"site": None}, False),
    "all of them": ({"fleet": "plants", "ring": "1"}, True),
    "not all of them": ({"fleet": "plants", "ring": "2"}, False),
}


@pytest.mark.parametrize(("tags", "is_meant"), TAGS.values(), ids=TAGS)
def test_clusters_are_chosen_by_their_tags(tags, is_meant):
    assert chosen(Inventory(subscription="s", tags=tags), [ESSEN]) == ((ESSEN,) if is_meant else ())


def test_chosen_clusters_come_in_the_order_of_their_names():
    assert chosen(Inventory(subscription="s"), [LILLE, ESSEN]) == (ESSEN, LILLE)


def test_a_cluster_found_is_a_site():
    essen, lille = load(TEXT, "f", {0: [ESSEN, LILLE]}).sites

    assert (essen.name, essen.connected_registry, essen.cluster_ip) == ("k-essen", "essenplant", "10.0.0.9")
    assert essen.cluster_ref.id.endswith(
        "/s9/resourceGroups/rg-arc/providers/Microsoft.Kubernetes/connectedClusters/K-Essen"
    )
    assert essen.labels == {**EU, "location": "westeurope"}
    assert (essen.kube.context, essen.parent) == ("admin@K-Essen", None)
    assert (lille.name, lille.parent_protocol) == ("lille", "https")


def test_groups_see_its_location_and_tags_and_its_own_values_lie_above_them():
    (essen,) = load(TEXT, "f", {0: [ESSEN]}).sites

    assert essen.parent_protocol == "http"
    assert [length.total_seconds() for length in (essen.timeouts.online, essen.timeouts.sync)] == [180, 120]


def test_a_cluster_that_is_listed_too_is_one_site_and_the_list_wins():
    essen, lille = load(TEXT + LISTED, "f", {0: [ESSEN, LILLE]}).sites

    assert (essen.name, essen.cluster_ip, essen.labels["ring"]) == ("essen", "10.0.0.1", "2")
    assert (essen.connected_registry, essen.labels["location"]) == ("essenplant", "westeurope")
    assert lille.name == "lille"


def test_a_listed_cluster_is_known_by_its_registrys_subscription():
    listed = LISTED.replace(", subscription: S9", "")

    assert [
        site.name for site in load(TEXT + listed, "f", {0: [FoundCluster("k-essen", "rg-arc", "s1", "", EU)]}).sites
    ] == ["essen"]


def test_a_cluster_that_two_inventories_find_is_one_site():
    text = TEXT + "  - {subscription: s9, set: {ensure: true}}\n"

    (essen,) = load(text, "f", {0: [ESSEN], 1: [ESSEN]}).sites

    assert not essen.ensure


def test_what_was_not_asked_stays_with_the_fleet():
    text = TEXT + "  - {subscription: s8}\n"

    assert list(load(text, "f").inventories) == [0, 1]
    assert list(load(text, "f", {0: [ESSEN]}).inventories) == [1]
    assert load(text, "f").inventories[0].from_tags["clusterIP"] == "arcfleet-ip"
    assert load(FLEET, "f").inventories == {}


def test_a_parent_may_be_a_site_that_is_not_found_yet():
    listed = TEXT + LISTED + "    parent: lille\n    connectedRegistry: essenplant\n"

    assert load(listed, "f").sites[0].parent == "lille"
    assert problems(listed, ESSEN) == ["f:19:13  sites[0].parent  lille is no site of this fleet"]


BARE = FoundCluster("k-bare", "rg-arc", "s9")
REFUSED = {
    "tags that are missing": (
        TEXT,
        BARE,
        ["f:9:5  sitesFrom[0].connectedRegistry  cluster k-bare: is missing",
         "f:9:5  sitesFrom[0].clusterIP  cluster k-bare: is missing"],
    ),
    "a tag against a rule": (
        TEXT,
        FoundCluster("lille", "rg-arc", "s9", "", {**EU, "arcfleet-ip": "::1"}),
        ["f:9:5  sitesFrom[0].clusterIP  cluster lille: '::1' is not an IPv4 address: four numbers of 0 to 255, "
         "without leading zeros"],
    ),
    "a name that no site can have": (
        TEXT,
        FoundCluster("k_essen", "rg-arc", "s9", "", EU),
        ["f:9:5  sitesFrom[0].name  cluster k_essen: 'k_essen' is not accepted: 1 to 63 of a-z 0-9 -, "
         "as Kubernetes names are"],
    ),
    "a value of the set": (
        TEXT.replace("online: 3m", "online: soon"),
        ESSEN,
        ["f:12:66  sitesFrom[0].set.timeouts.online  cluster K-Essen: 'soon' is no duration: "
         "write for example 90s, 30m, 2h or 1h30m"],
    ),
    "a value of the defaults is told once": (
        TEXT.replace("online: 1m", "extension: soon"),
        ESSEN,
        ["f:5:52  defaults.timeouts.extension  'soon' is no duration: write for example 90s, 30m, 2h or 1h30m"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "cluster", "told"), REFUSED.values(), ids=REFUSED)
def test_what_no_site_can_be_made_of_names_the_cluster(text, cluster, told):
    assert problems(text, cluster) == told


def test_a_name_that_a_listed_site_has_is_told_at_the_inventory():
    listed = LISTED.replace("name: k-essen", "name: other").replace("name: essen", "name: k-essen")
    text = f"{TEXT}{listed}    connectedRegistry: other1\n    kube: null\n"

    assert problems(text, ESSEN) == [
        "f:9:5  sitesFrom[0].name  cluster K-Essen: site k-essen is already used by site k-essen"
    ]


def test_a_fleet_whose_inventories_find_nothing_has_no_site():
    assert problems(TEXT) == ["f:9:3  sitesFrom  Azure has no such cluster, so the fleet has no site"]


UNKNOWN = {
    "no subscription": ("sitesFrom: [{}]", "f:5:13  sitesFrom[0].subscription  is missing"),
    "a key that no tag can give": (
        "sitesFrom: [{subscription: s, fromTags: {ensure: x}}]",
        "f:5:50  sitesFrom[0].fromTags.ensure  should be 'clientToken', 'clusterIP', 'connectedRegistry', 'parent' "
        "or 'registry'",
    ),
    "a path as a subscription": (
        "sitesFrom: [{subscription: ../x}]",
        "f:5:28  sitesFrom[0].subscription  '../x' is not accepted: a subscription's id has letters, digits and - only",
    ),
}


@pytest.mark.parametrize(("line", "problem"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_inventory_against_a_rule_is_refused(line, problem):
    with pytest.raises(ManifestError) as refused:
        load(f"{HEAD}{line}\n", "f")

    assert refused.value.problems == (problem,)
