"""StatefulSets: pods with ordinals, one after the other."""

from kube_harness import HOST, serving

from simulator.kube import PullAnswer

PATH = "/apis/apps/v1/namespaces/default/statefulsets"
MERGE = "application/merge-patch+json"
V1, V2 = f"{HOST}/db:v1", f"{HOST}/db:v2"


def stateful_set(image=V1, **spec):
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": image}]}}
    spec = {"selector": {"matchLabels": {"app": "db"}}, "serviceName": "db", "replicas": 3, "template": template} | spec
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec}


async def create(site, **spec):
    assert (await site.send("POST", PATH, stateful_set(**spec)))[0] == 201


async def change(site, **spec):
    status, answer, _ = await site.send("PATCH", f"{PATH}/db", {"spec": spec}, Content_Type=MERGE)
    assert status == 200, answer


def template(image):
    return {"spec": {"containers": [{"name": "db", "image": image}]}}


def pods(site):
    """Return the images of the pods by name."""
    found = site.cluster.list("pods", "default")
    return {each["metadata"]["name"]: each["spec"]["containers"][0]["image"][-2:] for each in found}


def status(site):
    return site.cluster.get("statefulsets", "default", "db")["status"]


def watch(site, seconds):
    """Return the distinct states of the pods, as (number, ready), in order."""
    seen = []
    for _ in range(int(seconds * 10)):
        site.clock.step(0.1)
        state = (len(pods(site)), status(site).get("readyReplicas", 0))
        if state not in seen[-1:]:
            seen.append(state)
    return seen


async def test_pods_start_in_order():
    async with serving() as site:
        await create(site)
        seen = watch(site, 10)

        assert max(number - ready for number, ready in seen) == 1
        assert list(pods(site)) == ["db-0", "db-1", "db-2"]
        found = status(site)
        assert found["currentRevision"] == found["updateRevision"]
        counters = {name: value for name, value in found.items() if "Revision" not in name}
        assert counters == {
            "availableReplicas": 3,
            "collisionCount": 0,
            "currentReplicas": 3,
            "observedGeneration": 1,
            "readyReplicas": 3,
            "replicas": 3,
            "updatedReplicas": 3,
        }
        pod = site.cluster.get("pods", "default", "db-1")
        assert pod["metadata"]["labels"]["controller-revision-hash"] == found["currentRevision"]
        assert pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-1"
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")


async def test_a_pod_that_does_not_start_keeps_the_next_ones_waiting():
    async with serving() as site:
        site.answers[V1] = PullAnswer(error="not found")
        await create(site)
        site.clock.step(60)
        assert list(pods(site)) == ["db-0"]


async def test_in_parallel_none_waits():
    async with serving() as site:
        site.answers[V1] = PullAnswer(error="not found")
        await create(site, podManagementPolicy="Parallel")
        site.clock.step(1)
        assert list(pods(site)) == ["db-0", "db-1", "db-2"]


async def test_an_update_goes_from_the_last_to_the_first():
    async with serving() as site:
        await create(site)
        site.clock.step(10)
        before = status(site)["currentRevision"]
        await change(site, template=template(V2))
        stages = []
        for _ in range(200):
            site.clock.step(0.1)
            assert status(site).get("readyReplicas", 0) >= 2
            stage = "".join(pods(site).values())
            if stage not in stages:
                stages.append(stage)
            if "v1" in stage and "v2" in stage:
                assert status(site)["currentRevision"] == before != status(site)["updateRevision"]
        assert stages == ["v1v1v1", "v1v1v2", "v1v2v2", "v2v2v2"]
        assert status(site)["currentRevision"] == status(site)["updateRevision"] != before
        assert status(site)["currentReplicas"] == 3


async def test_a_partition_holds_the_lower_ones_back():
    async with serving() as site:
        await create(site, updateStrategy={"rollingUpdate": {"partition": 2}})
        site.clock.step(10)
        await change(site, template=template(V2))
        site.clock.step(10)
        assert pods(site) == {"db-0": "v1", "db-1": "v1", "db-2": "v2"}
        # One that is lost below the partition comes back as it was.
        site.cluster.delete("pods", "default", "db-0")
        site.clock.step(10)
        assert pods(site)["db-0"] == "v1"
        assert (status(site)["currentReplicas"], status(site)["updatedReplicas"]) == (2, 1)


async def test_on_delete_waits_for_somebody_to_delete():
    async with serving() as site:
        await create(site, updateStrategy={"type": "OnDelete"})
        site.clock.step(10)
        await change(site, template=template(V2))
        site.clock.step(10)
        assert set(pods(site).values()) == {"v1"}
        site.cluster.delete("pods", "default", "db-1")
        site.clock.step(10)
        assert pods(site) == {"db-0": "v1", "db-1": "v2", "db-2": "v1"}


async def test_scaling_down_takes_the_last_away_and_keeps_its_claim():
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    claim["spec"]["resources"] = {"requests": {"storage": "1Gi"}}
    async with serving() as site:
        await create(site, volumeClaimTemplates=[claim])
        site.clock.step(20)
        claims = site.cluster.list("persistentvolumeclaims", "default")
        assert [each["metadata"]["name"] for each in claims] == ["data-db-0", "data-db-1", "data-db-2"]
        assert {each["status"]["phase"] for each in claims} == {"Bound"}
        await change(site, replicas=1)
        numbers = [number for number, _ in watch(site, 10)]
        assert numbers == [3, 2, 1]
        assert list(pods(site)) == ["db-0"]
        assert len(site.cluster.list("persistentvolumeclaims", "default")) == 3


async def test_minimum_ready_seconds_delay_the_next_one():
    async with serving() as site:
        await create(site, minReadySeconds=5)
        site.clock.step(4)
        assert list(pods(site)) == ["db-0"]
        assert (status(site)["readyReplicas"], status(site)["availableReplicas"]) == (1, 0)
        site.clock.step(20)
        assert status(site)["availableReplicas"] == 3


async def test_what_may_not_change():
    async with serving() as site:
        await create(site)
        status, refused, _ = await site.send(
            "PATCH", f"{PATH}/db", {"spec": {"serviceName": "other"}}, Content_Type=MERGE
        )
        assert status == 422
        assert "updates to statefulset spec for fields other than 'replicas'" in refused["message"]
