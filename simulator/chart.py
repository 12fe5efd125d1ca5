"""The objects that the connected registry's Helm chart creates (Azure/acr, docs/preview/connected-registry)."""

from typing import Any

from simulator.instance import NAME
from simulator.kube import KubeError
from simulator.world import ConnectedCluster, Extension

CLAIM = "connected-registry-pvc"
IMAGE = "mcr.microsoft.com/acr/connected-registry"
PLATFORM = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}

Created = list[tuple[str, str | None, str]]


class Chart:
    """One extension's chart in one cluster."""

    def __init__(self, cluster: ConnectedCluster, extension: Extension, version: str) -> None:
        self._cluster = cluster
        self._extension = extension
        self._version = version

    def install(self, created: Created) -> None:
        """Create every object and note it in `created`; KubeError as soon as one is refused."""
        if self._cluster.kube.get("namespaces", None, NAME) is None:
            self._create("namespaces", {"metadata": {"name": NAME}}, created, namespaced=False)
        self._create("persistentvolumeclaims", self._claim(), created)
        self._create("services", self._service(), created)
        self._create("deployments", self._deployment(), created)

    def restart(self) -> None:
        """Replace the deployment, so that its pod starts again with new settings."""
        if self._cluster.kube.get("deployments", NAME, NAME) is not None:
            self._cluster.kube.delete("deployments", NAME, NAME)
        self._create("deployments", self._deployment(), [])

    def remove(self, created: Created) -> None:
        """Delete what was created, the newest first; somebody may have deleted some of it already."""
        for resource, namespace, name in reversed(created):
            try:
                self._cluster.kube.delete(resource, namespace, name)
            except KubeError as error:
                if error.code != 404:
                    raise
        created.clear()

    def terminating(self) -> bool:
        """Say whether the namespace is still on its way out."""
        namespace = self._cluster.kube.get("namespaces", None, NAME)
        return namespace is not None and "deletionTimestamp" in namespace["metadata"]

    def startable(self) -> bool:
        """Say whether the pod can come up: its volume's class exists and a linux/amd64 node does."""
        class_name = self._extension.settings.get("pvc.storageClassName")
        suitable = any(node.os == "linux" and node.arch == "amd64" for node in self._cluster.nodes)
        return suitable and self._cluster.kube.storage_class(class_name) is not None

    def _create(self, resource: str, obj: dict[str, Any], created: Created, *, namespaced: bool = True) -> None:
        namespace = NAME if namespaced else None
        if namespaced:
            obj["metadata"]["namespace"] = NAME
        self._cluster.kube.create(resource, obj)
        created.append((resource, namespace, obj["metadata"]["name"]))

    def _claim(self) -> dict[str, Any]:
        settings = self._extension.settings
        class_name = settings.get("pvc.storageClassName")
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": settings.get("pvc.storageRequest", "500Gi")}},
                **({"storageClassName": class_name} if class_name else {}),
            },
        }

    def _service(self) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME},
            "spec": {
                "clusterIP": self._extension.settings["service.clusterIP"],
                "selector": {"app": NAME},
                "ports": [{"name": "https", "port": 443, "targetPort": 8443, "protocol": "TCP"}],
            },
        }

    def _deployment(self) -> dict[str, Any]:
        pod = {
            "nodeSelector": PLATFORM,
            "containers": [{"name": NAME, "image": f"{IMAGE}:{self._version}", "ports": [{"containerPort": 8443}]}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}],
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": NAME, "labels": {"app": NAME}},
            "spec": {
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": {"app": NAME}},
                "template": {"metadata": {"labels": {"app": NAME}}, "spec": pod},
            },
        }
