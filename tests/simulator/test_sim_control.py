"""The control endpoint, the counters, and starting a simulator."""

import json
import signal
import subprocess
import sys

import httpx
import pytest
import yaml

from simulator import running

VERSION = "?api-version=2025-11-01"


def post(sim, path, body):
    return httpx.post(f"{sim.control}{path}", json=body, trust_env=False)


def test_the_world_is_summarised(sim):
    world = sim.get("/world")

    assert world["registries"][0]["loginServer"] == "acreu1.azurecr.io"
    assert [c["name"] for c in world["clusters"]] == ["k-ber1", "k-ber2"]


def test_an_impossible_world_is_refused_with_every_error_and_changes_nothing(sim):
    body = {
        "colour": "red",
        "time": "yesterday",
        "timings": {"agentPoll": -1, "teaTime": 5},
        "limits": {"armReads": {"bucket": 5}},
        "registries": [{"name": "r", "sku": "Gold"}, {}],
        "clusters": [{"name": "k", "connectivity": "Maybe", "extension": {"name": "x"}}],
    }

    answer = post(sim, "/world", body)

    assert answer.status_code == 400
    errors = "\n".join(answer.json()["errors"])
    for words in (
        "unknown key 'colour'",
        "world.time",
        "timings.agentPoll",
        "unknown key 'teaTime'",
        "limits.armReads.refill",
        "world.registries[0].sku: 'Gold'",
        "world.registries[1]: name is missing",
        "connectivity: 'Maybe'",
        "connectedRegistry is missing",
    ):
        assert words in errors
    assert len(sim.get("/world")["clusters"]) == 2


def test_references_of_a_world_must_hold(sim):
    connected = [
        {"name": "lonely", "schedule": "often", "syncWindow": "3h"},
        {"name": "child1", "parent": "nobody"},
        {"name": "one11", "parent": "two22"},
        {"name": "two22", "parent": "one11"},
        {"name": "CHILD1", "parent": "nobody"},
        {"name": "writer", "mode": "ReadWrite", "parent": "child1"},
    ]
    registry = {"name": "r", "connectedRegistries": connected, "tokens": [{"name": "t", "scopeMap": "m"}]}
    extension = {"connectedRegistry": "ghost", "clusterIP": "10.99.0.1"}

    answer = post(sim, "/world", {"registries": [registry], "clusters": [{"name": "k", "extension": extension}]})

    errors = "\n".join(answer.json()["errors"])
    for words in (
        "parent nobody does not exist",
        "'often' is no cron schedule",
        "'3h' is no ISO 8601 duration",
        "is a cycle",
        "CHILD1 exists twice",
        "only ReadOnly children",
        "token t has no scope map",
        "connected registry ghost does not exist",
        "is in no service CIDR",
    ):
        assert words in errors


def test_a_world_that_a_cluster_refuses_is_refused(sim, worlds):
    services = [{"namespace": "default", "name": "s", "clusterIP": "10.96.0.50"}]
    site = {"connectedRegistry": "berlin1", "clusterIP": "10.96.0.50"}
    cluster = {"name": "k-ber1", "kubernetes": {"services": services}, "extension": site}

    answer = post(sim, "/world", worlds.make(clusters=[cluster]))

    assert answer.status_code == 400
    assert "provided IP is already allocated" in answer.json()["errors"][0]
    assert len(sim.get("/world")["clusters"]) == 2


def test_counters_tell_kinds_sites_and_writes(sim, site, http):
    site.install()
    site.extension()
    digest = "/registry/acreu1.azurecr.io/v2/app/web/manifests/stable"
    http.head(digest)
    http.get("/nowhere")
    token = sim.kubeconfig.split("token: ")[1].split()[0]
    http.get("/kube/k-ber1/api/v1/pods", headers={"Authorization": f"Bearer {token}"})

    counters = sim.counters()

    kinds = counters["byKind"]
    assert kinds["arm POST generateCredentials"] == 1
    assert kinds["arm PUT extensions"] == 1
    assert kinds["arm GET extensions"] == 1
    assert kinds["registry HEAD manifests"] == 1
    assert kinds["kube LIST pods"] == 1
    assert counters["writes"] == 2
    assert counters["bySite"]["k-ber1"]["arm PUT extensions"] == 1
    assert counters["unknownRoutes"] == 1
    assert counters["total"] == sum(kinds.values())
    sim.post("/counters/reset")
    assert sim.counters()["total"] == 0


