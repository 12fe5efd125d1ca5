"""What arrives at a site and when: images, repositories, client tokens, nested registries."""

import base64

from azure.mgmt.containerregistry import models

from simulator import running

ACR = ("rg-acr", "acreu1")
IMAGE = "/site/k-ber1/v2/app/web/manifests/stable"
CLUSTER = ("rg-arc", "Microsoft.Kubernetes", "connectedClusters", "k-ber1")


def state(site, name="berlin1"):
    return str(site.connected(name).connection_state.value)


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


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


def test_a_nested_registry_needs_the_gateway_actions_of_every_sync_token_above_it(sim, site, worlds):
    family = [{"name": "hamburg1"}, {"name": "berlin1", "parent": "hamburg1"}]
    deployed = [
        {"name": "k-ber1", "extension": {"connectedRegistry": "berlin1", "clusterIP": "10.96.0.50"}},
        {"name": "k-ham1", "extension": {"connectedRegistry": "hamburg1", "clusterIP": "10.96.0.60"}},
    ]
    sim.load(worlds.make(registry={"connectedRegistries": family}, clusters=deployed))
    given = site.acr.scope_maps.get(*ACR, "hamburg1").actions
    before = state(site)

    without = models.ScopeMapUpdateParameters(actions=[a for a in given if "/berlin1/" not in a])
    site.acr.scope_maps.begin_update(*ACR, "hamburg1", without).result()
    sim.step(61)
    cut = (state(site, "hamburg1"), state(site))
    site.acr.scope_maps.begin_update(*ACR, "hamburg1", models.ScopeMapUpdateParameters(actions=given)).result()
    sim.step(61)

    assert "gateway/berlin1/message/write" in given
    assert (before, cut, state(site)) == ("Online", ("Online", "Offline"), "Online")


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

    gateway = site.acr.scope_maps.get(*ACR, "berlin1").actions
    change = models.ScopeMapUpdateParameters(actions=scope + gateway)
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


def test_a_full_disk_shows_and_stops_new_images(sim, site, http):
    site.install()
    client = basic("berlin1-pull", site.generate(of="berlin1-pull").passwords[0].value)

    sim.site("k-ber1", disk="full")
    digest = sim.push("acreu1", "app/web", "stable")
    sim.step(120)
    ill, detail = state(site), site.connected().status_details[0]
    missing = http.head(f"/site/k-ber1/v2/app/web/manifests/{digest}", headers=client).status_code
    sim.site("k-ber1", disk="ok")
    sim.step(120)

    assert (ill, detail.code, detail.description) == ("Unhealthy", "DiskError", "No space left on device.")
    assert (missing, state(site)) == (404, "Online")
    assert http.head(f"/site/k-ber1/v2/app/web/manifests/{digest}", headers=client).status_code == 200
