"""The captured scenarios played again: the answers to their requests, and what four watches saw meanwhile.

What may differ is named in `MEANT`; a listed difference that is gone fails the test, as any other does.
"""

import re
from datetime import timedelta
from typing import Any

import pytest
from kube_harness import DIGEST, Site, capture, serving
from kube_replay import Difference, check, compare, exchanges, send

from simulator.kube import NodeSpec, PullAnswer

NODES = (NodeSpec("c1-node1"),)
_STAND_IN = {
    (
        "GET .*",
        r"items.\d+.metadata.managedFields",
    ): "kubelets write without owners of fields, unlike the captures' stand-in",
    ("GET .*", r"items.0.spec.(volumes|containers.0.volumeMounts)"): "no token of a service account is mounted",
    ("GET .*", r"items.0.status.conditions.2.(reason|message)"): "the captures' kubelet gave the sandbox a reason",
}
_COUNTED = "the captures' kubelet looked a moment later, or counted less"
MEANT: dict[str, dict[tuple[str, str], str]] = {
    "crashloop_minready0": _STAND_IN | {("GET 22.088", r"items.\d+.count"): _COUNTED},
    "delete": {
        ("DELETE .*", "metadata.managedFields.2.time"): "an apply that changes nothing but owners is dated too",
    },
    "exit0_completed": _STAND_IN,
    "fail_badpassword": _STAND_IN,
    "fail_nosecret": _STAND_IN,
    "fail_notfound": _STAND_IN | {("GET 12.366", r"items.\d+.count"): _COUNTED},
    "fail_unschedulable": {
        ("GET .*", r"items.0.spec.(volumes|containers.0.volumeMounts)"): "no token of a service account is mounted",
        ("GET .*", "items.0.status.conditions.0.observedGeneration"): "conditions of pods tell no generation",
    },
}


class Recording:
    """What watches of a namespace see."""

    def __init__(self, site: Site, namespace: str) -> None:
        self.found: list[Difference] = []
        self.events: dict[str, list[Any]] = {"deployments": [], "replicasets": [], "pods": [], "events": []}
        self._namespace = namespace
        self.stop = site.cluster._store.listen(self._on_event)

    def _on_event(self, event: Any) -> None:
        if event.resource.name in self.events and event.object["metadata"].get("namespace") == self._namespace:
            self.events[event.resource.name].append({"type": event.type, "object": event.object})


def seen(kind: str, event: Any) -> str:
    """Return an event without times, names and versions."""
    obj, metadata = event["object"], event["object"]["metadata"]
    status = obj.get("status", {})
    counters = sorted((k, v) for k, v in status.items() if isinstance(v, int))
    if kind == "deployments":
        conditions = [(c["type"], c["status"], c["reason"]) for c in status.get("conditions", [])]
        revision = (metadata.get("annotations") or {}).get("deployment.kubernetes.io/revision")
        return str((event["type"], metadata["generation"], revision, counters, conditions, metadata.get("finalizers")))
    if kind == "replicasets":
        annotations = sorted(metadata["annotations"].items())
        return str((event["type"], metadata["generation"], obj["spec"]["replicas"], counters, annotations))
    if kind == "pods":
        states = [
            (form, detail.get("reason"), detail.get("message", "").partition(" pod=")[0], c["ready"], c["restartCount"])
            for c in status.get("containerStatuses", [])
            for form, detail in c["state"].items()
        ]
        grace = metadata.get("deletionGracePeriodSeconds")
        return str((event["type"], bool(obj["spec"].get("nodeName")), status["phase"], states, grace))
    message = (
        re.sub(r"-[a-z0-9]{8,10}(-[a-z0-9]{5})?\b", "-X", obj["message"])
        .partition(" to c1-")[0]
        .partition(" to node-")[0]
    )
    return str((event["type"], obj["involvedObject"]["kind"], obj["type"], obj["reason"], obj.get("count"), message))


