"""Resolving: defaults, groups in their order, then the site; each problem at the place where its value is written."""

import json
from contextlib import suppress

import pytest
from examples import FLEET, HEAD, SITE, fleet
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core.fleet.layers import merge
from arcfleet.core.fleet.resolve import load
from arcfleet.errors import ManifestError

scalars = st.one_of(
    st.integers(0, 3), st.booleans(), st.text("xy", max_size=1), st.lists(st.integers(0, 1), max_size=2)
)
values = st.deferred(lambda: st.one_of(st.none(), scalars, st.dictionaries(st.sampled_from("abc"), values)))
layers = st.dictionaries(st.sampled_from("abc"), values)


def holds_none(value) -> bool:
    return value is None or (isinstance(value, dict) and any(holds_none(part) for part in value.values()))


CASES = {
    "a new key is added": ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
    "a value replaces": ({"a": 1}, {"a": 2}, {"a": 2}),
    "maps merge": ({"a": {"x": 1, "y": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
    "a list replaces": ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    "null deletes": ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
    "null deletes inside": ({"a": {"x": 1, "y": 1}}, {"a": {"x": None}}, {"a": {"y": 1}}),
    "null deletes what is not there": ({}, {"a": None}, {}),
    "null deletes inside what is not there": ({}, {"a": {"x": None, "y": 1}}, {"a": {"y": 1}}),
    "a map replaces a value": ({"a": 1}, {"a": {"x": 1}}, {"a": {"x": 1}}),
    "a value replaces a map": ({"a": {"x": 1}}, {"a": 1}, {"a": 1}),
}


@pytest.mark.parametrize(("base", "over", "expected"), CASES.values(), ids=CASES)
def test_a_layer_is_laid_over_another(base, over, expected):
    assert merge(base, over) == expected


@given(layers, layers)
def test_laying_the_same_layer_twice_changes_nothing_more(base, over):
    assert merge(merge(base, over), over) == merge(base, over)


@given(layers)
def test_an_empty_layer_changes_nothing_and_any_layer_over_nothing_holds_no_null(layer):
    alone = merge({}, layer)

    assert merge(alone, {}) == alone
    assert not holds_none(alone)


shaped = st.deferred(
    lambda: st.one_of(
        st.dictionaries(st.sampled_from("xy"), scalars),
        st.builds(dict.__or__, st.dictionaries(st.sampled_from("ab"), shaped), st.just({"x": 0})),
    )
)


@given(shaped, shaped, shaped)
def test_where_a_key_is_always_a_map_or_never_the_grouping_of_layers_does_not_matter(a, b, c):
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@given(layers, layers)
def test_merging_leaves_its_inputs_as_they_were(base, over):
    before = repr((base, over))

    merge(base, over)

    assert repr((base, over)) == before


LAYERED = f"""{HEAD}
defaults:
  registry: acreu1
  labels: {{env: prod}}
  timeouts: {{online: 5m}}
  extension: {{settings: {{pvc.storageRequest: 250Gi, logLevel: info}}}}
groups:
  - {{match: {{labels: {{env: prod}}}}, set: {{timeouts: {{online: 10m, sync: 10m}}}}}}
  - {{match: {{labels: {{env: prod, region: eu}}}}, set: {{timeouts: {{sync: 20m}}}}}}
  - {{match: {{labels: {{}}}}, set: {{parentProtocol: http}}}}
sites:
  - name: a
    labels: {{region: eu}}
    connectedRegistry: aaaaa
    cluster: {{name: a, resourceGroup: rg}}
    clusterIP: 10.0.0.1
  - name: b
    labels: {{env: test}}
    connectedRegistry: bbbbb
    cluster: {{name: b, resourceGroup: rg, subscription: s2}}
    clusterIP: 10.0.0.1
    timeouts: {{sync: 1m}}
    extension: {{settings: {{logLevel: null, httpEnabled: true, replicas: 2, share: 0.5}}}}
"""


def test_groups_apply_in_their_order_to_the_sites_that_carry_all_labels():
    a, b = fleet(LAYERED).sites

    assert [t.total_seconds() / 60 for t in (a.timeouts.online, a.timeouts.sync)] == [10, 20]
    assert [t.total_seconds() / 60 for t in (b.timeouts.online, b.timeouts.sync)] == [5, 1]
    assert (a.parent_protocol, b.parent_protocol) == ("http", "http")


def test_null_deletes_a_default_setting_and_numbers_become_text():
    _, b = fleet(LAYERED).sites

    assert b.settings == {
        "service.clusterIP": "10.0.0.1",
        "pvc.storageRequest": "250Gi",
        "httpEnabled": "true",
        "replicas": "2",
        "share": "0.5",
    }


def test_a_cluster_without_a_subscription_is_in_its_registrys():
    a, b = fleet(LAYERED).sites

    assert (a.cluster_ref.subscription, b.cluster_ref.subscription) == ("s1", "s2")


def test_a_registry_is_found_whatever_the_case_of_its_name():
    assert fleet(FLEET.replace("registry: acreu1", "registry: ACREU1")).sites[0].registry_ref.name == "acreu1"


def second(first: str = "", **changes: str) -> str:
    """Return the fleet file with a second site that differs in everything but what is given; the first has one line."""
    values = {"name": "lyon", "connectedRegistry": "lyonplant", "cluster": "{name: k-lyon, resourceGroup: rg-arc}"}
    lines = "\n    ".join(f"{key}: {value}" for key, value in {**values, **changes}.items())
    return f"{FLEET}{first}  - registry: acreu1\n    clusterIP: 10.96.0.50\n    {lines}\n"


KUBE = "    kube: {kubeconfig: berlin.yaml, context: admin}\n"
OTHER_WAYS = {
    "another kubeconfig": second(KUBE, kube="{kubeconfig: lyon.yaml, context: admin}"),
    "another context": second(KUBE, kube="{kubeconfig: berlin.yaml, context: lyon}"),
    "the kubeconfig's own context": second(KUBE, kube="{kubeconfig: berlin.yaml}"),
    "the settings' kubeconfig": second(KUBE, kube="{context: admin}"),
    "inside its cluster": second(KUBE, kube="{inCluster: true}"),
    "none": second(KUBE),
    "none on both": second(),
}


@pytest.mark.parametrize("text", OTHER_WAYS.values(), ids=OTHER_WAYS)
def test_sites_with_ways_of_their_own_to_kubernetes_are_accepted(text):
    assert [site.name for site in fleet(text).sites] == ["berlin", "lyon"]


def test_a_way_to_kubernetes_that_all_sites_have_by_default_is_refused():
    with pytest.raises(ManifestError, match=r"sites\[1\]\.kube  this way to a Kubernetes API is already used by site"):
        load(second().replace("sites:", "defaults: {kube: {context: admin}}\nsites:"), "f")


PROBLEMS = {
    "same name": (second(name="berlin"), "f:13:11  sites[1].name  site berlin is already used by site berlin"),
    "same connected registry": (
        second(connectedRegistry="BerlinPlant"),
        "f:14:24  sites[1].connectedRegistry  connected registry BerlinPlant is already used by site berlin",
    ),
    "same cluster": (
        second(cluster="{name: K-Berlin, resourceGroup: RG-arc}"),
        "f:15:14  sites[1].cluster  cluster RG-arc/K-Berlin is already used by site berlin",
    ),
    "same cluster, its subscription written out": (
        second(cluster="{name: k-berlin, resourceGroup: rg-arc, subscription: S1}"),
        "f:15:14  sites[1].cluster  cluster rg-arc/k-berlin is already used by site berlin",
    ),
    "same way to Kubernetes": (
        second(KUBE, kube="{context: admin, kubeconfig: berlin.yaml}"),
        "f:17:11  sites[1].kube  this way to a Kubernetes API is already used by site berlin",
    ),
    "same way to Kubernetes, the settings' kubeconfig": (
        second("    kube: {}\n", kube="{inCluster: false}"),
        "f:17:11  sites[1].kube  this way to a Kubernetes API is already used by site berlin",
    ),
    "same cluster that it runs in": (
        second("    kube: {inCluster: true}\n", kube="{inCluster: true}"),
        "f:17:11  sites[1].kube  this way to a Kubernetes API is already used by site berlin",
    ),
    "unknown registry": (
        FLEET.replace("registry: acreu1", "registry: acrus1"),
        "f:7:15  sites[0].registry  'acrus1' is not among registries",
    ),
    "registry twice": (
        FLEET.replace("sites:", "  - {name: ACREU1, resourceGroup: rg, subscription: s2}\nsites:"),
        "f:5:12  registries[1].name  ACREU1 is listed already",
    ),
    "problem in the defaults": (
        f"{HEAD}defaults: {{timeouts: {{online: soon}}}}\nsites:\n{SITE}{SITE.replace('berlin', 'lyon')}",
        "f:5:31  defaults.timeouts.online  'soon' is no duration: write for example 90s, 30m, 2h or 1h30m",
    ),
    "problem in a group": (
        f"{HEAD}groups: [{{match: {{labels: {{}}}}, set: {{kube: {{inCluster: 5}}}}}}]\nsites:\n{SITE}",
        "f:5:56  groups[0].set.kube.inCluster  should be true or false",
    ),
    "the site's own value wins, so its own place": (
        f"{HEAD}defaults: {{timeouts: {{online: 1m}}}}\nsites:\n{SITE}    timeouts: {{online: never}}\n",
        "f:12:24  sites[0].timeouts.online  'never' is no duration: write for example 90s, 30m, 2h or 1h30m",
    ),
    "labels that are a list": (
        f"{HEAD}groups: [{{match: {{labels: {{a: b}}}}, set: {{}}}}]\nsites:\n{SITE}    labels: [a]\n",
        "f:12:13  sites[0].labels  should be a map of keys and values",
    ),
    "default labels that are text": (
        f"{HEAD}defaults: {{labels: x}}\ngroups: [{{match: {{labels: {{a: b}}}}, set: {{}}}}]\nsites:\n{SITE}",
        "f:5:20  defaults.labels  should be a map of keys and values",
    ),
    "labels that are a number": (
        FLEET + "    labels: {order: 1}\n",
        "f:11:21  sites[0].labels.order  YAML reads this as the number 1: put it in quotes",
    ),
    "a site without a name": (FLEET.replace("- name: berlin\n    ", "- "), "f:6:5  sites[0].name  is missing"),
    "a site that is text": (HEAD + "sites: [berlin]\n", "f:5:9  sites[0]  should be a map of keys and values"),
    "a fleet that is a list": ("[a]", "f:1:1    should be a map of keys and values"),
    "unknown key at the top": (
        FLEET + "site: []\n",
        "f:11:7  site  is no key that arcfleet knows; did you mean sites?",
    ),
    "unknown key in a site": (FLEET + "    ip: x\n", "f:11:9  sites[0].ip  is no key that arcfleet knows"),
    "a key in another spelling": (
        FLEET + "    parent_protocol: http\n",
        "f:11:22  sites[0].parent_protocol  is no key that arcfleet knows; did you mean parentProtocol?",
    ),
    "a key of the top in another spelling": (
        FLEET.replace("apiVersion", "api_version"),
        "f:1:1  apiVersion  is missing\nf:1:14  api_version  is no key that arcfleet knows; did you mean apiVersion?",
    ),
}


@pytest.mark.parametrize(("text", "problem"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_problem_is_told_at_the_place_where_its_value_is_written(text, problem):
    with pytest.raises(ManifestError) as refused:
        load(text, "f")

    assert str(refused.value) == problem


def test_every_problem_is_listed_and_a_shared_one_only_once():
    text = f"{HEAD}defaults: {{timeouts: {{online: soon}}}}\nsites:\n{SITE}    ip: x\n{SITE}"

    with pytest.raises(ManifestError) as refused:
        load(text, "f")

    told = [problem.split("  ")[1] for problem in refused.value.problems]
    assert sorted(told) == ["defaults.timeouts.online", "sites[0].ip"]


KEYS = ["apiVersion", "metadata", "registries", "defaults", "groups", "sites", "rollout", "labels", "match", "set"]
plain = st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["fleet/v1", "acreu1", "1h", "x", "\ud800"]))
nonsense = st.deferred(
    lambda: st.one_of(
        plain, st.lists(nonsense, max_size=3), st.dictionaries(st.sampled_from(KEYS), nonsense, max_size=5)
    )
)


@given(st.text(max_size=80), st.dictionaries(st.sampled_from(KEYS), nonsense))
def test_whatever_stands_in_the_file_only_manifest_errors_come_out(tail, value):
    layered = {
        "apiVersion": "fleet/v1",
        "metadata": {"name": "x"},
        "groups": [{"match": {"labels": {"a": "b"}}, "set": {}}],
    }
    registries = [{"name": "acreu1", "resourceGroup": "rg", "subscription": "s"}]
    for text in (FLEET + tail, json.dumps({**layered, "registries": registries, "sites": [value], **value})):
        with suppress(ManifestError):
            load(text, "f")


def test_a_site_knows_the_connected_registries_above_it():
    entries = "".join(
        f"  - {{name: s{i}, registry: acreu1, connectedRegistry: plant{i}, clusterIP: 10.96.0.50, "
        f"cluster: {{name: k{i}, resourceGroup: rg}}{above}}}\n"
        for i, above in ((3, ", parent: s2"), (1, ""), (2, ", parent: s1"))
    )

    made = fleet(f"{HEAD}sites:\n{entries}")

    assert {site.name: site.ancestors for site in made.sites} == {
        "s1": (), "s2": ("plant1",), "s3": ("plant2", "plant1"),
    }  # fmt: skip
    assert made.choose(["s3"], {}).sites[0].ancestors == ("plant2", "plant1")
