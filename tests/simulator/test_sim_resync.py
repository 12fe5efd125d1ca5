"""Sync results and resync of the preview API, messages that expire, and managed identities in place of tokens."""

import pytest

PREVIEW = {"api-version": "2026-09-01-preview"}
IMAGE = "/site/k-ber1/v2/app/web/manifests/stable"
IDENTITY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/puller"
MANAGED = {
    "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
    "properties": {"syncProperties": {"authType": "ManagedIdentity"}},
}


class Preview:
    """berlin1 as the preview API shows it."""

    def __init__(self, http, acr):
        self._http = http
        self.path = f"{acr}/connectedRegistries/berlin1"

    def result(self):
        return self._http.get(self.path, params=PREVIEW).json()["properties"]["registrySyncResult"]

    def state(self):
        found = self.result()
        return found.get("syncTrigger"), found["syncState"]

    def resync(self):
        return self._http.post(f"{self.path}/resync", params=PREVIEW)

    def patch(self, body):
        return self._http.patch(self.path, params=PREVIEW, json=body)


@pytest.fixture
def preview(http, worlds):
    return Preview(http, worlds.acr)


def digest(http, password):
    return http.head(IMAGE, auth=("berlin1-pull", password)).headers["Docker-Content-Digest"]


def test_a_resync_goes_from_pending_to_its_end(sim, site, preview):
    site.install()
    first = preview.result()
    preview.resync()
    asked = preview.state()
    sim.step(5)
    running = preview.state()
    sim.step(5)
    last = preview.result()

    assert (first["syncTrigger"], first["syncState"]) == ("InitialSync", "Succeeded")
    assert (asked, running) == (("ManualResync", "Pending"), ("ManualResync", "Syncing"))
    assert (last["syncTrigger"], last["syncState"]) == ("ManualResync", "Succeeded")
    assert last["lastSyncEndTime"] == last["lastSuccessfulSyncEndTime"] > first["lastSuccessfulSyncEndTime"]


def test_a_resync_without_room_on_the_disk_fails(sim, site, preview):
    site.install()
    good = preview.result()["lastSuccessfulSyncEndTime"]
    sim.site("k-ber1", disk="full")
    preview.resync()
    sim.step(10)

    assert preview.state() == ("ManualResync", "Failed")
    assert preview.result()["lastSuccessfulSyncEndTime"] == good


def test_a_registry_that_is_not_activated_has_nothing_to_sync(preview):
    answer = preview.resync()

    assert (answer.status_code, preview.result()) == (409, {"syncState": "NotActivated"})


def test_another_repository_is_a_sync_of_its_own(sim, site, http, worlds, preview):
    site.install()
    maps = f"{worlds.acr}/scopeMaps/berlin1"
    actions = http.get(maps, params=PREVIEW).json()["properties"]["actions"]
    http.patch(maps, params=PREVIEW, json={"properties": {"actions": ["repositories/app/job/content/read", *actions]}})
    sim.step(70)

    assert preview.state() == ("SyncTokenUpdate", "Succeeded")


def test_a_resync_that_cannot_be_delivered_times_out(sim, site, preview):
    site.install()
    sim.site("k-ber1", link=False)
    preview.resync()
    sim.step(2 * 86400)
    before = preview.state()
    sim.step(60)

    assert (before, preview.state()) == (("ManualResync", "Pending"), ("ManualResync", "TimedOut"))
    sim.site("k-ber1", link=True)
    sim.step(70)
    assert preview.state() == ("ManualResync", "TimedOut")


@pytest.mark.parametrize(("days", "arrives"), [(1, True), (3, False)])
def test_a_push_that_is_older_than_the_message_ttl_arrives_by_a_resync_only(sim, site, http, preview, days, arrives):
    site.install()
    password = site.generate(of="berlin1-pull").passwords[0].value
    sim.site("k-ber1", link=False)
    pushed = sim.push("acreu1", "app/web", "stable")
    sim.step(days * 86400)
    sim.site("k-ber1", link=True)
    sim.step(120)

    assert (digest(http, password) == pushed) is arrives
    preview.resync()
    sim.step(20)
    assert digest(http, password) == pushed


def test_a_sync_token_makes_way_for_an_identity_and_does_not_come_back(sim, site, preview):
    site.install()
    online = preview.patch(MANAGED)
    sim.site("k-ber1", connectivity="Offline")
    sim.step(1000)
    moved = preview.patch(MANAGED)
    back = preview.patch({"properties": {"syncProperties": {"authType": "SyncToken"}}})

    assert (online.status_code, "must be Offline" in online.text) == (400, True)
    sync = moved.json()["properties"]["parent"]["syncProperties"]
    assert (sync["authType"], "tokenId" in sync, list(moved.json()["identity"]["userAssignedIdentities"])) == (
        "ManagedIdentity",
        False,
        [IDENTITY],
    )
    assert (back.status_code, "cannot go back" in back.text) == (400, True)


def test_an_identity_has_no_children(sim, http, worlds, preview):
    family = [{"name": "berlin1"}, {"name": "cell1", "parent": "berlin1"}]
    sim.load(worlds.make(registry={"connectedRegistries": family}))
    parent = preview.patch(MANAGED)
    http.delete(f"{worlds.acr}/connectedRegistries/cell1", params=PREVIEW)
    alone = preview.patch(MANAGED)
    sync = {"tokenId": f"{worlds.acr}/tokens/cell1"}
    above = {"id": preview.path, "syncProperties": sync}
    body = {"properties": {"mode": "ReadOnly", "parent": above}}
    child = http.put(f"{worlds.acr}/connectedRegistries/cell1", params=PREVIEW, json=body)

    assert [a.status_code for a in (parent, alone, child)] == [400, 200, 400]
    assert "has no children" in parent.text
    assert "has no children" in child.text


def test_a_world_starts_with_a_site_of_an_identity(sim, site, worlds):
    managed = {"name": "berlin1", "authType": "ManagedIdentity", "identity": IDENTITY}
    deployed = [{"name": "k-ber1", "extension": {"connectedRegistry": "berlin1", "clusterIP": "10.96.0.50"}}]
    sim.load(worlds.make(registry={"connectedRegistries": [managed]}, clusters=deployed))

    assert site.connected().connection_state.value == "Online"
    assert list(site.acr.tokens.list("rg-acr", "acreu1")) == []


def test_garbage_collection_is_kept_as_given(preview):
    answer = preview.patch({"properties": {"garbageCollection": {"enabled": True, "schedule": "0 5 * * *"}}})
    empty = preview.patch({"properties": {"garbageCollection": {}}})

    for each in (answer, empty):
        assert each.json()["properties"]["garbageCollection"] == {"enabled": True, "schedule": "0 5 * * *"}
