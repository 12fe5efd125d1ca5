"""A cluster is built when it is first used, and looks as if it had always been there."""

import json

import httpx
import pytest
import yaml

from simulator import running

SITES = [
    {"name": "k-ber1", "extension": {"connectedRegistry": "berlin1", "clusterIP": "10.96.0.50"}},
    {"name": "k-ber2"},
]
KINDS = ("v1/nodes", "v1/namespaces", "v1/services", "v1/pods", "v1/persistentvolumeclaims", "v1/events")


def objects(sim, cluster="k-ber1"):
    """Return what a cluster holds, without the numbers that say in which order it was written."""
    users = {user["name"]: user["user"]["token"] for user in yaml.safe_load(sim.kubeconfig)["users"]}
    headers = {"Authorization": f"Bearer {users[cluster]}"}
    found = {}
    with httpx.Client(base_url=f"{sim.url}/kube/{cluster}", headers=headers, trust_env=False) as client:
        for kind in KINDS:
            found[kind] = client.get(f"/api/{kind}").raise_for_status().json()["items"]
        found["deployments"] = client.get("/apis/apps/v1/deployments").raise_for_status().json()["items"]
    return found


@pytest.mark.parametrize("cluster", ["k-ber1", "k-ber2"])
def test_a_late_look_finds_what_an_early_one_would_have(worlds, cluster):
    with (
        running(worlds.make(clusters=SITES), manual=True) as early,
        running(worlds.make(clusters=SITES), manual=True) as late,
    ):
        objects(early, cluster)
        for sim in (early, late):
            sim.step(3600)
        first, second = objects(early, cluster), objects(late, cluster)

    assert json.dumps(first, indent=1) == json.dumps(second, indent=1)
    if cluster == "k-ber1":
        (pod,) = second["v1/pods"]
        assert (pod["status"]["phase"], pod["status"]["startTime"]) == ("Running", "2026-11-24T01:55:01Z")


def test_what_happened_to_a_site_before_it_was_looked_at_holds(sim, worlds):
    sim.load(worlds.make(clusters=SITES))
    sim.site("k-ber1", reachable=False)

    with pytest.raises(httpx.RemoteProtocolError):
        objects(sim)
    sim.site("k-ber1", reachable=True)

    assert objects(sim)["deployments"][0]["status"]["availableReplicas"] == 1


def test_an_address_of_the_cluster_itself_is_refused_with_the_world(worlds, sim):
    for address in ("10.96.0.0", "10.96.0.1", "10.96.255.255"):
        taken = {"connectedRegistry": "berlin1", "clusterIP": address}
        body = worlds.make(clusters=[{"name": "k-ber1", "extension": taken}])
        answer = httpx.post(f"{sim.control}/world", json=body, trust_env=False)
        assert answer.json()["errors"] == [
            f"cluster k-ber1, extension: clusterIP {address} is taken by the cluster itself"
        ]
