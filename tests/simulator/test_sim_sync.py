"""What the running instance does: credentials, activation, schedule, images and who may pull them."""

from datetime import UTC, datetime

import pytest
from azure.mgmt.containerregistry import models
from azure.mgmt.kubernetesconfiguration.v2023_05_01.models import PatchExtension

ACR = ("rg-acr", "acreu1")
IMAGE = "/site/k-ber1/v2/app/web/manifests/stable"
CLUSTER = ("rg-arc", "Microsoft.Kubernetes", "connectedClusters", "k-ber1")


def state(site, name="berlin1"):
    return str(site.connected(name).connection_state.value)


def reinstall(site, password, cluster="k-ber2"):
    site.begin_install(site.string(password), cluster=cluster)
    site.sim.step(400)


@pytest.mark.parametrize(
    "change",
    [
        {"ConnectedRegistryName": "munich1"},
        {"SyncTokenName": "berlin1-pull"},
        {"SyncTokenPassword": "wrong"},
        {"ParentGatewayEndpoint": "acreu2.westeurope.data.azurecr.io"},
        {"ParentGatewayEndpoint": "acreu1.azurecr.io"},
        {"ParentEndpointProtocol": "http"},
    ],
)
def test_any_wrong_part_of_the_string_keeps_a_site_offline(site, change):
    password = site.generate().passwords[0].value

    site.begin_install(site.string(password, **change))
    site.sim.step(400)

    assert site.extension().provisioning_state == "Succeeded"
    assert (state(site), site.connected().activation.status) == ("Offline", "Inactive")


def test_regenerating_the_password_in_use_cuts_the_site_off_at_its_next_sync(site):
    site.install()

    site.generate(name="password1")
    at_once = state(site)
    site.sim.step(61)

    assert (at_once, state(site)) == ("Online", "Offline")
    assert site.connected().activation.status == "Active"


def test_the_other_slot_keeps_working(site):
    site.install()

    site.generate(name="password2")
    site.sim.step(3600)

    assert state(site) == "Online"


def test_a_regenerated_password_works_after_it_has_replicated(site):
    site.sim.load(_slow_replication())
    site.generate()
    password = site.generate().passwords[0].value
    site.begin_install(site.string(password))

    site.sim.step(400)
    early = state(site)
    site.sim.step(300)

    assert (early, state(site)) == ("Offline", "Online")


def _slow_replication():
    return {
        "time": "2026-11-24T02:00:00Z",
        "timings": {"passwordReplication": 600},
        "registries": [{"name": "acreu1", "connectedRegistries": [{"name": "berlin1"}]}],
        "clusters": [{"name": "k-ber1"}],
    }


def test_an_expired_password_cuts_the_site_off(site):
    password = site.generate(expiry=datetime(2026, 11, 24, 3, tzinfo=UTC)).passwords[0].value
    site.begin_install(site.string(password))
    site.sim.step(1800)
    before = state(site)
    site.sim.step(3600)

    last = site.connected().parent.sync_properties.last_sync_time
    assert (before, state(site)) == ("Online", "Offline")
    assert last == datetime(2026, 11, 24, 2, 59, tzinfo=UTC)


def test_a_disabled_token_cuts_the_site_off(site):
    site.install()

    change = models.TokenUpdateParameters(status="disabled")
    site.acr.tokens.begin_update(*ACR, "berlin1", change).result()
    site.sim.step(61)

    assert state(site) == "Offline"


def test_a_second_instance_is_kept_out_until_the_first_is_deactivated(site):
    password = site.install()
    site.arc.extensions.begin_delete(*CLUSTER, "berlin1", polling=False)
    site.sim.step(120)

    reinstall(site, password)
    kept_out = state(site)
    poller = site.acr.connected_registries.begin_deactivate(*ACR, "berlin1", polling=False)
    site.sim.step(120)

    assert kept_out == "Offline"
    assert poller.done()
    assert (state(site), site.connected().activation.status) == ("Online", "Active")


def test_a_cut_link_stops_the_sync_and_shows_after_a_quarter_of_an_hour(site):
    site.install()
    before = site.connected().parent.sync_properties.last_sync_time

    site.sim.site("k-ber1", connectivity="Offline")
    site.sim.step(600)
    soon, last = state(site), site.connected().parent.sync_properties.last_sync_time
    site.sim.step(600)
    late = state(site)
    site.sim.site("k-ber1", connectivity="Connected")
    site.sim.step(61)

    assert (soon, last, late, state(site)) == ("Online", before, "Offline", "Online")


