"""Drift: each kind that is made behind our back is found by its name, told once, and put right by a repair."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import yaml
from prefect.client.orchestration import get_client

from arcfleet import fleetfile
from arcfleet.app import audit as auditing
from arcfleet.core import fleet_audit
from arcfleet.core.audit import SiteAudit, Unknown
from arcfleet.core.differences import Difference, Kind
from arcfleet.core.facts import Trace
from arcfleet.core.fleet_audit import FleetAudit
from arcfleet.core.outcomes import Status
from arcfleet.core.reasons import Reason
from arcfleet.core.workloads import Object
from arcfleet.gateways import connect
from flows.audit_fleet import audit_fleet
from simulator import Simulator
from tests.conftest import SUBSCRIPTION, fleet_of, fleet_text, settings_of

FAST = {"extensionInstall": 60, "extensionUpdate": 30}
MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, targetPort: 8080}], selector: {app: web}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: "1024Mi"}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: app/web:stable
          env: [{name: COLOUR, value: blue}]
          ports: [{containerPort: 8080}]
          resources: {limits: {cpu: "1000m", memory: 0.5Gi}}
"""
WORKLOAD = {"name": "web", "manifest": "web.yaml"}
REGISTRY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry/registries/acreu1"
)
EXTENSION = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-arc/providers/Microsoft.Kubernetes/connectedClusters/k-s1"
    "/providers/Microsoft.KubernetesConfiguration/extensions/plant1"
)
ACR, ARC = "2025-11-01", "2023-05-01"


