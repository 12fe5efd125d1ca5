"""The other forms of an answer that clients ask for.

`kubectl get` wants a Table, metadata clients want metadata only. Column names are those of the captured Table of
deployments and of k8s.io/kubernetes pkg/printers/internalversion.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from simulator.kube.resources import Resource
from simulator.kube.scheduler import is_ready
from simulator.kube.store import Object
from simulator.kube.times import parse

Cells = Callable[[Object], list[str]]


def as_accepted(body: Object, resource: Resource, headers: Mapping[str, str], now: str) -> Object:
    """Return an object or list in the form that the Accept header asks for first."""
    first = headers.get("Accept", "").partition(",")[0]
    if "as=Table" in first:
        return _table(body, resource, now)
    if "as=PartialObjectMetadata" in first:
        return _partial(body)
    return body


def _items(body: Object) -> list[Object]:
    return list(body["items"]) if "items" in body else [body]


def _partial(body: Object) -> Object:
    kind = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    if "items" not in body:
        return kind | {"metadata": body["metadata"]}
    items = [kind | {"metadata": item["metadata"]} for item in body["items"]]
    return kind | {"kind": "PartialObjectMetadataList", "metadata": body["metadata"], "items": items}


def _table(body: Object, resource: Resource, now: str) -> Object:
    names, cells = _COLUMNS.get(resource.name, ([], _nothing))
    columns = [_column("Name", "name"), *(_column(name) for name in names), _column("Age")]
    kind = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    rows = [
        {
            "cells": [item["metadata"]["name"], *cells(item), _age(item, now)],
            "object": kind | {"metadata": item["metadata"]},
        }
        for item in _items(body)
    ]
    metadata = body["metadata"] if "items" in body else {"resourceVersion": body["metadata"]["resourceVersion"]}
    table = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    return table | {"columnDefinitions": columns, "rows": rows}


def _column(name: str, form: str = "") -> Object:
    return {"name": name, "type": "string", "format": form, "description": "", "priority": 0}


def _age(item: Object, now: str) -> str:
    """Return an age as kubectl prints it: 12s, 5m3s, 3h, 2d."""
    passed = parse(now) - parse(item["metadata"]["creationTimestamp"])
    seconds = max(0, int(passed / timedelta(seconds=1)))
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 600:
        return f"{seconds // 60}m{seconds % 60}s".replace("m0s", "m")
    if seconds < 10800:
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h" if seconds < 172800 else f"{seconds // 86400}d"


def _nothing(_: Object) -> list[str]:
    return []


def _deployment(item: Object) -> list[str]:
    status = item.get("status", {})
    ready = f"{status.get('readyReplicas', 0)}/{item['spec']['replicas']}"
    return [ready, str(status.get("updatedReplicas", 0)), str(status.get("availableReplicas", 0))]


def _replica_set(item: Object) -> list[str]:
    status = item["status"]
    counters = (item["spec"]["replicas"], status["replicas"], status.get("readyReplicas", 0))
    return [str(counter) for counter in counters]


def _pod(item: Object) -> list[str]:
    statuses = item["status"].get("containerStatuses") or []
    ready = sum(each["ready"] for each in statuses)
    restarts = sum(each["restartCount"] for each in statuses)
    reasons = [
        detail["reason"]
        for each in statuses
        for form, detail in each["state"].items()
        if form != "running" and "reason" in detail
    ]
    shown = reasons[0] if reasons else item["status"]["phase"]
    shown = "Terminating" if "deletionTimestamp" in item["metadata"] else shown
    return [f"{ready}/{len(item['spec']['containers'])}", shown, str(restarts)]


def _service(item: Object) -> list[str]:
    spec = item["spec"]
    ports = ",".join(f"{port['port']}/{port['protocol']}" for port in spec.get("ports") or [])
    return [spec["type"], spec.get("clusterIP", "<none>"), "<none>", ports or "<none>"]


def _secret(item: Object) -> list[str]:
    return [item["type"], str(len(item.get("data") or {}))]


def _event(item: Object) -> list[str]:
    about = item.get("involvedObject") or {}
    subject = f"{about.get('kind', '').lower()}/{about.get('name', '')}"
    return [item.get("type", ""), item.get("reason", ""), subject, item.get("message", "")]


def _claim(item: Object) -> list[str]:
    spec, status = item["spec"], item["status"]
    capacity = (status.get("capacity") or {}).get("storage", "")
    modes = ",".join(_MODES.get(mode, mode) for mode in status.get("accessModes") or [])
    return [status["phase"], spec.get("volumeName", ""), capacity, modes, spec.get("storageClassName", "")]


_MODES = {"ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOnce": "RWO", "ReadWriteOncePod": "RWOP"}


def _namespace(item: Object) -> list[str]:
    return [item["status"]["phase"]]


def _node(item: Object) -> list[str]:
    version = item["status"].get("nodeInfo", {}).get("kubeletVersion", "")
    return ["Ready" if is_ready(item) else "NotReady", "<none>", version]


_COLUMNS: dict[str, tuple[list[str], Cells]] = {
    "events": (["Type", "Reason", "Object", "Message"], _event),
    "persistentvolumeclaims": (["Status", "Volume", "Capacity", "Access Modes", "StorageClass"], _claim),
    "deployments": (["Ready", "Up-to-date", "Available"], _deployment),
    "namespaces": (["Status"], _namespace),
    "nodes": (["Status", "Roles", "Version"], _node),
    "pods": (["Ready", "Status", "Restarts"], _pod),
    "replicasets": (["Desired", "Current", "Ready"], _replica_set),
    "secrets": (["Type", "Data"], _secret),
    "services": (["Type", "Cluster-IP", "External-IP", "Port(s)"], _service),
}
