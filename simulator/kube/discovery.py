"""The discovery documents, made from the table of resources.

Both forms: one document for each group and version, and the aggregated one of /api and /apis (captures `api_v1`,
`apps_v1`, `apis_legacy`, `api_aggregated`, `apis_aggregated`). Clients that want the second name it in their Accept
header; kubectl has done so since 1.27.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from simulator.kube.resources import GROUPS, TABLE, Resource

Object = dict[str, Any]

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_STATUS_VERBS = ["get", "patch", "update"]


def wants_aggregated(headers: Mapping[str, str]) -> bool:
    """Return whether the form that a client prefers is the aggregated one."""
    first = headers.get("Accept", "").partition(",")[0].replace(" ", "")
    return {"g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"} <= set(first.split(";"))


def resource_list(group: str, minor: int) -> Object:
    """Return the discovery document of one group and version."""
    return {
        "kind": "APIResourceList",
        # The core group's document names none (captures api_v1, apps_v1).
        **({"apiVersion": "v1"} if group else {}),
        "groupVersion": f"{group}/v1" if group else "v1",
        "resources": [entry for resource in _served(group, minor) for entry in _entries(resource)],
    }


def api_versions(address: str) -> Object:
    """Return the answer of /api; `address` is host:port."""
    cidr = {"clientCIDR": "0.0.0.0/0", "serverAddress": address}
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [cidr]}


def api_group(group: str) -> Object:
    """Return one group of /apis."""
    return {"kind": "APIGroup", "apiVersion": "v1"} | _versions(group)


def api_group_list() -> Object:
    """Return the answer of /apis."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_versions(group) for group in GROUPS]}


def _versions(group: str) -> Object:
    version = {"groupVersion": f"{group}/v1", "version": "v1"}
    return {"name": group, "versions": [version], "preferredVersion": version}


def aggregated(groups: tuple[str, ...], minor: int) -> Object:
    """Return the aggregated document of /apis, or of /api for the group ""."""
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [_group(group, minor) for group in groups],
    }


def _served(group: str, minor: int) -> Iterator[Resource]:
    return (resource for resource in TABLE if resource.group == group and resource.since <= minor)


def _entries(resource: Resource) -> Iterator[Object]:
    names = {"name": resource.name, "singularName": resource.singular}
    where = {"namespaced": resource.namespaced, "kind": resource.kind}
    yield names | where | {"verbs": list(resource.verbs)} | _names(resource)
    for subresource in resource.subresources:
        names = {"name": f"{resource.name}/{subresource}", "singularName": ""}
        scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"} if subresource == "scale" else {}
        yield names | where | scale | {"verbs": _verbs(subresource)}


def _names(resource: Resource) -> Object:
    """Return the short names and categories, of which only those that exist are named."""
    lists = {"shortNames": list(resource.short), "categories": list(resource.categories)}
    return {name: value for name, value in lists.items() if value}


def _verbs(subresource: str) -> list[str]:
    return ["get"] if subresource == "log" else list(_STATUS_VERBS)


def _group(group: str, minor: int) -> Object:
    resources = [_aggregated_resource(resource) for resource in _served(group, minor)]
    version = {"version": "v1", "resources": resources, "freshness": "Current"}
    return {"metadata": {"name": group} if group else {}, "versions": [version]}


def _aggregated_resource(resource: Resource) -> Object:
    kind = {"group": "", "version": "", "kind": resource.kind}
    scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    entry = {
        "resource": resource.name,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
        **_names(resource),
    }
    below = [
        {"subresource": name, "responseKind": scale if name == "scale" else kind, "verbs": _verbs(name)}
        for name in resource.subresources
    ]
    return entry | ({"subresources": below} if below else {})
