"""The fleet file's models: every rule of a value, told where the value stands."""

import re
from datetime import timedelta

import pytest
from examples import FLEET, HEAD, SITE, fleet, site

from arcfleet.core.fleet.manifest import Extension, Rollout, Timeouts, Wave, Workload
from arcfleet.core.fleet.resolve import load
from arcfleet.errors import ManifestError


def in_file(old: str, new: str) -> str:
    assert old in FLEET
    return FLEET.replace(old, new, 1)


def in_site(line: str) -> str:
    return f"{FLEET}    {line}\n"


NO_ADDRESS = "is not an IPv4 address: four numbers of 0 to 255, without leading zeros"
REFUSED = {
    "api version": (in_file("fleet/v1", "fleet/v2"), "f:1:13  apiVersion  should be 'fleet/v1'"),
    "fleet name": (
        in_file("name: test", "name: Te st"),
        "f:2:18  metadata.name  'Te st' is not accepted: 1 to 63 of a-z 0-9 -, as Kubernetes names are",
    ),
    "no metadata": (in_file("metadata: {name: test}\n", ""), "f:1:1  metadata  is missing"),
    "no registries": (
        f"apiVersion: fleet/v1\nmetadata: {{name: x}}\nregistries: []\nsites:\n{SITE}",
        "f:3:13  registries  needs at least one entry",
    ),
    "no sites": (HEAD + "sites: []\n", "f:5:8  sites  needs at least one entry, or sitesFrom"),
    "registry name": (
        in_file("name: acreu1", "name: acr1"),
        "f:4:12  registries[0].name  'acr1' is not accepted: 5 to 50 letters and digits",
    ),
    "resource group": (
        in_file("rg-acr", "rg-acr."),
        "f:4:35  registries[0].resourceGroup  'rg-acr.' is not accepted: 1 to 90 characters of A-Z a-z 0-9 - _ . ( )",
    ),
    "subscription": (
        in_file("subscription: s1", "subscription: ''"),
        "f:4:57  registries[0].subscription  '' is not accepted: a subscription's id has letters, digits and - only",
    ),
    "site name": (
        in_file("name: berlin", "name: Berlin"),
        "f:6:11  sites[0].name  'Berlin' is not accepted: 1 to 63 of a-z 0-9 -, as Kubernetes names are",
    ),
    "connected registry": (
        in_file("berlinplant", "berlin-1"),
        "f:8:24  sites[0].connectedRegistry  'berlin-1' is not accepted: 5 to 40 letters and digits, a letter first",
    ),
    "cluster name": (
        in_file("k-berlin", "-k"),
        "f:9:21  sites[0].cluster.name  '-k' is not accepted: 1 to 63 characters of A-Z a-z 0-9 - _ .",
    ),
    "an end before the rotation": (
        in_site("credentials: {rotateAfter: 30d, expiresAfter: 31d}"),
        "f:11:18  sites[0].credentials  expiresAfter (31d) must be longer than rotateAfter and retireAfter together "
        "(31d), else a password ends before it is replaced: lengthen it, or shorten rotateAfter",
    ),
    "address": (in_file("10.96.0.50", "10.96.0"), f"f:10:16  sites[0].clusterIP  '10.96.0' {NO_ADDRESS}"),
    "address as a number": (
        in_file("10.96.0.50", "10.5"),
        "f:10:16  sites[0].clusterIP  YAML reads this as the number 10.5: put it in quotes",
    ),
    "parent protocol": (
        in_site("parentProtocol: ftp"),
        "f:11:21  sites[0].parentProtocol  should be 'https' or 'http'",
    ),
    "pinned version with upgrades": (
        in_site("extension: {version: 1.2.3}"),
        "f:11:16  sites[0].extension  a pinned version needs autoUpgrade: false; Azure refuses the two together",
    ),
    "address as a setting": (
        in_site("extension: {settings: {service.clusterIP: 10.0.0.1}}"),
        "f:11:16  sites[0].extension  give the address as the site's clusterIP, not as a setting",
    ),
    "setting that is a list": (
        in_site("extension: {settings: {a: [b]}}"),
        "f:11:31  sites[0].extension.settings.a  should be text",
    ),
    "workload without a source": (
        in_site("workloads: [{name: a}]"),
        "f:11:17  sites[0].workloads[0]  give either image or manifest",
    ),
    "workload with two sources": (
        in_site("workloads: [{name: a, image: b, manifest: c}]"),
        "f:11:17  sites[0].workloads[0]  give either image or manifest",
    ),
    "workload twice": (
        in_site("workloads: [{name: a, image: b}, {name: a, image: c, namespace: d}]"),
        "f:11:16  sites[0].workloads  workload a is given twice; a site's workloads need names of their own",
    ),
    "image with a host": (
        in_site("workloads: [{name: a, image: acreu1.azurecr.io/web}]"),
        "f:11:34  sites[0].workloads[0].image  'acreu1.azurecr.io/web' is no image of the form repository:tag",
    ),
    "too many replicas": (
        in_site("workloads: [{name: a, image: b, replicas: 1001}]"),
        "f:11:47  sites[0].workloads[0].replicas  should be less than or equal to 1000",
    ),
    "pin": (
        in_site("workloads: [{name: a, image: b, pin: tags}]"),
        "f:11:42  sites[0].workloads[0].pin  should be 'digest' or 'tag'",
    ),
    "timeout": (
        in_site("timeouts: {sync: 0m}"),
        "f:11:22  sites[0].timeouts.sync  '0m' is no time at all",
    ),
    "concurrency": (
        FLEET + "rollout: {maxConcurrency: 0}\n",
        "f:11:27  rollout.maxConcurrency  should be greater than or equal to 1",
    ),
    "group without a match": (
        FLEET + "groups: [{set: {}}]\n",
        "f:11:10  groups[0].match  is missing",
    ),
}


