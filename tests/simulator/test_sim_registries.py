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


def test_a_basic_registry_without_a_data_endpoint_serves_no_connected_registry(sim, site, worlds, http):
    sim.load(worlds.make(registries=[{"name": "acreu1", "sku": "Basic", "dataEndpointEnabled": False}]))
    shown = site.acr.registries.get("rg-acr", "acreu1")
    put = f"{worlds.acr}/connectedRegistries/berlin1"
    refused = http.put(put, params=VERSION, json={"properties": {"mode": "ReadOnly"}})

    assert (shown.sku.name, shown.data_endpoint_enabled, shown.data_endpoint_host_names) == ("Basic", False, [])
    assert (refused.status_code, "Premium" in refused.text) == (400, True)


def test_a_registry_goes_with_all_that_hangs_on_it(sim, site, http, worlds):
    site.install()
    name = {"name": "acreu1", "type": "Microsoft.ContainerRegistry/registries"}
    before = site.acr.registries.check_name_availability(name)
    site.acr.registries.begin_delete("rg-acr", "acreu1").result()
    sim.step(61)

    assert (before.name_available, before.reason) == (False, "AlreadyExists")
    assert site.acr.registries.check_name_availability(name).name_available
    assert http.delete(worlds.acr, params=VERSION).status_code == 204
    assert site.extension().provisioning_state == "Succeeded"
    with pytest.raises(ResourceNotFoundError):
        site.connected()


def test_usages_count_tokens_and_scope_maps(site):
    usages = {u.name: (u.current_value, u.limit) for u in site.acr.registries.list_usages("rg-acr", "acreu1").value}

    assert usages["Tokens"] == (2, 20_000)
    assert usages["ScopeMaps"] == (2, 20_000)
    assert usages["Size"] == (0, 536_870_912_000)


def test_an_import_keeps_the_digest(sim, site, http, worlds):
    sim.load(worlds.make(registries=[worlds.make()["registries"][0], {"name": "acreu2"}]))
    digest = sim.push("acreu1", "app/web", "v2")
    source = models.ImportSource(resource_id=worlds.acr, source_image="app/web:v2")
    body = models.ImportImageParameters(source=source, target_tags=["copy/web:v2"])

    site.acr.registries.begin_import_image("rg-acr", "acreu2", body).result()

    place = "/registry/acreu2.azurecr.io"
    form = {"grant_type": "access_token", "access_token": "fake"}
    refresh = http.post(f"{place}/oauth2/exchange", data=form).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "scope": "repository:copy/web:pull", "refresh_token": refresh}
    token = http.post(f"{place}/oauth2/token", data=form).json()["access_token"]
    answer = http.head(f"{place}/v2/copy/web/manifests/v2", headers={"Authorization": f"Bearer {token}"})
    assert answer.headers["Docker-Content-Digest"] == digest
    with pytest.raises(ResourceExistsError, match="already exists in target registry"):
        site.acr.registries.begin_import_image("rg-acr", "acreu2", body)
    source.source_image = "app/none:v1"
    with pytest.raises(ResourceNotFoundError):
        site.acr.registries.begin_import_image("rg-acr", "acreu2", body)


@pytest.mark.parametrize("kind", ["registries", "tokens", "scopeMaps"])
def test_an_operation_may_take_its_time(sim, http, worlds, kind):
    sim.load(worlds.make(timings={"registryOperation": 30}))
    properties = {"properties": {"scopeMapId": "berlin1", "actions": []}}
    if kind == "registries":
        made = http.put(worlds.acr, params=VERSION, json={"location": "westeurope", "sku": {"name": "Premium"}})
    elif kind == "tokens":
        made = http.put(f"{worlds.acr}/tokens/t1", params=VERSION, json=properties)
    else:
        made = http.patch(f"{worlds.acr}/scopeMaps/berlin1", params=VERSION, json=properties)
    link = made.headers["Azure-AsyncOperation"]

    early = http.get(link)
    sim.step(30)
    late = http.get(link)

    assert (early.json(), late.json()) == ({"status": "InProgress"}, {"status": "Succeeded"})
    sim.step(86401)
    assert http.get(link).status_code == 404