@dataclass
class Behind:
    """Somebody who changes things behind arcfleet's back: through Azure, through the cluster's API, or the world's."""

    sim: Simulator

    def azure(self, method: str, target: str, body: Object | None = None, *, api: str = ACR) -> Object:
        url = f"{self.sim.url}{target}"
        headers = {"Authorization": "Bearer unsigned"}
        answer = httpx.request(method, url, params={"api-version": api}, json=body, headers=headers, trust_env=False)
        answer.raise_for_status()
        self.sim.step(60)
        return answer.json() if answer.content else {}

    def extension(self, **properties: Any) -> None:
        self.azure("PATCH", EXTENSION, {"properties": properties}, api=ARC)

    def kube(self, method: str, path: str, body: Any = None) -> Object:
        config = yaml.safe_load(self.sim.kubeconfig)
        headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        if method == "PATCH":
            headers["Content-Type"] = "application/strategic-merge-patch+json"
        url = f"{config['clusters'][0]['cluster']['server']}/{path}?fieldManager=kubectl-edit"
        answer = httpx.request(method, url, headers=headers, content=json.dumps(body), trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def core(self, method: str, resource: str, body: Any = None) -> Object:
        return self.kube(method, f"api/v1/namespaces/default/{resource}", body)

    def secret(self, host: str, user: str) -> None:
        """Replace what the pull secret holds by a login of somebody at a host."""
        auths = {host: {"auth": base64.b64encode(f"{user}:not-the-password".encode()).decode()}}
        content = base64.b64encode(json.dumps({"auths": auths}).encode()).decode()
        self.core("PATCH", "secrets/regcred", {"data": {".dockerconfigjson": content}})

    def other_image_id(self) -> None:
        """Have the kubelet report that a container runs another image than it was asked for."""
        (pod,) = self.core("GET", "pods")["items"]
        (status,) = pod["status"]["containerStatuses"]
        status["imageID"] = f"{status['imageID'].partition('@')[0]}@sha256:{'0' * 64}"
        self.core("PATCH", f"pods/{pod['metadata']['name']}/status", {"status": {"containerStatuses": [status]}})

    def deployment(self, spec: Object) -> None:
        self.kube("PATCH", "apis/apps/v1/namespaces/default/deployments/web", {"spec": spec})

    def container(self, **changes: Any) -> None:
        self.deployment({"template": {"spec": {"containers": [{"name": "web", **changes}]}}})


@pytest.fixture
def world(simulate, deploy, tmp_path):
    """Deploy a fleet with a manifest of many objects, and return who changes it and how to look."""
    (tmp_path / "web.yaml").write_text(MANIFEST)

    async def start(**options: Any):
        text = fleet_text(1, workloads=[WORKLOAD], **options)
        # What the simulator is to hold can't be read from a manifest.
        sim = simulate(fleet_of(fleet_text(1, **options)), **FAST)
        report = await deploy(sim, text)
        assert [outcome.status for outcome in report.outcomes] == [Status.SUCCEEDED], report.outcomes[0].finding
        return Behind(sim), text

    return start


async def audited(sim: Simulator, text: str, folder) -> FleetAudit:
    """Audit a fleet as the command line does."""
    (folder / "audited.yaml").write_text(text)
    fleet = fleetfile.load(folder / "audited.yaml")
    async with connect(settings_of(sim)) as gateways:
        return await auditing.make(gateways, fleet)


async def test_nothing_is_reported_right_after_a_deploy_and_what_cannot_be_compared_is_said(world, tmp_path):
    behind, text = await world(ensure=True)

    found = await audited(behind.sim, text, tmp_path)

    assert found.sites[0].drift == ()
    assert (found.sites[0].finding, auditing.exit_code(found)) == (None, 0)
    assert [item.what for item in found.sites[0].unknown] == [
        "the connection string in the extension's protected settings",
        "whether the passwords in pull secrets are valid",
    ]  # fmt: skip


Change = Callable[[Behind], object]
SETTING = {"extension": {"settings": {"pvc.storageRequest": "250Gi"}}}
PINNED = {"extension": {"version": "1.2.0", "autoUpgrade": False}}
REPAIRED: dict[str, tuple[Kind, str, Change, dict[str, Any]]] = {
    "extension setting": (
        Kind.SETTING, "pvc.storageRequest: 500Gi, not 250Gi",
        lambda b: b.extension(configurationSettings={"pvc.storageRequest": "500Gi"}), SETTING,
    ),
    "clusterIP": (
        Kind.CLUSTER_IP, "service.clusterIP: 10.96.0.77, not 10.96.0.50",
        lambda b: b.extension(configurationSettings={"service.clusterIP": "10.96.0.77"}), {},
    ),
    "release train": (
        Kind.RELEASE_TRAIN, "releaseTrain: preview, not stable",
        lambda b: b.extension(releaseTrain="preview"), {"extension": {"releaseTrain": "stable"}},
    ),
    "auto-upgrade": (
        Kind.AUTO_UPGRADE, "autoUpgrade: false, not true",
        lambda b: b.extension(autoUpgradeMinorVersion=False), {},
    ),
    "scope map": (
        Kind.SCOPE_MAP, "without app/web, not with app/web",
        lambda b: b.azure(
            "PATCH", f"{REGISTRY}/scopeMaps/plant1",
            {"properties": {"actions": [f"gateway/plant1/{what}" for what in (
                "config/read", "config/write", "message/read", "message/write")]}},
        ), {"ensure": True},
    ),
    "connected registry": (
        Kind.CONNECTED_REGISTRY, "logLevel: Debug, not Error",
        lambda b: b.azure(
            "PATCH", f"{REGISTRY}/connectedRegistries/plant1", {"properties": {"logging": {"logLevel": "Debug"}}}
        ), {"ensure": True, "connectedRegistrySettings": {"logLevel": "Error"}},
    ),
    "client token unassigned": (
        Kind.CLIENT_TOKEN, "client token plant1-pull: not assigned, not assigned",
        lambda b: b.azure(
            "PATCH", f"{REGISTRY}/connectedRegistries/plant1", {"properties": {"clientTokenIds": []}}
        ), {"ensure": True},
    ),
    "pull secret gone": (
        Kind.PULL_SECRET, "pull secret default/regcred is missing",
        lambda b: b.core("DELETE", "secrets/regcred"), {},
    ),
    "pull secret of another registry": (
        Kind.PULL_SECRET, "pull secret default/regcred: logins of other.example.com only, not a login for 10.96.0.50",
        lambda b: b.secret("other.example.com", "somebody"), {},
    ),
    "pull secret of another user": (
        Kind.PULL_SECRET, "pull secret default/regcred: a login of somebody, which is no client token of plant1",
        lambda b: b.secret("10.96.0.50", "somebody"), {},
    ),
    "data endpoint": (
        Kind.DATA_ENDPOINT, "dedicated data endpoint: off, not on",
        lambda b: b.azure("PATCH", REGISTRY, {"properties": {"dataEndpointEnabled": False}}), {"ensure": True},
    ),
    "version": (
        Kind.VERSION, "version: 1.0.0, not 1.2.0",
        lambda b: b.extension(version="1.0.0", autoUpgradeMinorVersion=False), PINNED,
    ),
    "Service deleted": (
        Kind.WORKLOAD, "workload web: Service default/web is missing",
        lambda b: b.core("DELETE", "services/web"), {},
    ),
    "ConfigMap deleted": (
        Kind.WORKLOAD, "workload web: ConfigMap default/settings is missing",
        lambda b: b.core("DELETE", "configmaps/settings"), {},
    ),
    "Deployment deleted": (
        Kind.WORKLOAD, "workload web is missing",
        lambda b: b.kube("DELETE", "apis/apps/v1/namespaces/default/deployments/web"), {},
    ),
    "ConfigMap changed": (
        Kind.WORKLOAD, "workload web: ConfigMap default/settings: data.colour: another value",
        lambda b: b.core("PATCH", "configmaps/settings", {"data": {"colour": "red"}}), {},
    ),
    "field changed": (
        Kind.WORKLOAD, "env[COLOUR].value: another value",
        lambda b: b.container(env=[{"name": "COLOUR", "value": "red"}]), {},
    ),
    "field removed": (
        Kind.WORKLOAD, "env[COLOUR]: removed",
        lambda b: b.container(env=[{"name": "COLOUR", "$patch": "delete"}]), {},
    ),
    "replicas": (
        Kind.WORKLOAD, "workload web: spec.replicas: 3, not 1", lambda b: b.deployment({"replicas": 3}), {},
    ),
    "image": (
        Kind.DIGEST, "containers[web].image: 10.96.0.50/app/web:stable, not 10.96.0.50/app/web@sha256:",
        lambda b: b.container(image="10.96.0.50/app/web:stable"), {},
    ),
    "sync password made anew": (
        Kind.SYNC_TOKEN, "sync token plant1: password1: made anew",
        lambda b: b.sim.post("/password", {"registry": "acreu1", "token": "plant1", "name": "password1"}), {},
    ),
    "tag moved in the cloud": (
        Kind.DIGEST, "image app/web: sha256:",
        lambda b: b.sim.post("/images", {"registry": "acreu1", "repository": "app/web", "tag": "stable"}), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "line", "change", "options"), REPAIRED.values(), ids=REPAIRED)
async def test_each_kind_of_drift_is_found_by_name_and_repaired(world, deploy, tmp_path, kind, line, change, options):
    behind, text = await world(**options)
    # More than what the clocks of two of Azure's services may differ by.
    behind.sim.step(600)
    change(behind)
    behind.sim.step(60)

    found = await audited(behind.sim, text, tmp_path)

    (site,) = found.sites
    told = [row["what"] for row in fleet_audit.rows(found)]
    # A service's address can't be changed: Helm fails, and that is told too.
    assert [item.kind for item in site.drift if item.what != "the last installation"] == [kind], told
    assert line in told[0]
    assert auditing.exit_code(found) == 2
    report = await deploy(behind.sim, text, flow=audit_fleet, policy="repair")
    assert [outcome.status for outcome in report.outcomes] == [Status.SUCCEEDED], report.outcomes[0].finding
    assert (await audited(behind.sim, text, tmp_path)).sites[0].drift == ()


def disable(token: str) -> Change:
    return lambda b: b.azure("PATCH", f"{REGISTRY}/tokens/{token}", {"properties": {"status": "disabled"}})


TOLD: dict[str, tuple[Kind, str, str, Change]] = {
    "sync token disabled": (
        Kind.SYNC_TOKEN, "sync token plant1: disabled, not enabled",
        "az acr token update --registry acreu1 --name plant1 --status enabled", disable("plant1"),
    ),
    "client token disabled": (
        Kind.CLIENT_TOKEN, "client token plant1-pull: disabled, not enabled",
        "az acr token update --registry acreu1 --name plant1-pull --status enabled", disable("plant1-pull"),
    ),
    "scope map": (
        Kind.SCOPE_MAP, "without app/web, not with app/web",
        "az acr connected-registry permissions update --registry acreu1 --name plant1 --add app/web",
        lambda b: b.azure(
            "PATCH", f"{REGISTRY}/scopeMaps/plant1", {"properties": {"actions": ["gateway/plant1/config/read"]}}
        ),
    ),
    "client token unassigned": (
        Kind.CLIENT_TOKEN, "client token: none assigned, not one", "--add-client-tokens",
        lambda b: b.azure(
            "PATCH", f"{REGISTRY}/connectedRegistries/plant1", {"properties": {"clientTokenIds": []}}
        ),
    ),
    "image of a pod": (
        Kind.DIGEST, "runs sha256:000", "kubectl --context k-s1 --namespace default delete pod web-",
        lambda b: b.other_image_id(),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "line", "remedy", "change"), TOLD.values(), ids=TOLD)
async def test_what_a_deploy_does_not_put_right_is_told_with_what_does(world, tmp_path, kind, line, remedy, change):
    behind, text = await world()
    behind.sim.step(600)
    change(behind)

    found = await audited(behind.sim, text, tmp_path)

    (row,) = fleet_audit.rows(found)
    assert (row["kind"], line in row["what"], remedy in row["do"]) == (kind, True, True), row
    assert (auditing.exit_code(found), found.repairable) == (2, ())


async def test_who_changed_it_and_when_is_told_as_far_as_it_is_kept(world, tmp_path):
    behind, text = await world()
    behind.deployment({"replicas": 3})
    behind.extension(configurationSettings={"service.clusterIP": "10.96.0.77"})

    drift = {item.kind: item for item in (await audited(behind.sim, text, tmp_path)).sites[0].drift}

    assert drift[Kind.WORKLOAD].trace.by == "kubectl-edit"
    # Of an extension Azure keeps when, and not who.
    assert drift[Kind.CLUSTER_IP].trace.by == ""
    assert drift[Kind.CLUSTER_IP].trace.at > drift[Kind.WORKLOAD].trace.at


async def test_a_site_out_of_contact_is_audited_in_azure_and_the_rest_is_said_to_be_unknown(world, tmp_path):
    behind, text = await world()
    behind.extension(autoUpgradeMinorVersion=False)
    behind.sim.site("k-s1", connectivity="Offline")

    (site,) = (await audited(behind.sim, text, tmp_path)).sites

    assert [item.kind for item in site.drift] == [Kind.AUTO_UPGRADE]
    assert "pull secrets and workloads" in [item.what for item in site.unknown]


async def test_one_site_that_cannot_be_audited_hides_no_other(simulate, deploy, tmp_path):
    text = fleet_text(3)
    sim = simulate(fleet_of(text), **FAST)
    await deploy(sim, text)
    sim.site("k-s1", reachable=False)
    ghost = text.replace("plant3", "ghost3")

    found = await audited(sim, ghost, tmp_path)

    assert [bool(site.finding) for site in found.sites] == [True, False, False]
    assert [item.kind for item in found.sites[2].drift] == [Kind.CONNECTED_REGISTRY]
    assert auditing.exit_code(found) == 1


async def test_an_audit_writes_nothing_and_costs_a_few_reads(world, tmp_path):
    behind, text = await world()
    behind.sim.post("/counters/reset")

    await audited(behind.sim, text, tmp_path)

    counters = behind.sim.counters()
    assert counters["writes"] == 0
    assert {kind: count for kind, count in counters["byKind"].items() if kind.startswith("arm LIST")} == {
        "arm LIST connectedRegistries": 1, "arm LIST scopeMaps": 1, "arm LIST tokens": 1,
    }  # fmt: skip


async def test_a_flow_that_reports_changes_nothing_and_shows_a_table_and_a_page(world, deploy, recorder):
    behind, text = await world()
    behind.core("DELETE", "services/web")
    reports, writes = len(recorder.reports), behind.sim.counters()["writes"]

    await deploy(behind.sim, text, flow=audit_fleet)

    async with get_client() as client:
        runs = [run for run in await client.read_flow_runs(limit=200) if run.name.startswith("fleet")]
        run = max(runs, key=lambda run: run.created)
        shown = [item for item in await client.read_artifacts(limit=200) if item.flow_run_id == run.id]
    assert (run.state.name, run.state.message) == ("Drift", "1 of 1 site differs from the file")
    assert (len(recorder.reports), behind.sim.counters()["writes"]) == (reports, writes)
    assert {item.type for item in shown} == {"table", "markdown"}
    assert all("Service default/web is missing" in str(item.data) for item in shown)


async def test_fields_that_others_owned_first_are_not_taken_by_a_repair(world, deploy, tmp_path):
    behind, text = await world()
    # Somebody's field, which a new manifest wants otherwise: that is a conflict, not a drift of ours.
    behind.container(env=[{"name": "REGION", "value": "eu"}])
    more = MANIFEST.replace("{name: COLOUR, value: blue}", "{name: COLOUR, value: blue}, {name: REGION, value: us}")
    (tmp_path / "web.yaml").write_text(more)

    report = await deploy(behind.sim, text, flow=audit_fleet, policy="repair")

    assert report.outcomes[0].finding.reason is Reason.CONFLICT


def test_the_json_of_an_audit_is_a_contract():
    trace = Trace("kubectl-edit", datetime(2026, 11, 24, 10, tzinfo=UTC))
    drift = Difference(Kind.WORKLOAD, "workload web: spec.replicas", "3", "1", trace)
    made = FleetAudit("f", datetime(2026, 11, 24, 12, tzinfo=UTC), (SiteAudit("s1", (drift,), (Unknown("a", "b"),)),))

    assert fleet_audit.to_json(made) == {
        "schema": 1,
        "fleet": "f",
        "madeAt": "2026-11-24T12:00:00+00:00",
        "counts": {"sites": 1, "drifted": 1, "failed": 0, "differences": 1},
        "sites": [
            {
                "site": "s1",
                "drift": [
                    {
                        "kind": "workload", "what": "workload web: spec.replicas", "found": "3", "wanted": "1",
                        "by": "kubectl-edit", "at": "2026-11-24T10:00:00+00:00", "repairedByDeploy": True, "remedy": "",
                    }
                ],
                "unknown": [{"what": "a", "why": "b"}],
                "finding": None,
            }
        ],
    }  # fmt: skip