@pytest.mark.parametrize(("text", "problem"), REFUSED.values(), ids=REFUSED)
def test_a_value_against_a_rule_is_refused_at_its_place(text, problem):
    with pytest.raises(ManifestError) as refused:
        load(text, "f")

    assert refused.value.problems == (problem,)


SECRET_KEYS = [
    "connectionString",
    "ConnectedRegistry.CONNECTIONSTRING",
    "proxy.password",
    "SyncTokenPassword",
    "clientSecret",
    "tls.key",
]


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_setting_that_looks_like_a_secret_is_refused_without_its_value(key):
    with pytest.raises(ManifestError) as refused:
        load(in_site(f"extension: {{settings: {{logLevel: info, {key}: hunter2}}}}"), "f")

    (told,) = refused.value.problems
    assert re.fullmatch(
        rf"f:11:\d+  sites\[0\]\.extension\.settings\.{key}  looks like a secret; a fleet file never holds one", told
    )


@pytest.mark.parametrize("key", ["tls.crt", "tlsXkey", "pvc.storageRequest", "trustDistribution.enabled"])
def test_any_other_setting_is_accepted(key):
    assert site(extension=f"{{settings: {{{key}: x}}}}").settings[key] == "x"


def test_defaults_are_those_that_the_documentation_names():
    assert Extension().auto_upgrade
    assert Timeouts().model_dump() == {
        "extension": timedelta(minutes=30),
        "online": timedelta(minutes=15),
        "sync": timedelta(minutes=60),
        "site": timedelta(hours=2),
    }
    workload = Workload(name="web", image="web")
    assert (workload.namespace, workload.replicas, workload.pin, workload.pull_secret) == (
        "default",
        1,
        "digest",
        "regcred",
    )
    rollout = Rollout()
    assert (rollout.max_concurrency, rollout.max_failures, rollout.concurrency_mode) == (10, None, "strict")
    assert (rollout.offline, rollout.waves, rollout.execution, rollout.batch) == ("defer", (), "process", 100)
    wave = Wave(name="all", rest=True)
    assert (wave.max_concurrency, wave.max_failures, wave.min_success, wave.soak) == (None, 0, 0, None)


@pytest.mark.parametrize(
    ("extra", "name"), [({}, "berlinplant"), ({"extension": "{name: acr-ext}"}, "acr-ext")], ids=["default", "given"]
)
def test_an_extension_is_called_as_its_connected_registry_unless_told_otherwise(extra, name):
    assert site(**extra).extension_name == name


def test_a_pinned_version_without_upgrades_is_accepted():
    assert site(extension="{version: 1.2.3, autoUpgrade: false}").extension.version == "1.2.3"


SITES = f"""{HEAD}defaults: {{registry: acreu1, clusterIP: 10.0.0.1}}
sites:
  - {{name: a, labels: {{ring: '1', eu: y}}, connectedRegistry: aaaaa, cluster: {{name: a, resourceGroup: g}}}}
  - {{name: b, labels: {{ring: '1'}}, connectedRegistry: bbbbb, cluster: {{name: b, resourceGroup: g}}}}
  - {{name: c, connectedRegistry: ccccc, cluster: {{name: c, resourceGroup: g}}}}
"""
CHOICES = {
    "everything": ((), {}, ["a", "b", "c"]),
    "by name, in the file's order": (("c", "a"), {}, ["a", "c"]),
    "by label": ((), {"ring": "1"}, ["a", "b"]),
    "by all labels": ((), {"ring": "1", "eu": "y"}, ["a"]),
    "by name and label": (("b", "c"), {"ring": "1"}, ["b"]),
}
NO_CHOICES = {
    "unknown names": (
        ("x", "a", "y"),
        {},
        ["--site x  the fleet has no such site", "--site y  the fleet has no such site"],
    ),
    "no such label": ((), {"ring": "9", "eu": "y"}, ["--label ring=9, eu=y  no site carries it"]),
    "no such label on the site": (("c",), {"ring": "1"}, ["--label ring=1  no site carries it"]),
}


@pytest.mark.parametrize(("names", "labels", "expected"), CHOICES.values(), ids=CHOICES)
def test_sites_are_chosen_by_name_and_labels(names, labels, expected):
    assert [chosen.name for chosen in fleet(SITES).choose(names, labels).sites] == expected


@pytest.mark.parametrize(("names", "labels", "problems"), NO_CHOICES.values(), ids=NO_CHOICES)
def test_a_choice_of_nothing_is_refused(names, labels, problems):
    with pytest.raises(ManifestError) as refused:
        fleet(SITES).choose(names, labels)

    assert list(refused.value.problems) == problems
