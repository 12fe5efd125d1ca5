"""Registries, connected registries, tokens, scope maps and passwords through the real SDK."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.containerregistry import models

ACR = ("rg-acr", "acreu1")
VALUE = re.compile(r"[A-Za-z0-9+/]{42}\+ACR[A-Za-z0-9+/]{6}")


def passwords(site):
    return {p.name: p for p in site.acr.tokens.get(*ACR, "berlin1").credentials.passwords}


def test_a_registry_shows_what_an_install_needs(site):
    registry = site.acr.registries.get("RG-ACR", "ACREU1")

    assert (registry.sku.name, registry.data_endpoint_enabled) == ("Premium", True)
    assert registry.login_server == "acreu1.azurecr.io"
    assert registry.data_endpoint_host_names == ["acreu1.westeurope.data.azurecr.io"]
    assert [r.name for r in site.acr.registries.list()] == ["acreu1"]
    assert [r.name for r in site.acr.registries.list_by_resource_group("rg-acr")] == ["acreu1"]


def test_a_fresh_connected_registry_is_offline_and_inactive(site):
    connected = site.connected()

    assert (connected.connection_state, connected.activation.status) == ("Offline", "Inactive")
    assert connected.login_server.host is None
    sync = connected.parent.sync_properties
    assert sync.token_id.endswith("/tokens/berlin1")
    assert sync.gateway_endpoint == "acreu1.westeurope.data.azurecr.io"
    assert (sync.schedule, sync.message_ttl, sync.last_sync_time) == ("* * * * *", timedelta(days=2), None)
    assert connected.client_token_ids[0].endswith("/tokens/berlin1-pull")
    assert connected.parent.id is None


def test_the_loader_makes_the_sync_scope_map(site):
    actions = site.acr.scope_maps.get(*ACR, "berlin1").actions

    assert actions == [
        "repositories/app/web/content/read",
        "repositories/app/web/metadata/read",
        "gateway/berlin1/config/read",
        "gateway/berlin1/config/write",
        "gateway/berlin1/message/read",
        "gateway/berlin1/message/write",
    ]


def test_a_password_is_shown_once_and_never_again(sim, site):
    first = site.generate(name="password1")

    assert first.username == "berlin1"
    assert [p.name for p in first.passwords] == ["password1"]
    value = first.passwords[0].value
    assert VALUE.fullmatch(value)
    shown = passwords(site)
    assert list(shown) == ["password1"]
    assert shown["password1"].value is None
    assert shown["password1"].creation_time == first.passwords[0].creation_time
    assert value in sim.secrets()


def test_without_a_name_both_passwords_are_generated(site):
    result = site.generate(name=None)

    assert [p.name for p in result.passwords] == ["password1", "password2"]
    assert sorted(passwords(site)) == ["password1", "password2"]


def test_an_expiry_is_kept_and_the_past_is_refused(site):
    expiry = datetime(2026, 11, 25, tzinfo=UTC)

    site.generate(expiry=expiry)

    assert passwords(site)["password1"].expiry == expiry
    with pytest.raises(HttpResponseError, match="in the past"):
        site.generate(expiry=datetime(2020, 1, 1, tzinfo=UTC))


def test_passwords_of_a_token_that_is_not_there_are_refused(site):
    with pytest.raises(ResourceNotFoundError, match="The resource nobody could not be found"):
        site.generate(of="nobody")


def test_a_connected_registry_is_made_as_az_makes_one(site, worlds):
    scope_map = models.ScopeMap(actions=["repositories/app/web/content/read"])
    site.acr.scope_maps.begin_create(*ACR, "munich1", scope_map).result()
    token = models.Token(scope_map_id=f"{worlds.acr}/scopeMaps/munich1", status="enabled")
    made = site.acr.tokens.begin_create(*ACR, "munich1", token).result()
    sync = models.SyncProperties(token_id=made.id, schedule="0 9 * * *", sync_window="PT3H", message_ttl="P2D")
    body = models.ConnectedRegistry(mode="readonly", parent=models.ParentProperties(sync_properties=sync))

    created = site.acr.connected_registries.begin_create(*ACR, "munich1", body).result()

    assert (created.mode, created.provisioning_state) == ("ReadOnly", "Succeeded")
    assert created.parent.sync_properties.sync_window == timedelta(hours=3)
    assert [c.name for c in site.acr.connected_registries.list(*ACR)] == ["berlin1", "munich1"]


def test_a_schedule_without_a_window_drops_the_window(site):
    def update(**sync):
        change = models.ConnectedRegistryUpdateParameters(sync_properties=models.SyncUpdateProperties(**sync))
        return site.acr.connected_registries.begin_update(*ACR, "berlin1", change).result()

    windowed = update(schedule="0 9 * * *", sync_window="PT3H")
    plain = update(schedule="* * * * *")

    assert windowed.parent.sync_properties.sync_window == timedelta(hours=3)
    assert plain.parent.sync_properties.sync_window is None


def test_client_tokens_are_replaced_as_a_whole(site, worlds):
    change = models.ConnectedRegistryUpdateParameters(client_token_ids=[f"{worlds.acr}/tokens/berlin1"])

    updated = site.acr.connected_registries.begin_update(*ACR, "berlin1", change).result()

    assert updated.client_token_ids == [f"{worlds.acr}/tokens/berlin1"]
    change = models.ConnectedRegistryUpdateParameters(client_token_ids=[f"{worlds.acr}/tokens/nobody"])
    with pytest.raises(ResourceNotFoundError):
        site.acr.connected_registries.begin_update(*ACR, "berlin1", change).result()


def test_deletes_go_from_the_connected_registry_to_its_scope_map(site):
    with pytest.raises(ResourceExistsError, match="You can't delete the sync token"):
        site.acr.tokens.begin_delete(*ACR, "berlin1").result()
    with pytest.raises(ResourceExistsError, match="in use"):
        site.acr.scope_maps.begin_delete(*ACR, "berlin1").result()

    site.acr.connected_registries.begin_delete(*ACR, "berlin1").result()
    site.acr.tokens.begin_delete(*ACR, "berlin1").result()
    site.acr.scope_maps.begin_delete(*ACR, "berlin1").result()

    with pytest.raises(ResourceNotFoundError):
        site.connected()
    assert [t.name for t in site.acr.tokens.list(*ACR)] == ["berlin1-pull"]


def test_an_update_that_names_one_password_deletes_the_other_and_nothing_else(site):
    site.generate(name=None)
    before = passwords(site)
    kept = models.TokenCredentialsProperties(passwords=[models.TokenPassword(name="password2")])

    update = models.TokenUpdateParameters(properties=models.TokenUpdateProperties(credentials=kept))
    token = site.acr.tokens.begin_update(*ACR, "berlin1", update).result()

    after = passwords(site)
    assert (token.status, list(after)) == ("enabled", ["password2"])
    assert after["password2"].creation_time == before["password2"].creation_time
    disabled = models.TokenUpdateParameters(properties=models.TokenUpdateProperties(status="disabled"))
    assert site.acr.tokens.begin_update(*ACR, "berlin1", disabled).result().status == "disabled"
    assert list(passwords(site)) == ["password2"]


def test_a_parent_with_children_stays(sim, site, worlds):
    family = [{"name": "hamburg1"}, {"name": "berlin1", "parent": "hamburg1"}]
    sim.load(worlds.make(registry={"connectedRegistries": family}))

    with pytest.raises(ResourceExistsError, match="has children"):
        site.acr.connected_registries.begin_delete(*ACR, "hamburg1").result()
    assert site.connected().parent.id.endswith("/connectedRegistries/hamburg1")


def test_connected_registries_need_the_data_endpoint(site, worlds):
    update = models.RegistryUpdateParameters(data_endpoint_enabled=False)
    site.acr.registries.begin_update(*ACR, update).result()
    sync = models.SyncProperties(token_id=f"{worlds.acr}/tokens/berlin1", message_ttl="P2D")
    body = models.ConnectedRegistry(mode="ReadOnly", parent=models.ParentProperties(sync_properties=sync))

    with pytest.raises(HttpResponseError, match="data endpoint"):
        site.acr.connected_registries.begin_create(*ACR, "munich1", body).result()


def test_deactivation_is_an_operation_that_takes_its_time(sim, site):
    site.install()

    poller = site.acr.connected_registries.begin_deactivate(*ACR, "berlin1", polling_interval=0.05)
    before = site.connected().activation.status
    sim.step(2)
    poller.result(10)

    assert before == "Active"
    assert poller.status() == "Succeeded"


def test_the_preview_tells_how_the_sync_went(sim, site, make_site):
    preview = make_site(sim, api_version="2026-09-01-preview")
    before = preview.connected()["properties"]["registrySyncResult"]["syncState"]
    site.install()

    result = preview.connected()["properties"]["registrySyncResult"]

    assert (before, result["syncState"]) == ("NotActivated", "Succeeded")
    assert "registrySyncResult" not in site.connected()["properties"]


def test_a_child_needs_a_parent_that_allows_its_mode(site, worlds):
    def create(mode, parent):
        sync = models.SyncProperties(token_id=f"{worlds.acr}/tokens/berlin1", message_ttl="P2D")
        above = models.ParentProperties(id=f"{worlds.acr}/connectedRegistries/{parent}", sync_properties=sync)
        body = models.ConnectedRegistry(mode=mode, parent=above)
        return site.acr.connected_registries.begin_create(*ACR, "cell1", body).result()

    with pytest.raises(HttpResponseError, match="only ReadOnly children"):
        create("readwrite", "berlin1")
    with pytest.raises(ResourceNotFoundError):
        create("readonly", "nobody")
    child = create("readonly", "berlin1")

    assert child.parent.id == f"{worlds.acr}/connectedRegistries/berlin1"


def test_a_registry_has_at_most_fifty_connected_registries(sim, site, worlds):
    sim.load(worlds.make(registry={"connectedRegistries": [{"name": f"berlin{i}"} for i in range(1, 51)]}))
    sync = models.SyncProperties(token_id=f"{worlds.acr}/tokens/berlin1", message_ttl="P2D")
    body = models.ConnectedRegistry(mode="ReadOnly", parent=models.ParentProperties(sync_properties=sync))

    with pytest.raises(HttpResponseError, match="at most 50"):
        site.acr.connected_registries.begin_create(*ACR, "munich1", body).result()
