"""The world of a rehearsal: everything that the fleet refers to, but for what it would create itself."""

import yaml
from examples import HEAD, fleet

from arcfleet.app.rehearsal import world_of


def registry_of(*extras):
    """Return the registry of a world of nested sites; `extras` are further keys of each."""
    entries = [
        {
            "name": f"s{i}", "registry": "acreu1", "connectedRegistry": f"plant{i}", "clusterIP": "10.96.0.50",
            "cluster": {"name": f"k{i}", "resourceGroup": "rg"}, "workloads": [{"name": "w", "image": f"app/w{i}:1"}],
            **({"parent": f"s{i - 1}"} if i > 1 else {}), **extra,
        }
        for i, extra in enumerate(extras, start=1)
    ]  # fmt: skip
    (registry,) = world_of(fleet(HEAD + yaml.safe_dump({"sites": entries})))["registries"]
    return registry


def test_what_sites_with_ensure_create_is_left_out_and_their_images_are_there():
    registry = registry_of({"ensure": True}, {"ensure": True})

    assert (registry["connectedRegistries"], registry["dataEndpointEnabled"]) == ([], False)
    assert [image["repository"] for image in registry["images"]] == ["app/w1", "app/w2"]


def test_without_ensure_everything_exists_nested_ones_with_what_they_pass_on():
    registry = registry_of({}, {"connectedRegistrySettings": {"repositories": ["base"]}})

    assert registry["dataEndpointEnabled"] is True
    assert [(cr["name"], cr["parent"], cr["repositories"]) for cr in registry["connectedRegistries"]] == [
        ("plant1", None, ["app/w1", "app/w2", "base"]),
        ("plant2", "plant1", ["app/w2", "base"]),
    ]


def test_a_parent_that_a_site_without_ensure_needs_exists():
    registry = registry_of({"ensure": True}, {})

    assert [cr["name"] for cr in registry["connectedRegistries"]] == ["plant1", "plant2"]
