"""DaemonSets: a pod on each node that wants one, and their updates."""

import pytest
from kube_harness import HOST, serving

from simulator.kube import NodeSpec, PullAnswer

PATH = "/apis/apps/v1/namespaces/default/daemonsets"
NODES = (
    NodeSpec("a"),
    NodeSpec("b"),
    NodeSpec("c"),
    NodeSpec("w", os="windows"),
    NodeSpec("x", taints=({"key": "only", "value": "gpu", "effect": "NoSchedule"},)),
)
MERGE = "application/merge-patch+json"
V1, V2 = f"{HOST}/agent:v1", f"{HOST}/agent:v2"


def daemon_set(image=V1, **spec):
    pod = {"containers": [{"name": "agent", "image": image}], "nodeSelector": {"kubernetes.io/os": "linux"}}
    template = {"metadata": {"labels": {"app": "agent"}}, "spec": pod}
    spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": template} | spec
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": spec}


async def create(site, *args, **spec):
    assert (await site.send("POST", PATH, daemon_set(*args, **spec)))[0] == 201
    site.clock.step(5)


async def update(site, image=V2):
    path = f"{PATH}/agent"
    template = {"spec": {"containers": [{"name": "agent", "image": image}]}}
    await site.send("PATCH", path, {"spec": {"template": template}}, Content_Type=MERGE)


def pods(site):
    """Return the images by node of the pods that are not going."""
    found = [each for each in site.cluster.list("pods", "default") if "deletionTimestamp" not in each["metadata"]]
    return sorted((each["spec"].get("nodeName", ""), each["spec"]["containers"][0]["image"][-2:]) for each in found)


def status(site):
    return site.cluster.get("daemonsets", "default", "agent")["status"]


def unavailable(site):
    return status(site).get("numberUnavailable", 0)


async def test_each_fitting_node_has_one_pod():
    async with serving(nodes=NODES) as site:
        await create(site)

        assert pods(site) == [("a", "v1"), ("b", "v1"), ("c", "v1")]
        assert status(site) == {
            "currentNumberScheduled": 3,
            "desiredNumberScheduled": 3,
            "numberAvailable": 3,
            "numberMisscheduled": 0,
            "numberReady": 3,
            "observedGeneration": 1,
            "updatedNumberScheduled": 3,
        }
        (pod, *_) = site.cluster.list("pods", "default")
        (revision,) = site.cluster.list("controllerrevisions", "default")
        hashes = {each["metadata"]["labels"]["controller-revision-hash"] for each in (pod, revision)}
        assert len(hashes) == 1
        assert pod["metadata"]["ownerReferences"][0]["kind"] == "DaemonSet"


async def test_an_update_takes_one_node_after_the_other():
    async with serving(nodes=NODES) as site:
        await create(site)
        await update(site)
        assert status(site)["observedGeneration"] == 1
        worst = 0
        for _ in range(200):
            site.clock.step(0.1)
            worst = max(worst, unavailable(site))
        assert worst == 1
        assert {image for _, image in pods(site)} == {"v2"}
        assert status(site)["updatedNumberScheduled"] == status(site)["numberAvailable"] == 3
        assert status(site)["observedGeneration"] == 2


async def test_with_surge_the_old_pod_stays_until_the_new_one_works():
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    async with serving(nodes=NODES) as site:
        await create(site, updateStrategy=strategy)
        await update(site)
        most = 0
        for _ in range(200):
            site.clock.step(0.1)
            assert unavailable(site) == 0
            most = max(most, len(pods(site)))
        assert most == 4
        assert pods(site) == [("a", "v2"), ("b", "v2"), ("c", "v2")]


async def test_a_bad_update_stops_at_the_first_node_and_is_undone():
    async with serving(nodes=NODES) as site:
        site.answers[V2] = PullAnswer(error="not found")
        await create(site)
        await update(site)
        site.clock.step(60)
        assert (status(site)["updatedNumberScheduled"], unavailable(site)) == (1, 1)
        # The old template's revision comes back to the front; no third one is made.
        await update(site, V1)
        site.clock.step(20)
        revisions = [each["revision"] for each in site.cluster.list("controllerrevisions", "default")]
        assert sorted(revisions) == [2, 3]
        assert unavailable(site) == 0


async def test_on_delete_waits_for_somebody_to_delete():
    async with serving(nodes=NODES) as site:
        await create(site, updateStrategy={"type": "OnDelete"})
        await update(site)
        site.clock.step(10)
        assert {image for _, image in pods(site)} == {"v1"}
        assert "updatedNumberScheduled" not in status(site)
        victim = next(each for each in site.cluster.list("pods", "default") if each["spec"]["nodeName"] == "b")
        site.cluster.delete("pods", "default", victim["metadata"]["name"])
        site.clock.step(10)
        assert pods(site) == [("a", "v1"), ("b", "v2"), ("c", "v1")]


@pytest.mark.parametrize(
    ("spec", "left"),
    [
        ({"unschedulable": True}, ["a", "b", "c"]),
        ({"taints": [{"key": "k", "effect": "NoSchedule"}]}, ["a", "b", "c"]),
        ({"taints": [{"key": "k", "effect": "NoExecute"}]}, ["a", "c"]),
    ],
)
async def test_a_node_that_is_closed_keeps_its_pod_unless_it_is_told_to_go(spec, left):
    async with serving(nodes=NODES) as site:
        await create(site)
        await site.send("PATCH", "/api/v1/nodes/b", {"spec": spec}, Content_Type=MERGE)
        site.clock.step(5)
        assert [node for node, _ in pods(site)] == left


async def test_a_deleted_set_takes_its_pods_and_revisions_along():
    async with serving(nodes=NODES) as site:
        await create(site)
        site.cluster.delete("daemonsets", "default", "agent")
        site.clock.step(5)
        assert site.cluster.list("pods", "default") == []
        assert site.cluster.list("controllerrevisions", "default") == []
