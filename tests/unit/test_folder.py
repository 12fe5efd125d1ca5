"""A folder of files as one fleet: lists are joined, other keys are given once, places name the right file."""

import pytest
from examples import HEAD, SITE

from arcfleet.core.fleet import source
from arcfleet.core.fleet.folder import join
from arcfleet.core.fleet.resolve import resolve
from arcfleet.errors import ManifestError

OTHER = SITE.replace("berlin", "lyon")
SITES = {"a.yaml": HEAD, "b.yaml": f"sites:\n{SITE}", "c.yaml": f"# the south\nsites:\n{OTHER}"}


def joined(files: dict[str, str]):
    return join([source.read(text, name) for name, text in files.items()])


def problems(files: dict[str, str]) -> list[str]:
    with pytest.raises(ManifestError) as refused:
        resolve(joined(files))
    return list(refused.value.problems)


def test_lists_are_joined_in_the_order_of_the_files():
    assert [site.name for site in resolve(joined(SITES)).fleet.sites] == ["berlin", "lyon"]


def test_a_place_names_the_file_and_the_path_in_it():
    sources = joined(SITES)

    assert sources.place(("sites", 1, "clusterIP")) == "c.yaml:7:16"
    assert sources.show(("sites", 1, "clusterIP")) == "sites[0].clusterIP"
    assert sources.place(("metadata", "name")) == "a.yaml:2:18"
    assert sources.place(()) == "a.yaml:1:1"


def test_a_single_file_is_as_it_is():
    document = source.read("sites: 5", "f")

    assert (join([document]).value, join([document]).place(("sites",))) == ({"sites": 5}, "f:1:8")


def test_groups_and_registries_are_joined_too():
    files = {
        **SITES,
        "d.yaml": "registries: [{name: acrus1, resourceGroup: rg, subscription: s2}]",
        "e.yaml": "groups: [{match: {labels: {}}, set: {registry: acrus1}}]",
        "f.yaml": "groups: [{match: {labels: {}}, set: {parentProtocol: http}}]",
    }
    sites = {**files, "b.yaml": files["b.yaml"].replace("    registry: acreu1\n", "")}

    first, second = resolve(joined(sites)).fleet.sites

    assert (first.registry, first.parent_protocol, second.registry) == ("acrus1", "http", "acreu1")


PROBLEMS = {
    "a value of a later file": (
        {**SITES, "c.yaml": SITES["c.yaml"].replace("10.96.0.50", "x")},
        ["c.yaml:7:16  sites[0].clusterIP  'x' is not an IPv4 address: four numbers of 0 to 255, "
         "without leading zeros"],
    ),
    "a name that two files use": (
        {**SITES, "c.yaml": SITES["b.yaml"].replace("name: k-berlin", "name: k").replace("berlinplant", "berlin2")},
        ["c.yaml:2:11  sites[0].name  site berlin is already used by site berlin"],
    ),
    "no version anywhere": (
        {"b.yaml": SITES["b.yaml"], "c.yaml": "registries: []"},
        ["b.yaml:1:1  apiVersion  is missing", "b.yaml:1:1  metadata  is missing",
         "c.yaml:1:13  registries  needs at least one entry"],
    ),
    "the version twice": (
        {**SITES, "d.yaml": "apiVersion: fleet/v1"},
        ["d.yaml:1:13  apiVersion  is given in a.yaml already"],
    ),
    "defaults twice": (
        {**SITES, "d.yaml": "defaults: {}", "e.yaml": "rollout: {}\ndefaults: {}"},
        ["e.yaml:2:11  defaults  is given in d.yaml already"],
    ),
    "a list that is none": ({**SITES, "d.yaml": "sites: {}"}, ["d.yaml:1:8  sites  should be a list"]),
    "an unknown key": (
        {**SITES, "d.yaml": "site: []"},
        ["d.yaml:1:7  site  is no key that arcfleet knows; did you mean sites?"],
    ),
    "a workload's manifest": (
        {**SITES, "web.yaml": "apiVersion: apps/v1\nkind: Deployment\n"},
        ["web.yaml:1:1    is no part of a fleet: keep workload manifests in another folder"],
    ),
    "a list": (
        {**SITES, "d.yaml": "[a]"},
        ["d.yaml:1:1    is no part of a fleet: keep workload manifests in another folder"],
    ),
    "a secret": (
        {**SITES, "d.yaml": "groups:\n  - {match: {labels: {password: x}}, set: {}}"},
        ["d.yaml:2:33  groups[0].match.labels.password  looks like a secret; a fleet file never holds one"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "told"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_problem_is_told_in_the_file_that_it_is_in(files, told):
    assert problems(files) == told
