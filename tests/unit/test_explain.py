"""Where every effective value comes from: the layer that won, its line, arcfleet's default, or a null."""

import pytest
from examples import FLEET, HEAD
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core.fleet import source
from arcfleet.core.fleet.explain import DEFAULT, explain, trace
from arcfleet.core.fleet.folder import join
from arcfleet.core.fleet.inventory import FoundCluster
from arcfleet.core.fleet.layers import merge
from arcfleet.core.fleet.resolve import resolve

TEXT = f"""{HEAD}\
defaults:
  registry: acreu1
  labels: {{env: prod}}
  kube: {{context: admin, inCluster: true}}
  timeouts: {{online: 5m, sync: 5m}}
  extension: {{version: 1.2.3, autoUpgrade: false, settings: {{logLevel: info, pvc.storageRequest: 250Gi}}}}
  workloads: [{{name: web, image: "app/web:1"}}]
groups:
  - {{match: {{labels: {{env: test}}}}, set: {{ensure: true}}}}
  - match: {{labels: {{env: prod}}}}
    set:
      timeouts: {{online: 10m}}
      kube: null
sites:
  - name: a
    connectedRegistry: aaaaa
    cluster: {{name: a, resourceGroup: rg}}
    clusterIP: 10.0.0.1
    extension: {{version: null, settings: {{logLevel: null}}}}
    kube: {{kubeconfig: a.yaml}}
  - {{name: b, connectedRegistry: bbbbb, cluster: {{name: b, resourceGroup: rg}}, clusterIP: 10.0.0.1}}
"""


def explained(text: str = TEXT, site: int = 0, discovered=None, *more: str):
    """Return the lines of a site by their keys."""
    sources = join([source.read(part, f"f{i}") for i, part in enumerate((text, *more))])
    return {line.key: line for line in explain(*resolve(sources, discovered).sites[site], sources)}


ORIGINS = {
    "name": ("a", "sites[0]", "f0:19:11"),
    "registry": ("acreu1", "defaults", "f0:6:13"),
    "labels.env": ("prod", "defaults", "f0:7:17"),
    "timeouts.online": ("10m", "groups[1]", "f0:16:26"),
    "timeouts.sync": ("5m", "defaults", "f0:9:32"),
    "timeouts.extension": ("30m", DEFAULT, ""),
    "ensure": (False, DEFAULT, ""),
    "extension.autoUpgrade": (False, "defaults", "f0:10:44"),
    "extension.settings.pvc.storageRequest": ("250Gi", "defaults", "f0:10:98"),
    "connectedRegistrySettings.repositories": ([], DEFAULT, ""),
    "parent": (None, DEFAULT, ""),
    "kube.kubeconfig": ("a.yaml", "sites[0]", "f0:24:24"),
    "workloads[0].image": ("app/web:1", "defaults", "f0:11:34"),
    "workloads[0].namespace": ("default", DEFAULT, ""),
    "cluster.subscription": (None, DEFAULT, ""),
}


@pytest.mark.parametrize(("key", "origin"), ORIGINS.items(), ids=ORIGINS)
def test_a_value_is_told_with_its_origin(key, origin):
    line = explained()[key]

    assert (line.value, line.source, line.place) == origin
    assert not line.deleted


DELETED = {
    "a default with a default of ours below": (0, "extension.version", (None, "sites[0]", "f0:23:26")),
    "a setting, of which nothing is left": (0, "extension.settings.logLevel", (None, "sites[0]", "f0:23:53")),
    "a part that a map of a later layer does not give again": (0, "kube.context", (None, "groups[1]", "f0:17:13")),
    "a whole part": (1, "kube", (None, "groups[1]", "f0:17:13")),
}


@pytest.mark.parametrize(("site", "key", "origin"), DELETED.values(), ids=DELETED)
def test_a_null_that_deleted_a_value_is_told(site, key, origin):
    line = explained(site=site)[key]

    assert (line.value, line.source, line.place) == origin
    assert line.deleted


def test_what_is_given_again_after_a_null_is_not_deleted():
    text = TEXT.replace("kubeconfig: a.yaml", "kubeconfig: a.yaml, context: x")

    assert (explained(text)["kube.context"].value, explained(text)["kube.context"].deleted) == ("x", False)


def test_a_null_that_deletes_nothing_is_not_told():
    text = FLEET + "    extension: {version: null}\n    labels: {a: null}\n"

    assert explained(text)["extension.version"].source == DEFAULT
    assert "labels.a" not in explained(text)


def test_the_order_is_that_of_the_models_and_a_deleted_key_stands_with_its_neighbours():
    keys = list(explained())

    assert keys.index("name") < keys.index("clusterIP") < keys.index("timeouts.sync")
    assert keys[keys.index("extension.settings.pvc.storageRequest") + 1] == "extension.settings.logLevel"


def test_a_value_of_a_folder_is_told_in_its_own_file():
    first, second = TEXT.partition("groups:")[0], "groups:" + TEXT.partition("groups:")[2]

    assert explained(first, 0, None, second)["timeouts.online"].place.startswith("f1:")
    assert explained(first, 0, None, second)["registry"].place == "f0:6:13"


def test_a_value_that_azure_gave_is_told_at_the_inventory():
    text = f"""{HEAD}\
sitesFrom:
  - subscription: s9
    set: {{registry: acreu1, connectedRegistry: aaaaa}}
    fromTags: {{clusterIP: ip}}
"""
    lines = explained(text, 0, {0: [FoundCluster("k-a", "rg", "s9", "north", {"ip": "10.0.0.1"})]})

    told = {key: (lines[key].value, lines[key].source, lines[key].place) for key in ("registry", "clusterIP", "name")}
    assert told == {
        "registry": ("acreu1", "sitesFrom[0]", "f0:7:21"),
        "clusterIP": ("10.0.0.1", "sitesFrom[0]", "f0:6:5"),
        "name": ("k-a", "sitesFrom[0]", "f0:6:5"),
    }


leaf = st.one_of(st.none(), st.integers(0, 3), st.lists(st.integers(0, 1), max_size=2))
inner = st.dictionaries(st.sampled_from("ab"), leaf, max_size=2)
layer = st.dictionaries(
    st.sampled_from("abc"), st.one_of(leaf, inner, st.dictionaries(st.just("a"), inner)), max_size=3
)


def at(value, path):
    for part in path:
        value = value[part]
    return value


def leaves(value, path=()):
    """Yield the paths of what is no map."""
    for key, below in value.items():
        if isinstance(below, dict) and below:
            yield from leaves(below, (*path, key))
        elif below != {}:
            yield (*path, key)


@given(st.lists(layer, max_size=4))
def test_a_trace_finds_each_value_of_the_merge_in_the_layer_that_it_names(layers):
    merged: dict = {}
    for one in layers:
        merged = merge(merged, one)

    traced = trace([((i,), one) for i, one in enumerate(layers)])

    held = {path for path in traced.held if at(traced.layers[traced.held[path]], path) != {}}
    assert held == set(leaves(merged))
    assert all(at(merged, path) == at(layers[traced.held[path][0]], path) for path in held)
    assert all(at(layers[place[0]], path) is None for path, place in traced.gone.items())
    assert not held & set(traced.gone)