async def replay(site: Site, name: str) -> Recording:
    """Send a scenario's requests at their times; return what was seen until its end."""
    if name == "rollout_ok":
        for _, exchange in exchanges("secret_create"):
            await send(site, exchange["request"])
    data = capture(f"scenario_{name}")
    namespace = re.search(r"/namespaces/([\w-]+)", data["requests"][-1]["request"]["path"])[1]
    recording = Recording(site, namespace)
    for event in data["watches"]["events"]:
        if failed := re.match(r'Failed to pull image "([^"]+)": (.*)', event["object"]["message"]):
            site.answers[failed[1]] = PullAnswer(error=failed[2])
    start = site.clock.now()

    def wait_until(seconds: float) -> None:
        site.clock.step(max(0.0, (start + timedelta(seconds=seconds) - site.clock.now()).total_seconds()))

    for exchange in data["requests"]:
        wait_until(exchange["t"])
        answer = await send(site, exchange["request"] | {"user": "admin"})
        label = f"{exchange['request']['method']} {exchange['t']}"
        recording.found += compare(label, exchange["response"], *answer)
    last = max(event["t"] for events in data["watches"].values() for event in events)
    wait_until(last + 0.2)
    recording.stop()
    return recording


def captured(name: str, kind: str) -> list[str]:
    events = capture(f"scenario_{name}")["watches"][kind]
    return [seen(kind, e) for e in sorted(events, key=lambda e: int(e["object"]["metadata"]["resourceVersion"]))]


@pytest.mark.parametrize(
    "name",
    ["rollout_ok", "bad_update_then_undo", "fail_badpassword", "fail_nosecret", "fail_notfound", "fail_unschedulable"],
)
async def test_a_rollout_shows_the_captured_sequence_of_objects(name):
    namespaces = ("cap-badupd", "cap-badpw", "cap-nosecret", "cap-notfound", "cap-unsched")
    async with serving(nodes=NODES, namespaces=namespaces) as site:
        recording = await replay(site, name)

    check(recording.found, MEANT.get(name, {}))
    for kind in ("deployments", "replicasets", "pods"):
        assert [seen(kind, event) for event in recording.events[kind]] == captured(name, kind), kind
    # The recorders of the controllers are goroutines of their own: the order of events between them is chance.
    assert sorted(seen("events", event) for event in recording.events["events"]) == sorted(captured(name, "events"))


@pytest.mark.parametrize(("name", "behaviour"), [("exit0_completed", "exit0"), ("crashloop_minready0", "crash")])
async def test_a_dying_container_shows_the_captured_flapping(name, behaviour):
    async with serving(nodes=NODES, namespaces=("cap-exit0", "cap-crash0")) as site:
        site.answers["192.100.100.1/hello-world:latest"] = PullAnswer(DIGEST, behaviour=behaviour)
        recording = await replay(site, name)

    check(recording.found, MEANT.get(name, {}))
    for kind in ("deployments", "replicasets", "pods"):
        assert [seen(kind, event) for event in recording.events[kind]] == captured(name, kind), kind


async def test_a_foreground_delete_takes_the_pods_before_the_deployment():
    async with serving(nodes=NODES) as site:
        await replay(site, "rollout_ok")
        await replay(site, "update_restart_scale")
        recording = await replay(site, "delete")

    check(recording.found, MEANT.get("delete", {}))
    assert [seen("pods", e) for e in recording.events["pods"]] == captured("delete", "pods")
    # Between first and last, how many pods one status counts depends on how fast the kubelet is.
    for kind in ("deployments", "replicasets"):
        mine, real = [seen(kind, e) for e in recording.events[kind]], captured("delete", kind)
        assert set(mine) <= set(real)
        assert mine[-1] == real[-1]


LONELY = {"deployments": (2, 3), "replicasets": (0, 1), "pods": (0, 0)}
"""Steps that only the simulator or only the real cluster went through: whether a controller looks between two writes
of another one, and whether two pods become ready between two of its looks, is chance."""


async def test_an_update_a_restart_and_a_scale_show_the_captured_sequence():
    async with serving(nodes=NODES) as site:
        await replay(site, "rollout_ok")
        recording = await replay(site, "update_restart_scale")

    check(recording.found, MEANT.get("update_restart_scale", {}))
    for kind, lonely in LONELY.items():
        mine, real = [seen(kind, e) for e in recording.events[kind]], captured("update_restart_scale", kind)
        common, theirs = [e for e in mine if e in real], [e for e in real if e in mine]
        assert (len(mine) - len(common), len(real) - len(theirs)) == lonely
        # Of several pods that are made at once, each passes through its steps at its own pace.
        assert common == theirs if kind != "pods" else sorted(common) == sorted(theirs)
