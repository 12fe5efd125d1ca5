"""The world as the services show it, object by object, but for what every write moves: times, versions, uids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from simulator import Simulator
from tests.conftest import SUBSCRIPTION
from tests.flows.test_least_privilege import kubernetes

REGISTRIES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry/registries"
CLUSTERS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-arc/providers/Microsoft.Kubernetes/connectedClusters"
MOVING = {
    "systemData", "lastActivityTime", "lastSyncTime", "lastConnectivityTime", "resourceVersion", "generation",
    "managedFields", "uid", "loginServer", "version",
}  # fmt: skip
"""Keys that tell when something happened, or which instance was seen last; not what exists."""
OF_KUBERNETES = {
    "api/v1": ("configmaps", "namespaces", "persistentvolumeclaims", "pods", "secrets", "serviceaccounts", "services"),
    "apis/apps/v1": ("daemonsets", "deployments", "replicasets", "statefulsets"),
    "apis/networking.k8s.io/v1": ("ipaddresses",),
    "apis/rbac.authorization.k8s.io/v1": ("roles", "rolebindings", "clusterroles", "clusterrolebindings"),
}


def world_of(sim: Simulator, clusters: int = 1) -> dict[str, Any]:
    """Return every object of the registry and of the clusters k-s1, k-s2, … by its address."""
    return dict([*_azure(sim, clusters), *_kubernetes(sim, clusters)])


def _azure(sim: Simulator, clusters: int) -> Iterator[tuple[str, Any]]:
    registry = f"{REGISTRIES}/acreu1"
    yield registry, _get(sim, registry)
    for kind in ("connectedRegistries", "tokens", "scopeMaps"):
        for item in _get(sim, f"{registry}/{kind}")["value"]:
            yield item["id"], item
    for number in range(1, clusters + 1):
        place = f"{CLUSTERS}/k-s{number}/providers/Microsoft.KubernetesConfiguration/extensions"
        for item in _get(sim, place)["value"]:
            yield item["id"], item


def call(sim: Simulator, method: str, path: str) -> httpx.Response:
    """Call Azure Resource Manager behind arcfleet's back."""
    version = "2023-05-01" if "/extensions" in path else "2025-11-01"
    answer = httpx.request(
        method,
        f"{sim.url}{path}",
        params={"api-version": version},
        headers={"Authorization": "Bearer x"},
        trust_env=False,
    )
    return answer.raise_for_status()


def _get(sim: Simulator, path: str) -> Any:
    return _still(call(sim, "GET", path).json())


def _kubernetes(sim: Simulator, clusters: int) -> Iterator[tuple[str, Any]]:
    for number in range(1, clusters + 1):
        with kubernetes(sim, number) as api:
            for group, kinds in OF_KUBERNETES.items():
                for kind in kinds:
                    for item in api.get(f"{group}/{kind}").raise_for_status().json()["items"]:
                        where = item["metadata"]
                        yield f"k-s{number} {where.get('namespace', '')}/{kind}/{where['name']}", _still(item)


def _still(value: Any) -> Any:
    """Return a value without what moves, at any depth."""
    if isinstance(value, dict):
        return {key: _still(item) for key, item in value.items() if key not in MOVING}
    return [_still(item) for item in value] if isinstance(value, list) else value
