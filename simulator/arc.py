"""Arc-enabled clusters and their extensions: Microsoft.Kubernetes and Microsoft.KubernetesConfiguration.

Shapes, headers and status codes: recordings of azure-cli (k8s_extension.json, arc_extension_install.json)
and the API specification's examples (CreateExtension.json); rules: the k8s-extension CLI extension and
MicrosoftDocs, azure-arc/kubernetes/extensions.
"""

import uuid
from typing import Any

from simulator import texts
from simulator.acr import Params
from simulator.agents import Agents
from simulator.arcviews import PROVIDER, cluster_view, extension_id, extension_view
from simulator.arm import ArmError, api_version, body_of, not_found, page, properties_of
from simulator.cloud import Stamps, group_id
from simulator.http import Request, Response, Router
from simulator.world import EXTENSION_TYPE, ConnectedCluster, Extension, World

GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
CLUSTERS = GROUP + "/providers/Microsoft.Kubernetes/connectedClusters"
CLUSTER = CLUSTERS + "/{cluster}"
EXTENSIONS = CLUSTER + f"/providers/{PROVIDER}/extensions"
EXTENSION = EXTENSIONS + "/{extension}"
ACCEPTED = "PT48H"


class ArcApi:
    """Handlers of connected clusters and extensions."""

    def __init__(self, world: World, agents: Agents) -> None:
        self._world = world
        self._agents = agents

    def register(self, _world: World, router: Router) -> None:
        """Add the providers' routes."""
        everywhere = "/subscriptions/{subscription}/providers/Microsoft.Kubernetes/connectedClusters"
        router.add("GET", everywhere, self.list_clusters, "LIST connectedClusters")
        router.add("GET", CLUSTERS, self.list_clusters, "LIST connectedClusters")
        router.add("GET", CLUSTER, self.get_cluster, "GET connectedClusters")
        router.add("GET", EXTENSIONS, self.list_extensions, "LIST extensions")
        router.add("GET", EXTENSION, self.get_extension, "GET extensions")
        router.add("PUT", EXTENSION, self.put_extension, "PUT extensions")
        router.add("PATCH", EXTENSION, self.update_extension, "PATCH extensions")
        router.add("DELETE", EXTENSION, self.delete_extension, "DELETE extensions")
        operation = EXTENSION + "/operations/{operation}"
        router.add("GET", operation, self.operation, "GET extensions/operations")

    def list_clusters(self, request: Request, params: dict[str, str]) -> Response:
        """List a subscription's clusters, or a resource group's."""
        prefix = f"/subscriptions/{params['subscription']}/"
        if "group" in params:
            prefix = f"{group_id(params['subscription'], params['group'])}/"
        found = [c for key, c in self._world.clusters.items() if key.startswith(prefix.lower())]
        return page(self._world, [cluster_view(self._world, c, _version(request)) for c in found], request)

    def get_cluster(self, request: Request, params: dict[str, str]) -> Response:
        """Show one cluster."""
        return Response.json(cluster_view(self._world, self._cluster(params), _version(request)))

    def list_extensions(self, request: Request, params: dict[str, str]) -> Response:
        """List a cluster's extensions."""
        cluster = self._cluster(params)
        views = [extension_view(cluster, e, _version(request)) for e in cluster.extensions.values()]
        return page(self._world, views, request, nextLink=None)

    def get_extension(self, request: Request, params: dict[str, str]) -> Response:
        """Show one extension."""
        cluster, extension = self._extension(params)
        return Response.json(extension_view(cluster, extension, _version(request)))

    def put_extension(self, request: Request, params: dict[str, str]) -> Response:
        """Create an extension (201) or replace one's settings (200); the agent does the rest."""
        cluster, body = self._cluster(params), body_of(request)
        self._check_provider(cluster)
        properties = properties_of(request)
        _check(properties, new=True)
        old = cluster.extensions.get(params["extension"].lower())
        # An extension that is being deleted goes on going: what is put now is another one.
        fresh = old is None or old.state == "Deleting"
        extension = self._new(params["extension"]) if old is None or fresh else old
        cluster.extensions[extension.name.lower()] = extension
        if (body.get("identity") or {}).get("type") == "SystemAssigned":
            extension.identity = extension.identity or str(uuid.uuid4())
        extension.settings = dict(properties.get("configurationSettings") or {})
        extension.protected = dict(properties.get("configurationProtectedSettings") or {})
        extension.scope = properties.get("scope") or _DEFAULT_SCOPE
        extension.auto_upgrade = properties.get("autoUpgradeMinorVersion", True)
        _pin(extension, properties)
        return self._accepted(request, cluster, extension, "Creating", 201 if fresh else 200)

    def update_extension(self, request: Request, params: dict[str, str]) -> Response:
        """Change an extension: given settings are merged, protected ones are all replaced (MicrosoftDocs).

        The CLI sends an empty object for what nobody gave: it replaces nothing (inferred).
        """
        cluster, extension = self._extension(params)
        properties = properties_of(request)
        if extension.state == "Deleting":
            raise ArmError(409, "Conflict", f"The extension {extension.name} is being deleted.")
        merged = {"version": extension.version, "autoUpgradeMinorVersion": extension.auto_upgrade}
        _check(merged | properties, new=False)
        extension.settings |= properties.get("configurationSettings") or {}
        if properties.get("configurationProtectedSettings"):
            extension.protected = dict(properties["configurationProtectedSettings"])
        extension.auto_upgrade = properties.get("autoUpgradeMinorVersion", extension.auto_upgrade)
        _pin(extension, properties)
        return self._accepted(request, cluster, extension, "Updating", 202)

    def delete_extension(self, request: Request, params: dict[str, str]) -> Response:
        """Delete an extension; with forceDelete only ARM forgets it (recorded, k8s_extension.json seq 5)."""
        cluster = self._cluster(params)
        extension = cluster.extensions.get(params["extension"].lower())
        if extension is None:
            return Response(204)
        if request.query.get("forceDelete", "").lower() == "true":
            self._end_current(extension, "Canceled")
            del cluster.extensions[extension.name.lower()]
            return Response.json(_FORCED)
        if extension.state == "Deleting":
            return Response(202, headers=self._headers(request, cluster, extension))
        return self._accepted(request, cluster, extension, "Deleting", 202)

    def operation(self, request: Request, params: dict[str, str]) -> Response:
        """Show an operation (recorded, arc_extension_install.json seq 24 to 33)."""
        found = self._world.operations.find(params["operation"], self._world.now())
        if found is None:
            raise ArmError(404, "ResourceNotFound", f"Operation '{params['operation']}' not found.")
        payload: dict[str, Any] = {"id": request.path, "name": found.id, "status": found.status}
        return Response.json(payload | ({"error": found.error} if found.error else {}))

    def _accepted(
        self, request: Request, cluster: ConnectedCluster, extension: Extension, state: str, status: int
    ) -> Response:
        """Begin an operation, wake the agent, and answer as Azure does: no Retry-After."""
        now = self._world.now()
        if state == "Deleting":
            self._end_current(extension, "Canceled")
        extension.state, extension.error, extension.statuses = state, None, []
        extension.stamps.modified = now
        # An older write's operation goes on and ends as the newest does: the last writer wins (inferred).
        extension.operations.append(self._world.operations.begin(state, now).id)
        self._agents.wake(cluster, extension)
        headers = self._headers(request, cluster, extension)
        if state == "Deleting":
            return Response(status, headers=headers)
        return Response.json(extension_view(cluster, extension, _version(request)), status, headers)

    def _headers(self, request: Request, cluster: ConnectedCluster, extension: Extension) -> dict[str, str]:
        path = extension_id(cluster, extension).replace("connectedClusters", "ConnectedClusters")
        version = api_version(request)
        operation = f"{request.base_url}{path}/operations/{extension.operations[-1]}?api-Version={version}"
        headers = {"Azure-AsyncOperation": operation, "x-ms-async-operation-timeout": ACCEPTED}
        if extension.state != "Deleting":
            host = f"https://{cluster.location}.rp.kubernetesconfiguration.azure.com"
            headers["Location"] = host + path
        return headers

    def _end_current(self, extension: Extension, status: str) -> None:
        self._world.operations.end_all(extension.operations, status, self._world.now())

    def _check_provider(self, cluster: ConnectedCluster) -> None:
        if self._world.providers.get(PROVIDER.lower(), "Registered") != "Registered":
            raise ArmError(
                409,
                "MissingSubscriptionRegistration",
                f"The subscription is not registered to use namespace '{PROVIDER}'. "
                "See https://aka.ms/rps-not-found for how to register subscriptions.",
                error={"details": [_unregistered(cluster)]},
            )

    def _new(self, name: str) -> Extension:
        now = self._world.now()
        return Extension(name, Stamps(now, now))

    def _cluster(self, params: Params) -> ConnectedCluster:
        place = f"{group_id(params['subscription'], params['group'])}/providers/Microsoft.Kubernetes"
        cluster = self._world.clusters.get(f"{place}/connectedClusters/{params['cluster']}".lower())
        if cluster is None:
            raise not_found("Microsoft.Kubernetes/connectedClusters", params["cluster"], params["group"])
        return cluster

    def _extension(self, params: Params) -> tuple[ConnectedCluster, Extension]:
        cluster = self._cluster(params)
        extension = cluster.extensions.get(params["extension"].lower())
        if extension is None:
            # Recorded, arc_extension_install.json seq 17.
            message = f"Extension instance with name '{params['extension']}' not found."
            raise ArmError(404, "ResourceNotFound", message, error={"additionalInfo": []})
        return cluster, extension


