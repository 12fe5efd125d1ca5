"""The resources that this API server serves, and the discovery documents made from them.

Names, kinds, verbs, short names and categories are those of the captured discovery answers of kube-apiserver
1.36.2 (`api_v1`, `apps_v1`, servicecidr.json); resources that nothing here plays are left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of stored object."""

    group: str
    name: str
    singular: str
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    stored: bool = True
    """False for reviews, which are answered and forgotten."""
    since: int = 0
    """The minor version that brought it as v1; ServiceCIDR and IPAddress came with 1.33."""

    @property
    def api_version(self) -> str:
        """Return `v1` or `apps/v1`."""
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def qualified(self) -> str:
        """Return the resource as errors name it: `deployments.apps`."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def group_kind(self) -> str:
        """Return the kind as errors name it: `Deployment.apps`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


_ALL = ("all",)
_REVIEW = ("create",)
_AUTHN, _AUTHZ = "authentication.k8s.io", "authorization.k8s.io"
_NET = "networking.k8s.io"

TABLE: tuple[Resource, ...] = (
    Resource("", "configmaps", "configmap", "ConfigMap", short=("cm",)),
    Resource("", "events", "event", "Event", short=("ev",)),
    Resource("", "namespaces", "namespace", "Namespace", False, ("ns",), subresources=("status",)),
    Resource("", "nodes", "node", "Node", False, ("no",), subresources=("status",)),
    Resource(
        "",
        "persistentvolumeclaims",
        "persistentvolumeclaim",
        "PersistentVolumeClaim",
        short=("pvc",),
        subresources=("status",),
    ),
    Resource("", "pods", "pod", "Pod", True, ("po",), _ALL, ("log", "status")),
    Resource("", "resourcequotas", "resourcequota", "ResourceQuota", True, ("quota",), subresources=("status",)),
    Resource("", "secrets", "secret", "Secret"),
    Resource("", "serviceaccounts", "serviceaccount", "ServiceAccount", short=("sa",)),
    Resource("", "services", "service", "Service", True, ("svc",), _ALL, ("status",)),
    Resource("apps", "daemonsets", "daemonset", "DaemonSet", True, ("ds",), _ALL, ("status",)),
    Resource("apps", "deployments", "deployment", "Deployment", True, ("deploy",), _ALL, ("scale", "status")),
    Resource("apps", "replicasets", "replicaset", "ReplicaSet", True, ("rs",), _ALL, ("scale", "status")),
    Resource("apps", "statefulsets", "statefulset", "StatefulSet", True, ("sts",), _ALL, ("scale", "status")),
    Resource(
        _AUTHN, "selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview", False, verbs=_REVIEW, stored=False
    ),
    Resource(
        _AUTHZ,
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        "SelfSubjectAccessReview",
        False,
        verbs=_REVIEW,
        stored=False,
    ),
    Resource(_NET, "ipaddresses", "ipaddress", "IPAddress", False, ("ip",), since=33),
    Resource(_NET, "servicecidrs", "servicecidr", "ServiceCIDR", False, subresources=("status",), since=33),
    Resource("storage.k8s.io", "storageclasses", "storageclass", "StorageClass", False, ("sc",)),
)

BY_NAME: dict[str, Resource] = {resource.name: resource for resource in TABLE}
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(resource.group for resource in TABLE if resource.group))


def find(group: str, name: str, minor: int) -> Resource | None:
    """Return the resource of a group by its plural name, or None when a server of 1.`minor` has none."""
    resource = BY_NAME.get(name)
    return resource if resource and resource.group == group and resource.since <= minor else None


def resource_list(group: str, minor: int) -> dict[str, Any]:
    """Return the discovery document of one group and version."""
    api_version = f"{group}/v1" if group else "v1"
    served = [resource for resource in TABLE if resource.group == group and resource.since <= minor]
    entries = [entry for resource in served for entry in _entries(resource)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": entries,
    }


def _entries(resource: Resource) -> Iterable[dict[str, Any]]:
    entry: dict[str, Any] = {
        "name": resource.name,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        entry["shortNames"] = list(resource.short)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    yield entry
    for subresource in resource.subresources:
        yield _subresource(resource, subresource)


def _subresource(resource: Resource, subresource: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": f"{resource.name}/{subresource}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": ["get"] if subresource == "log" else ["get", "patch", "update"],
    }
    if subresource == "scale":
        entry |= {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    return entry


def api_versions(address: str) -> dict[str, Any]:
    """Return the answer of /api; `address` is host:port."""
    cidr = {"clientCIDR": "0.0.0.0/0", "serverAddress": address}
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [cidr]}


def api_group(group: str) -> dict[str, Any]:
    """Return one group of /apis."""
    version = {"groupVersion": f"{group}/v1", "version": "v1"}
    kind = {"kind": "APIGroup", "apiVersion": "v1"}
    return kind | {"name": group, "versions": [version], "preferredVersion": version}


def api_group_list() -> dict[str, Any]:
    """Return the answer of /apis."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [api_group(group) for group in GROUPS]}
