"""The task that loads a fleet: sites that Azure lists are among it before any is chosen."""

from __future__ import annotations

import pytest
import yaml

from arcfleet.errors import ManifestError
from tasks.fleet import load_fleet
from tests.conftest import SUBSCRIPTION, fleet_of, fleet_text, use


def tagged(world):
    for number, cluster in enumerate(world["clusters"], 1):
        cluster["tags"] = {"arcfleet-registry": f"plant{number}"}


@pytest.fixture
def inventory(tmp_path, simulate, monkeypatch):
    """The path of a fleet that lists one site and has Azure list another; the settings point at a simulator."""
    sim = simulate(fleet_of(fleet_text(2)), change=tagged)
    use(monkeypatch, sim, tmp_path)
    entry = {
        "subscription": SUBSCRIPTION,
        "set": {"clusterIP": "10.96.0.50", "kube": {"context": "{cluster}"}},
        "fromTags": {"connectedRegistry": "arcfleet-registry"},
    }
    path = tmp_path / "fleet.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(fleet_text(1)), "sitesFrom": [entry]}))
    return str(path)


async def test_sites_that_azure_lists_are_loaded(inventory):
    fleet = await load_fleet.fn(inventory, (), {})

    assert [(site.name, site.connected_registry) for site in fleet.sites] == [("s1", "plant1"), ("k-s2", "plant2")]
    assert fleet.inventories == {}


async def test_they_are_chosen_by_name_and_label_as_any_other(inventory):
    by_name = await load_fleet.fn(inventory, ("k-s2",), {})
    by_label = await load_fleet.fn(inventory, (), {"arcfleet-registry": "plant2"})

    assert [site.name for site in by_name.sites] == [site.name for site in by_label.sites] == ["k-s2"]
    with pytest.raises(ManifestError, match="--site k-s3  the fleet has no such site"):
        await load_fleet.fn(inventory, ("k-s3",), {})
