"""Pull secrets and workloads through the real Kubernetes client, against a simulated API server."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
import yaml
from kubernetes.aio import client, config

from arcfleet.core.kube import workload_drift, workloads
from arcfleet.core.kube.workloads import Login
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError, TransientError
from arcfleet.gateways import connect
from arcfleet.gateways.kube import KubernetesSites
from tests.conftest import fleet_of, fleet_text, settings_of

MANIFEST = """
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {selector: {app: api}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: default}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
        - {name: api, image: "acreu1.azurecr.io/app/web:stable"}
        - {name: proxy, image: "mcr.example.com/proxy:1"}
"""


@pytest.fixture
def site():
    return fleet_of(fleet_text(1)).sites[0]


@pytest.fixture
def sim(simulate):
    return simulate(fleet_of(fleet_text(1)))


async def stored_secret(sim, name):
    api = await config.new_client_from_config_dict(yaml.safe_load(sim.kubeconfig), context="k-s1")
    async with api:
        found = await client.CoreV1Api(api).read_namespaced_secret(name, "default")
    return found.type, json.loads(base64.b64decode(found.data[".dockerconfigjson"]))


async def test_a_pull_secret_is_written_as_kubectl_writes_it(sim, site):
    async with connect(settings_of(sim)) as gateways:
        await gateways.kubernetes.put_login(site, "default", "regcred", Login("mytoken", Secret("mypassword")))
        login = await gateways.kubernetes.login(site, "default", "regcred")

    auth = base64.b64encode(b"mytoken:mypassword").decode()
    entry = {"username": "mytoken", "password": "mypassword", "auth": auth}
    assert await stored_secret(sim, "regcred") == ("kubernetes.io/dockerconfigjson", {"auths": {"10.96.0.50": entry}})
    assert (login.username, login.password.reveal()) == ("mytoken", "mypassword")


async def test_a_pull_secret_says_which_password_of_ours_it_holds_until_it_holds_another(sim, site):
    ours, marks = Login("mytoken", Secret("mypassword"), "password2 2026-11-24T12:00:00+00:00"), []
    async with connect(settings_of(sim)) as gateways:
        for login in (Login("mytoken", Secret("first")), ours, Login("mytoken", Secret("theirs"))):
            await gateways.kubernetes.put_login(site, "default", "regcred", login)
            marks.append((await gateways.kubernetes.login(site, "default", "regcred")).mark)

    assert marks == ["", ours.mark, ""]


async def test_other_registries_in_a_pull_secret_survive(sim, site):
    other = site.model_copy(update={"cluster_ip": "10.96.0.99"})
    async with connect(settings_of(sim)) as gateways:
        await gateways.kubernetes.put_login(other, "default", "regcred", Login("theirs", Secret("p1")))
        assert await gateways.kubernetes.login(site, "default", "regcred") is None
        await gateways.kubernetes.put_login(site, "default", "regcred", Login("ours", Secret("p2")))

    _, content = await stored_secret(sim, "regcred")
    assert {host: entry["username"] for host, entry in content["auths"].items()} == {
        "10.96.0.99": "theirs",
        "10.96.0.50": "ours",
    }


async def test_a_manifest_of_the_users_own_is_applied_with_its_images_rewritten(sim, site):
    workload = fleet_of(fleet_text(1, workloads=[{"name": "api", "manifest": "api.yaml", "pin": "tag"}])).sites[0]
    manifest = workloads.parse_manifest(MANIFEST, "api.yaml")
    wanted = workloads.desired(site, workload.workloads[0], manifest, "acreu1.azurecr.io", {})
    async with connect(settings_of(sim)) as gateways:
        for item in wanted.objects:
            await gateways.kubernetes.apply(site, item)
        live = await gateways.kubernetes.workload(site, "default", "api")

    assert live.images == ("10.96.0.50/app/web:stable", "mcr.example.com/proxy:1")
    assert workload_drift.differences(wanted, live) == ()
    assert sim.counters()["byKind"]["kube PATCH services"] == 1


async def test_a_field_of_another_manager_is_a_conflict_and_not_taken_over(sim, site):
    item = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}, "data": {"a": "1"},
    }  # fmt: skip
    api = await config.new_client_from_config_dict(yaml.safe_load(sim.kubeconfig), context="k-s1")
    async with api:
        await client.CoreV1Api(api).patch_namespaced_config_map(
            "c", "default", item, field_manager="helm", _content_type="application/apply-patch+yaml"
        )

    async with connect(settings_of(sim)) as gateways:
        with pytest.raises(PermanentError) as caught:
            await gateways.kubernetes.apply(site, {**item, "data": {"a": "2"}})

    assert caught.value.reason is Reason.CONFLICT
    assert '"helm"' in caught.value.message


async def test_a_client_in_no_use_is_closed_once_another_is_opened_and_made_anew_where_it_is_needed(simulate):
    fleet = fleet_of(fleet_text(3))
    settings = settings_of(simulate(fleet)).model_copy(update={"request_timeout": 0.1})
    kubernetes = KubernetesSites(settings)
    first, second, third = fleet.sites

    assert await kubernetes.login(first, "default", "regcred") is None
    assert await kubernetes.login(second, "default", "regcred") is None
    assert kubernetes.open == 2
    await asyncio.sleep(1.1)
    assert await kubernetes.login(third, "default", "regcred") is None
    assert kubernetes.open == 1
    assert await kubernetes.login(first, "default", "regcred") is None
    await kubernetes.close()


async def test_a_missing_namespace_is_named(sim, site):
    async with connect(settings_of(sim)) as gateways:
        with pytest.raises(PermanentError, match='namespaces "nope" not found'):
            await gateways.kubernetes.put_login(site, "nope", "regcred", Login("t", Secret("p")))


async def test_an_api_that_does_not_answer_is_transient(sim, site):
    sim.site("k-s1", reachable=False)
    async with connect(settings_of(sim)) as gateways:
        with pytest.raises(TransientError) as caught:
            await gateways.kubernetes.workload(site, "default", "web")

    assert caught.value.reason is Reason.UNREACHABLE
