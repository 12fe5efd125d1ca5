"""The article from end to end with the real clients, and connections that break on the way."""

import asyncio
import base64
import json
import tempfile
import threading

import httpx
import pytest
from kubernetes import client, config
from kubernetes.aio import client as aio_client
from kubernetes.aio import config as aio_config
from kubernetes.aio import watch as aio_watch

from simulator import running

CLUSTER = ("rg-arc", "Microsoft.Kubernetes", "connectedClusters", "k-ber1")
IMAGE = "10.96.0.50/app/web:stable"


@pytest.fixture
def kubeconfig(sim):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(sim.kubeconfig)
        file.flush()
        yield file.name


def docker_config(password):
    auth = base64.b64encode(f"berlin1-pull:{password}".encode()).decode()
    return json.dumps({"auths": {"10.96.0.50": {"username": "berlin1-pull", "password": password, "auth": auth}}})


def deployment():
    pod = {
        "imagePullSecrets": [{"name": "regcred"}],
        "containers": [{"name": "web", "image": IMAGE}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod},
        },
    }


def test_the_article_from_credential_to_clean_up(sim, site, kubeconfig):
    site.install()
    password = site.generate(of="berlin1-pull").passwords[0].value
    with config.new_client_from_config(kubeconfig, context="k-ber1") as api:
        core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
        secret = client.V1Secret(
            metadata=client.V1ObjectMeta(name="regcred"),
            type="kubernetes.io/dockerconfigjson",
            string_data={".dockerconfigjson": docker_config(password)},
        )
        core.create_namespaced_secret("default", secret)
        apps.create_namespaced_deployment("default", deployment())
        sim.step(30)
        running_now = apps.read_namespaced_deployment("web", "default").status.available_replicas

        site.arc.extensions.begin_delete(*CLUSTER, "berlin1", polling=False)
        sim.step(120)
        namespaces = [n.metadata.name for n in core.list_namespace().items]

    poller = site.acr.connected_registries.begin_deactivate("rg-acr", "acreu1", "berlin1", polling=False)
    sim.step(2)
    assert running_now == 1
    assert "connected-registry" not in namespaces
    assert poller.done()
    assert site.connected().activation.status == "Inactive"


async def test_a_watch_over_the_simulator_sees_a_pod_arrive(sim, kubeconfig):
    api = await aio_config.new_client_from_config(kubeconfig, context="k-ber1")
    async with api:
        core = aio_client.CoreV1Api(api)
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": IMAGE}]}}
        await core.create_namespaced_pod("default", pod)
        async with aio_watch.Watch() as watch:
            async for event in watch.stream(core.list_namespaced_pod, "default", timeout_seconds=5):
                name = event["object"].metadata.name
                break

    assert name == "p"
    assert sim.counters()["byKind"]["kube WATCH pods"] >= 1


async def test_a_client_that_leaves_a_watch_frees_it(sim):
    token = sim.kubeconfig.split("token: ")[1].split()[0]
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{sim.url}/kube/k-ber1/api/v1/pods?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    async with (
        httpx.AsyncClient(headers=headers, trust_env=False) as http,
        http.stream("GET", url + "&allowWatchBookmarks=true") as answer,
    ):
        first = await anext(answer.aiter_lines())
    await asyncio.sleep(0.05)

    assert json.loads(first)["type"] in ("ADDED", "BOOKMARK")
    assert sim.get("/time")["manual"] is True


def test_many_clients_at_once_are_served(worlds):
    with running(worlds.make(), speed=1) as sim:
        codes = []

        def ask():
            with httpx.Client(headers={"Authorization": "Bearer x"}, trust_env=False) as http:
                codes.extend(http.get(f"{sim.url}{worlds.acr}?api-version=1").status_code for _ in range(20))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert codes == [200] * 160


async def test_a_new_world_ends_the_watches_and_waits_of_the_old_one(sim, worlds):
    token = sim.kubeconfig.split("token: ")[1].split()[0]
    headers = {"Authorization": f"Bearer {token}"}
    sim.fault({"path": "registries/acreu1", "effect": {"delay": 3600}})
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        waiting = asyncio.create_task(http.get(f"{sim.url}{worlds.acr}?api-version=1"))
        watching = asyncio.create_task(http.get(f"{sim.url}/kube/k-ber1/api/v1/pods?watch=1"))
        await asyncio.sleep(0.1)

        await asyncio.to_thread(sim.load, worlds.make())

        assert (await asyncio.wait_for(waiting, 5)).status_code == 200
        with pytest.raises(httpx.TransportError):
            await asyncio.wait_for(watching, 5)
