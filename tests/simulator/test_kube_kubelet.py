"""Nodes: pulls and their back-off, crashes, what keeps a pod from running."""

import itertools

import pytest
from kube_harness import DIGEST, HOST, deployment, secret, serving

from simulator.kube import NodeSpec, PullAnswer, PullRequest
from simulator.kube.images import parse

IMAGE = f"{HOST}/hello-world:latest"


def pod(name="one", image=IMAGE, **spec):
    container = {"name": "c", "image": image} | spec.pop("container", {})
    return {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}


async def create(site, body):
    status, answer, _ = await site.send("POST", "/api/v1/namespaces/default/pods", body)
    assert status == 201, answer


def state(site, name="one", kind="containerStatuses"):
    status = site.cluster.get("pods", "default", name)["status"][kind][0]
    (form, detail) = next(iter(status["state"].items()))
    return form, detail.get("reason"), status["restartCount"]


def reasons(site):
    return {event["reason"] for event in site.cluster.list("events", "default")}


@pytest.mark.parametrize(
    ("image", "host", "repository", "reference"),
    [
        (IMAGE, HOST, "hello-world", "latest"),
        (f"{HOST}/app/web@{DIGEST}", HOST, "app/web", DIGEST),
        (f"{HOST}/app/web:stable@{DIGEST}", HOST, "app/web", DIGEST),
        ("registry.local:5000/a/b", "registry.local:5000", "a/b", "latest"),
        ("nginx", "docker.io", "library/nginx", "latest"),
        ("grafana/loki:3", "docker.io", "grafana/loki", "3"),
    ],
)
def test_images_are_read_as_containerd_reads_them(image, host, repository, reference):
    assert parse(image) == PullRequest(image, host, repository, reference)


@pytest.mark.parametrize("image", ["Hello", f"{HOST}/a:", f"{HOST}/a@sha256:12", f"{HOST}//a", "http://x/y"])
def test_what_is_no_reference_is_an_invalid_image_name(image):
    assert parse(image) is None


async def test_failing_pulls_back_off_and_recover():
    async with serving() as site:
        site.answers[IMAGE] = PullAnswer(error="401 Unauthorized")
        await create(site, pod())
        times = []
        for _ in range(4000):
            before = len(site.pulls)
            site.clock.step(0.5)
            if len(site.pulls) > before:
                times.append(site.clock.now())
            if len(times) == 9:
                break
        waits = [round((b - a).total_seconds()) for a, b in itertools.pairwise(times)]
        assert waits[:5] == [pytest.approx(wait, abs=3) for wait in (12, 22, 42, 82, 162)]
        assert waits[5:] == [pytest.approx(302, abs=3)] * 3
        assert {"Pulling", "Failed", "BackOff"} <= reasons(site)

        site.answers.clear()
        site.clock.step(310)

        assert state(site) == ("running", None, 0)


async def test_a_missing_secret_is_told_and_the_pull_is_anonymous():
    async with serving() as site:
        await create(site, pod(imagePullSecrets=[{"name": "regcred"}]))
        site.clock.step(2)
        assert (site.pulls[0].username, site.pulls[0].password) == (None, None)
        assert "FailedToRetrieveImagePullSecret" in reasons(site)


@pytest.mark.parametrize("key", [HOST, f"https://{HOST}", f"https://{HOST}/v1/"])
async def test_credentials_are_found_by_the_host(key):
    async with serving() as site:
        await site.send("POST", "/api/v1/namespaces/default/secrets", secret(host=key))
        await create(site, pod(imagePullSecrets=[{"name": "regcred"}]))
        await create(site, pod("two", "other.local/a:1", imagePullSecrets=[{"name": "regcred"}]))
        site.clock.step(2)
        assert {pull.host: pull.password for pull in site.pulls} == {HOST: "mypassword", "other.local": None}


async def test_a_present_image_is_not_pulled_again_unless_always():
    async with serving() as site:
        pinned = f"{HOST}/hello-world@{DIGEST}"
        for name in ("one", "two"):
            await create(site, pod(name, pinned))
            site.clock.step(2)
        assert len(site.pulls) == 1
        for name in ("three", "four"):
            await create(site, pod(name))
            site.clock.step(2)
        assert len(site.pulls) == 3


async def test_a_crash_loop_grows():
    async with serving() as site:
        site.answers[IMAGE] = PullAnswer(DIGEST, behaviour="crash")
        await create(site, pod())
        site.clock.step(200)
        status = site.cluster.get("pods", "default", "one")["status"]["containerStatuses"][0]
        assert status["state"]["waiting"]["message"].startswith(
            "back-off 2m40s restarting failed container=c pod=one_default("
        )
        assert status["lastState"]["terminated"]["exitCode"] == 1
        assert status["restartCount"] == 5


async def test_a_pod_that_shall_end_ends():
    async with serving() as site:
        site.answers[IMAGE] = PullAnswer(DIGEST, behaviour="exit0")
        await create(site, pod(restartPolicy="Never"))
        site.clock.step(10)
        assert site.cluster.get("pods", "default", "one")["status"]["phase"] == "Succeeded"


