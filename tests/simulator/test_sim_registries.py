"""Registries that are made while the simulator runs, and the links to what takes time."""

from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.mgmt.containerregistry import models

PREMIUM = models.Registry(location="West Europe", sku=models.Sku(name="Premium"))
VERSION = {"api-version": "2025-11-01"}


def test_a_registry_is_made_and_serves_connected_registries(site):
    made = site.acr.registries.begin_create("rg-acr", "acrnew1", PREMIUM).result()
    assert (made.location, made.provisioning_state, made.data_endpoint_enabled) == ("westeurope", "Succeeded", False)
    change = models.RegistryUpdateParameters(data_endpoint_enabled=True)
    site.acr.registries.begin_update("rg-acr", "acrnew1", change).result()

    scope_map = site.acr.scope_maps.begin_create("rg-acr", "acrnew1", "munich1", models.ScopeMap(actions=[])).result()
    token = models.Token(scope_map_id=scope_map.id)
    token = site.acr.tokens.begin_create("rg-acr", "acrnew1", "munich1", token).result()
    sync = models.SyncProperties(token_id=token.id, message_ttl="P2D")
    connected = models.ConnectedRegistry(mode="ReadOnly", parent=models.ParentProperties(sync_properties=sync))
    connected = site.acr.connected_registries.begin_create("rg-acr", "acrnew1", "munich1", connected).result()

    assert connected.parent.sync_properties.gateway_endpoint == "acrnew1.westeurope.data.azurecr.io"


def test_a_registry_that_is_there_is_changed(site, worlds, http):
    answer = http.put(worlds.acr, params=VERSION, json={"location": "westeurope", "sku": {"name": "Standard"}})

    assert (answer.status_code, site.acr.registries.get("rg-acr", "acreu1").sku.name) == (200, "Standard")
    assert len(list(site.acr.connected_registries.list("rg-acr", "acreu1"))) == 1


def test_a_registry_s_name_is_taken_everywhere(site):
    with pytest.raises(ResourceExistsError, match=r"acreu1\.azurecr\.io is already in use"):
        site.acr.registries.begin_create("rg-arc", "acreu1", PREMIUM)


def test_a_registry_needs_its_group(site):
    with pytest.raises(ResourceNotFoundError, match="rg-nowhere"):
        site.acr.registries.begin_create("rg-nowhere", "acrnew1", PREMIUM)


def test_a_link_to_an_operation_is_signed_and_long(http, worlds):
    answer = http.put(f"{worlds.acr}/tokens/t1", params=VERSION, json={"properties": {"scopeMapId": "berlin1"}})

    link = answer.headers["Azure-AsyncOperation"]
    query = parse_qs(urlsplit(link).query)
    assert list(query) == ["api-version", "t", "c", "s", "h"]
    assert len(query["c"][0]) == 2600
    # The simulated moment, 2026-11-24T02:00:00Z, in .NET's ticks.
    assert query["t"] == ["639310824000000000"]
    assert http.get(link).json() == {"status": "Succeeded"}
