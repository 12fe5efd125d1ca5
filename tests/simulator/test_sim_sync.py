"""What the running instance does: credentials, activation, schedule, images and who may pull them."""

import base64
from datetime import UTC, datetime

import pytest
from azure.mgmt.containerregistry import models

from simulator import running

ACR = ("rg-acr", "acreu1")
IMAGE = "/site/k-ber1/v2/app/web/manifests/stable"
CLUSTER = ("rg-arc", "Microsoft.Kubernetes", "connectedClusters", "k-ber1")


def state(site, name="berlin1"):
    return str(site.connected(name).connection_state.value)


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


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


def test_a_nested_registry_follows_its_parent(sim, site, worlds, http):
    family = [
        {"name": "hamburg1", "repositories": ["app/web"]},
        {"name": "berlin1", "parent": "hamburg1", "repositories": ["app/web"], "clientTokens": ["pull"]},
    ]
    deployed = [
        {"name": "k-ber1", "extension": {"connectedRegistry": "berlin1", "clusterIP": "10.96.0.50"}},
        {"name": "k-ham1", "extension": {"connectedRegistry": "hamburg1", "clusterIP": "10.96.0.60"}},
    ]
    sim.load(worlds.make(registry={"connectedRegistries": family}, clusters=deployed))
    client = basic("pull", site.generate(of="pull").passwords[0].value)

    gateway = site.connected().parent.sync_properties.gateway_endpoint
    old = http.head(IMAGE, headers=client).headers["Docker-Content-Digest"]
    digest = sim.push("acreu1", "app/web", "stable")
    sim.step(200)
    new = http.head(IMAGE, headers=client).headers["Docker-Content-Digest"]

    assert (state(site, "hamburg1"), state(site)) == ("Online", "Online")
    assert gateway == "10.96.0.60"
    assert (new, old != digest) == (digest, True)


def test_an_image_arrives_at_the_first_sync_after_its_push(sim, site, http):
    site.install()
    client = basic("berlin1-pull", site.generate(of="berlin1-pull").passwords[0].value)
    old = http.head(IMAGE, headers=client).headers["Docker-Content-Digest"]

    digest = sim.push("acreu1", "app/web", "stable")
    before = http.head(IMAGE, headers=client).headers["Docker-Content-Digest"]
    sim.step(66)
    after = http.head(IMAGE, headers=client).headers["Docker-Content-Digest"]

    assert (before, after) == (old, digest)
    assert http.head(f"/site/k-ber1/v2/app/web/manifests/{digest}", headers=client).status_code == 200


def test_a_repository_arrives_only_in_the_sync_scope_map(sim, site, http):
    site.install()
    scope = [f"repositories/{r}/content/read" for r in ("app/web", "app/job")]
    change = models.ScopeMapUpdateParameters(actions=scope)
    site.acr.scope_maps.begin_update(*ACR, "berlin1-pull", change).result()
    client = basic("berlin1-pull", site.generate(of="berlin1-pull").passwords[0].value)
    job = "/site/k-ber1/v2/app/job/manifests/once"
    missing = http.get(job, headers=client)

    site.acr.scope_maps.begin_update(*ACR, "berlin1", change).result()
    sim.step(66)

    assert (missing.status_code, missing.json()["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert http.get(job, headers=client).status_code == 200


def test_a_client_token_is_known_after_the_next_sync(sim, site, http, worlds):
    site.install()
    token = models.Token(scope_map_id=f"{worlds.acr}/scopeMaps/berlin1-pull", status="enabled")
    site.acr.tokens.begin_create(*ACR, "late", token).result()
    client = basic("late", site.generate(of="late").passwords[0].value)
    change = models.ConnectedRegistryUpdateParameters(client_token_ids=[f"{worlds.acr}/tokens/late"])
    site.acr.connected_registries.begin_update(*ACR, "berlin1", change).result()

    before = http.head(IMAGE, headers=client).status_code
    sim.step(61)

    assert (before, http.head(IMAGE, headers=client).status_code) == (401, 200)


def test_a_world_of_idle_sites_has_no_events():
    clusters = [
        {"name": f"k-{i}", "extension": {"connectedRegistry": f"site{i}", "clusterIP": "10.96.0.50"}} for i in range(20)
    ]
    registry = {"name": "acreu1", "connectedRegistries": [{"name": f"site{i}"} for i in range(20)]}
    with running({"registries": [registry], "clusters": clusters}, manual=True) as sim:
        sim.step(365 * 24 * 3600)
        online = [c["online"] for c in sim.get("/world")["registries"][0]["connectedRegistries"]]

    assert online == [True] * 20