_DEFAULT_SCOPE = {"cluster": {"releaseNamespace": "connected-registry"}}
_FORCED = {
    "version": "1.1",
    "content": {"headers": []},
    "statusCode": 200,
    "reasonPhrase": "OK",
    "headers": [],
    "trailingHeaders": [],
    "requestMessage": None,
    "isSuccessStatusCode": True,
}


def _check(properties: dict[str, Any], *, new: bool) -> None:
    kind = str(properties.get("extensionType", ""))
    if new and kind.lower() != EXTENSION_TYPE:
        raise ArmError(400, "ExtensionTypeRegistrationGetFailed", texts.UNKNOWN_TYPE.format(kind))
    if properties.get("version") and properties.get("autoUpgradeMinorVersion", True):
        raise ArmError(400, "InvalidRequestContent", texts.VERSION_AND_UPGRADE)
    for group in ("configurationSettings", "configurationProtectedSettings"):
        for key, value in (properties.get(group) or {}).items():
            if not isinstance(value, str):
                raise ArmError(400, "InvalidRequestContent", texts.NOT_A_STRING.format(f"{group}.{key}"))


def _pin(extension: Extension, properties: dict[str, Any]) -> None:
    extension.version = None if extension.auto_upgrade else properties.get("version", extension.version)
    extension.release_train = properties.get("releaseTrain") or extension.release_train


def _version(request: Request) -> str:
    return api_version(request) or ""


def _unregistered(cluster: ConnectedCluster) -> dict[str, str]:
    return {
        "code": "MissingSubscriptionRegistration",
        "target": PROVIDER,
        "message": f"The subscription '{cluster.subscription}' is not registered to use namespace '{PROVIDER}'.",
    }
