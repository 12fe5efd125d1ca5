"""Somebody who changes a deployed site behind arcfleet's back, and an audit as the command line makes it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import yaml

from arcfleet import fleetfile
from arcfleet.app import audit as auditing
from arcfleet.core.auditing.fleet_audit import FleetAudit
from arcfleet.core.kube.workloads import Object
from arcfleet.core.runs.outcomes import Status
from arcfleet.gateways import connect
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


def starter(simulate, deploy, tmp_path):
    """Return what deploys a fleet with a manifest of many objects, and returns who changes it, and its file's text."""
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


Change = Callable[[Behind], object]
