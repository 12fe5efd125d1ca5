"""The simulator answers as a real API server 1.36.2 was seen to answer.

Each captured request is sent again, in order, and the answer compared. What may differ is named here.
"""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from kube_harness import DIGEST, Site, capture, serving, user

from simulator.kube import PullAnswer

TOKENS = {"admin": "cluster-admin", "view": "view", "deployer": "edit:default", "nobody": "none"}

NOT_PLAYED = {
    "403_ns_terminating": "the namespace was made terminating outside the capture",
    "ssrr": "SelfSubjectRulesReview is not served",
    "table": "descriptions of columns are left out",
    "partial_meta": "needs an Accept header that the capture does not name",
    "apis_aggregated": "aggregated discovery is not served",
    "api_aggregated": "aggregated discovery is not served",
    "410_continue_expired": "the real server was compacted in between",
    "410_exact_rv": "the real server was compacted in between",
}
COMPARED_BY_STATUS_ONLY = {
    "api_v1": "only played resources are listed",
    "apps_v1": "only played resources are listed",
    "apis_legacy": "only played groups are listed",
    "api": "the address differs",
    "openapi_v3_index": "only played groups are listed",
    "readyz_verbose": "the checks are not listed",
    "list_limit": "other objects are there",
    "list_rv0": "other objects are there",
    "ssar_yes": "other roles",
    "200_ssa_force": "the real controller had written its revision already",
    "whoami": "other groups",
}


def exchanges(name: str) -> Iterator[tuple[str, Any]]:
    data = capture(name)
    named = data.items() if isinstance(data, dict) else ((str(i), item) for i, item in enumerate(data))
    for label, exchange in named:
        # With two ranges a dry run looks at an arbitrary one: each answer is as true as the other.
        is_chance = name == "servicecidr_multi" and label in {"1", "2"}
        if "request" in exchange and label not in NOT_PLAYED and not is_chance:
            yield label, exchange


def plain(body: Any) -> Any:
    """Return a body without what differs from run to run: names of users, uids, times, versions."""
    text = re.sub(r"(lab|fleet)-\w+", "USER", json.dumps(body))
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID", text)
    text = re.sub(r"20\d\d-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    text = re.sub(r"current: \d+", "current: N", text)
    found = json.loads(text)
    if isinstance(found, dict):
        found.pop("status" if found.get("kind") != "Status" else "", None)
        for item in [found, *(found.get("items") or [])]:
            for name in ("resourceVersion", "managedFields"):
                item.get("metadata", {}).pop(name, None)
        found["items"] = sorted(found.get("items") or [], key=lambda item: item["metadata"]["name"])
    return found


async def send(site: Site, label: str, request: Any) -> tuple[int, Any, Any]:
    user = request["user"]
    site.token = "" if user in {None, "anonymous"} else user
    headers = {"Content_Type": request["contentType"]} if request.get("contentType") else {}
    if label == "406_accept":
        headers["Accept"] = "text/html"
    return await site.send(request["method"], request["path"], request["body"], **headers)


@pytest.mark.parametrize(
    "name", ["errors", "secret_create", "service_dryrun", "service_real", "servicecidr", "servicecidr_multi"]
)
async def test_each_captured_exchange_is_answered_alike(name):
    async with serving(tokens={token: user(role) for token, role in TOKENS.items()}, namespaces=("quota-ns",)) as site:
        quota = {"metadata": {"name": "q"}, "spec": {"hard": {"count/deployments.apps": "0"}}}
        site.token = "admin"
        await site.send("POST", "/api/v1/namespaces/quota-ns/resourcequotas", quota)
        for label, exchange in exchanges(name):
            status, body, headers = await send(site, label, exchange["request"])
            site.clock.step(0.1)

            wanted = exchange["response"]
            assert status == wanted["status"], (label, body)
            is_discovery = isinstance(body, dict) and body.get("kind") == "APIResourceList"
            if label not in COMPARED_BY_STATUS_ONLY and not is_discovery:
                assert plain(body) == plain(wanted["body"]), label
            for header in ("Warning", "Retry-After"):
                assert headers.get(header) == wanted["headers"].get(header), label


@pytest.mark.parametrize(
    "names", [("secret_create", "scenario_rollout_ok", "scenario_update_restart_scale"), ("service_dryrun",)]
)
async def test_ownership_is_recorded_alike(names):
    captures = [capture(name) for name in names]
    async with serving() as site:
        for exchange in [each for data in captures for each in (data if isinstance(data, list) else data["requests"])]:
            request, wanted = exchange["request"], exchange["response"]["body"]
            if request["method"] in {"POST", "PATCH"}:
                headers = {"Content_Type": request["contentType"], "User_Agent": "python-requests/2"}
                _, body, _ = await site.send(request["method"], request["path"], request["body"], **headers)
                site.clock.step(3)
                assert owners(body) == owners(wanted)


def owners(body: Any) -> list[Any]:
    entries = body.get("metadata", {}).get("managedFields") or []
    return [
        {name: value for name, value in entry.items() if name != "time"}
        for entry in sorted(entries, key=lambda each: (each["manager"], each["operation"]))
        if not entry["manager"].startswith("kube-")
    ]


class Recording:
    """What watches of a namespace see."""

    def __init__(self, site: Site, namespace: str) -> None:
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
        await send(site, "", exchange["request"] | {"user": "admin"})
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
    async with serving(namespaces=namespaces) as site:
        recording = await replay(site, name)

    for kind in ("deployments", "replicasets", "pods"):
        assert [seen(kind, event) for event in recording.events[kind]] == captured(name, kind), kind
    # The recorders of the controllers are goroutines of their own: the order of events between them is chance.
    assert sorted(seen("events", event) for event in recording.events["events"]) == sorted(captured(name, "events"))


@pytest.mark.parametrize(("name", "behaviour"), [("exit0_completed", "exit0"), ("crashloop_minready0", "crash")])
async def test_a_dying_container_shows_the_captured_flapping(name, behaviour):
    async with serving(namespaces=("cap-exit0", "cap-crash0")) as site:
        site.answers["192.100.100.1/hello-world:latest"] = PullAnswer(DIGEST, behaviour=behaviour)
        recording = await replay(site, name)

    for kind in ("deployments", "replicasets", "pods"):
        assert [seen(kind, event) for event in recording.events[kind]] == captured(name, kind), kind


async def test_a_foreground_delete_takes_the_pods_before_the_deployment():
    async with serving() as site:
        await replay(site, "rollout_ok")
        await replay(site, "update_restart_scale")
        recording = await replay(site, "delete")

    assert [seen("pods", e) for e in recording.events["pods"]] == captured("delete", "pods")
    # Between first and last, how many pods one status counts depends on how fast the kubelet is.
    for kind in ("deployments", "replicasets"):
        mine, real = [seen(kind, e) for e in recording.events[kind]], captured("delete", kind)
        assert set(mine) <= set(real)
        assert mine[-1] == real[-1]