async def test_an_init_container_goes_first():
    async with serving() as site:
        init = {"name": "init", "image": f"{HOST}/init:1"}
        site.answers[init["image"]] = PullAnswer(error="not found")
        await create(site, pod(initContainers=[init]))
        site.clock.step(2)
        assert state(site, kind="initContainerStatuses")[:2] == ("waiting", "ErrImagePull")
        assert state(site)[:2] == ("waiting", "PodInitializing")
        site.answers.clear()
        site.clock.step(20)
        assert state(site, kind="initContainerStatuses")[:2] == ("terminated", "Completed")
        assert state(site) == ("running", None, 0)


async def test_a_missing_secret_in_the_environment_is_a_config_error():
    async with serving() as site:
        env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "regcred", "key": "k"}}}]
        await create(site, pod(container={"env": env}))
        site.clock.step(2)
        assert state(site)[:2] == ("waiting", "CreateContainerConfigError")
        await site.send("POST", "/api/v1/namespaces/default/secrets", secret())
        site.clock.step(20)
        assert state(site) == ("running", None, 0)


async def test_an_invalid_image_name_is_not_tried():
    async with serving() as site:
        await create(site, pod(image="Hello:x"))
        site.clock.step(2)
        assert state(site)[:2] == ("waiting", "InvalidImageName")
        assert site.pulls == []


async def test_readiness_waits_for_its_probe():
    async with serving() as site:
        probe = {"httpGet": {"port": 80}, "initialDelaySeconds": 30}
        await create(site, pod(container={"readinessProbe": probe}))
        site.clock.step(10)
        assert not site.cluster.get("pods", "default", "one")["status"]["containerStatuses"][0]["ready"]
        site.clock.step(25)
        assert site.cluster.get("pods", "default", "one")["status"]["containerStatuses"][0]["ready"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"nodeSelector": {"kubernetes.io/arch": "s390x"}}, "2 node(s) didn't match Pod's node affinity/selector"),
        ({"container": {"resources": {"requests": {"memory": "1Ti"}}}}, "2 Insufficient memory"),
        (
            {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "nope"}}]},
            'persistentvolumeclaim "nope" not found',
        ),
    ],
)
async def test_a_pod_that_fits_nowhere_says_why(spec, why):
    async with serving(nodes=(NodeSpec("a"), NodeSpec("b", arch="arm64"))) as site:
        await create(site, pod(**spec))
        site.clock.step(2)
        condition = site.cluster.get("pods", "default", "one")["status"]["conditions"][0]
        assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
        assert condition["message"].startswith(f"0/2 nodes are available: {why}. ")
        assert "FailedScheduling" in reasons(site)


async def test_a_selector_finds_the_node_of_its_platform():
    async with serving(nodes=(NodeSpec("a"), NodeSpec("b", arch="arm64"))) as site:
        await create(site, pod(nodeSelector={"kubernetes.io/arch": "arm64"}))
        site.clock.step(2)
        assert site.cluster.get("pods", "default", "one")["spec"]["nodeName"] == "b"


CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


async def test_a_claim_without_a_class_keeps_its_pod_waiting():
    async with serving(storage_classes=()) as site:
        assert site.cluster.storage_class(None) is None
        claim = CLAIM | {"spec": CLAIM["spec"] | {"storageClassName": "fast"}}
        await site.send("POST", "/api/v1/namespaces/default/persistentvolumeclaims", claim)
        await create(site, pod(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]))
        site.clock.step(10)
        assert site.cluster.get("persistentvolumeclaims", "default", "data")["status"]["phase"] == "Pending"
        assert "ProvisioningFailed" in reasons(site)

        await site.send(
            "POST", "/apis/storage.k8s.io/v1/storageclasses", {"metadata": {"name": "fast"}, "provisioner": "x"}
        )
        site.clock.step(10)

        assert site.cluster.get("persistentvolumeclaims", "default", "data")["status"]["phase"] == "Bound"
        assert state(site) == ("running", None, 0)


async def test_a_claim_in_use_goes_after_its_pod():
    async with serving() as site:
        await site.send("POST", "/api/v1/namespaces/default/persistentvolumeclaims", CLAIM)
        await create(site, pod(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]))
        site.clock.step(10)
        assert site.cluster.get("persistentvolumeclaims", "default", "data")["spec"]["storageClassName"] == "standard"
        await site.send("DELETE", "/api/v1/namespaces/default/persistentvolumeclaims/data")
        site.clock.step(10)
        assert site.cluster.get("persistentvolumeclaims", "default", "data")
        await site.send("DELETE", "/api/v1/namespaces/default/pods/one")
        site.clock.step(10)
        assert site.cluster.get("persistentvolumeclaims", "default", "data") is None


async def test_a_deleted_pod_is_replaced():
    async with serving() as site:
        await site.send("POST", "/apis/apps/v1/namespaces/default/deployments", deployment())
        site.clock.step(5)
        (before,) = site.cluster.list("pods", "default")
        _, answer, _ = await site.send("DELETE", f"/api/v1/namespaces/default/pods/{before['metadata']['name']}")
        assert answer["metadata"]["deletionGracePeriodSeconds"] == 30
        site.clock.step(5)
        (after,) = site.cluster.list("pods", "default")
        assert after["metadata"]["uid"] != before["metadata"]["uid"]
        assert after["status"]["phase"] == "Running"