def test_a_site_is_online_in_its_window_only(sim, site, worlds):
    berlin = {"name": "berlin1", "repositories": ["app/web"], "schedule": "0 9 * * *", "syncWindow": "PT3H"}
    sim.load(worlds.make(registry={"connectedRegistries": [berlin]}))
    site.install()

    def at(hour):
        time = sim.get("/time")["time"]
        sim.step(hour * 3600 - int(time[11:13]) * 3600 - int(time[14:16]) * 60 - int(time[17:19]))
        return state(site), site.connected().parent.sync_properties.last_sync_time.strftime("%H:%M")

    assert state(site) == "Offline"
    assert site.connected().activation.status == "Active"
    assert at(10) == ("Online", "10:00")
    assert at(13) == ("Offline", "11:59")


def test_last_sync_time_moves_with_the_schedule(site):
    site.install()
    first = site.connected().parent.sync_properties.last_sync_time

    site.sim.step(3600)

    moved = site.connected().parent.sync_properties.last_sync_time - first
    assert moved.total_seconds() == pytest.approx(3600, abs=60)


def test_a_managed_identity_needs_no_password(sim, site, worlds):
    managed = {"name": "berlin1", "repositories": ["app/web"], "authType": "ManagedIdentity"}
    sim.load(worlds.make(registry={"connectedRegistries": [managed]}))
    sync = site.connected().parent.sync_properties

    site.begin_install(
        "ConnectedRegistryName=berlin1;ManagedIdentityClientId=1;"
        f"ParentGatewayEndpoint={sync.gateway_endpoint};ParentEndpointProtocol=https"
    )
    sim.step(400)

    assert (sync["authType"], sync.token_id) == ("ManagedIdentity", None)
    assert state(site) == "Online"


def test_deleting_the_deployment_takes_the_site_offline(sim, site, http):
    site.install()
    headers = {"Authorization": f"Bearer {sim.kubeconfig.split('token: ')[1].split()[0]}"}
    place = "/kube/k-ber1/apis/apps/v1/namespaces/connected-registry/deployments/connected-registry"

    answer = http.delete(place, headers=headers)
    sim.step(1000)

    assert answer.status_code == 200
    assert state(site) == "Offline"


def test_a_cut_link_shows_in_arm_after_a_silence(sim, site, http, worlds):
    def connectivity():
        return http.get(f"{worlds.arc}?api-version=2024-01-01").json()["properties"]["connectivityStatus"]

    site.install()
    sim.site("k-ber1", link=False)
    sim.step(600)
    soon = connectivity()
    sim.step(600)
    late, offline = connectivity(), state(site)
    sim.site("k-ber1", link=True)
    sim.step(61)

    assert (soon, late, offline) == ("Connected", "Offline", "Offline")
    assert (connectivity(), state(site)) == ("Connected", "Online")


def test_a_repaired_site_is_online_only_after_it_has_synced(site):
    site.install()
    site.generate(name="password1")
    site.sim.step(120)
    password = site.generate(name="password2").passwords[0].value
    change = PatchExtension(configuration_protected_settings={"connectionString": site.string(password)})
    site.arc.extensions.begin_update(*CLUSTER, "berlin1", change, polling=False)

    site.sim.step(70)
    early = (site.extension().provisioning_state, state(site))
    site.sim.step(20)

    assert early == ("Succeeded", "Offline")
    assert state(site) == "Online"


def test_a_changed_schedule_holds_at_once(sim, site, worlds):
    berlin = {"name": "berlin1", "repositories": ["app/web"], "schedule": "0 9 * * *", "syncWindow": "PT3H"}
    sim.load(worlds.make(registry={"connectedRegistries": [berlin]}))
    site.install()
    before = state(site)
    sync = models.SyncUpdateProperties(schedule="* * * * *")
    change = models.ConnectedRegistryUpdateParameters(sync_properties=sync)

    site.acr.connected_registries.begin_update(*ACR, "berlin1", change).result()
    sim.step(61)

    last = site.connected().parent.sync_properties.last_sync_time
    assert (before, state(site)) == ("Offline", "Online")
    assert last.strftime("%H:%M") == sim.get("/time")["time"][11:16]


def test_a_disabled_data_endpoint_cuts_every_site_off(site):
    site.install()

    change = models.RegistryUpdateParameters(data_endpoint_enabled=False)
    site.acr.registries.begin_update(*ACR, change).result()
    site.sim.step(61)

    assert state(site) == "Offline"
    assert site.connected().parent.sync_properties.gateway_endpoint is None