def test_the_audit_trail_has_no_secrets(sim, site):
    password = site.install()

    trail = sim.audit()

    entry = next(e for e in trail if e["kind"] == "arm PUT extensions")
    assert (entry["method"], entry["status"], entry["site"]) == ("PUT", 201, "k-ber1")
    assert "azsdk-python" in entry["userAgent"]
    assert password not in json.dumps(trail)
    assert password in sim.secrets()
    since = sim.get("/time")["time"]
    assert sim.get(f"/audit?since={since}") == []


def test_a_cluster_can_be_cut_off(sim, http):
    sim.site("k-ber1", reachable=False)

    with pytest.raises(httpx.TransportError):
        http.get("/kube/k-ber1/version")
    sim.site("k-ber1", reachable=True)
    assert http.get("/kube/k-ber1/version").status_code < 500


def test_a_password_is_regenerated_behind_our_back(sim, site):
    site.install()

    sim.post("/password", {"registry": "acreu1", "token": "berlin1", "name": "password1"})
    sim.step(61)

    assert site.connected().connection_state == "Offline"


def test_the_kubeconfig_has_a_context_for_each_cluster(sim):
    config = yaml.safe_load(sim.kubeconfig)

    assert [c["name"] for c in config["contexts"]] == ["k-ber1", "k-ber2"]
    assert config["clusters"][0]["cluster"]["server"] == f"{sim.url}/kube/k-ber1"
    tokens = [u["user"]["token"] for u in config["users"]]
    assert len(set(tokens)) == 2


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/step", {"seconds": "long"}, 400),
        ("/step", [], 400),
        ("/speed", {}, 400),
        ("/sites/nowhere", {}, 404),
        ("/sites/k-ber1", {"connectivity": "Maybe"}, 400),
        ("/sites/k-ber1", {"colour": "red"}, 400),
        ("/images", {"registry": "none"}, 404),
        ("/images", {"registry": "acreu1"}, 400),
        ("/images", {"registry": "acreu1", "repository": "a", "behaviour": "fly"}, 400),
        ("/password", {"registry": "acreu1", "token": "none"}, 404),
        ("/nothing", {}, 404),
        ("/audit", {}, 404),
    ],
)
def test_senseless_orders_are_refused(sim, path, body, status):
    answer = post(sim, path, body)

    assert answer.status_code == status
    assert answer.json()["errors"]


def test_a_bad_body_or_moment_is_refused(sim):
    assert httpx.post(f"{sim.control}/step", content=b"{", trust_env=False).status_code == 400
    assert httpx.get(f"{sim.control}/audit?since=noon", trust_env=False).status_code == 400


def test_speed_changes_while_time_flows(worlds):
    with running(worlds.make(), speed=0) as sim:
        still = sim.get("/time")["time"]
        sim.post("/speed", {"speed": 100000})
        moving = sim.get("/time")
        sim.step(3600)

        assert still == "2026-11-24T02:00:00+00:00"
        assert moving["speed"] == 100000
        assert sim.get("/time")["time"] > "2026-11-24T03:00:00"


def start(*arguments, text):
    command = [sys.executable, "-m", "simulator", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=text)


def test_the_command_prints_one_line_and_stops_on_a_signal(worlds):
    with start("--world", "-", "--speed", "60", text=True) as process:
        process.stdin.write(json.dumps(worlds.make()))
        process.stdin.close()
        line = json.loads(process.stdout.readline())
        time = httpx.get(f"{line['control']}/time", trust_env=False).json()
        process.send_signal(signal.SIGTERM)
        code = process.wait(10)

    assert code == 0
    assert line["kube"]["k-ber1"] == f"{line['arm']}/kube/k-ber1"
    assert line["registries"]["acreu1.azurecr.io"] == f"{line['arm']}/registry/acreu1.azurecr.io"
    assert (line["pid"], line["speed"], line["ca"]) == (process.pid, 60, None)
    assert yaml.safe_load(line["kubeconfig"])["current-context"] == "k-ber1"
    assert time["speed"] == 60


def test_the_command_refuses_an_impossible_world():
    with start("--world", "-", text=True) as process:
        out, err = process.communicate('{"colour": "red"}', timeout=20)

    assert (process.returncode, out) == (2, "")
    assert "unknown key 'colour'" in err


def test_a_large_world_names_its_kubeconfig_by_url():
    with running({"clusters": [{"name": f"k-{i}"} for i in range(50)]}, manual=True) as sim:
        assert sim.description["kubeconfigUrl"] == f"{sim.control}/kubeconfig"
        assert "kubeconfig" not in sim.description
