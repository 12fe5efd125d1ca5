"""The columns that `kubectl get` shows of each kind, and what stands in them.

Names, order and the split between plain and wide are those of k8s.io/kubernetes pkg/printers/internalversion.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from simulator.kube.scheduler import is_ready
from simulator.kube.store import Object
from simulator.kube.times import parse
from simulator.kube.volumes import DEFAULT_CLASS

Cells = Callable[[Object, str], list[Any]]
"""Returns the cells of an object behind its name, at a time."""

_WIDE_TEMPLATE = "*Containers *Images *Selector"
_NONE = "<none>"
_MODES = {"ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOnce": "RWO", "ReadWriteOncePod": "RWOP"}


def age(since: str | None, now: str) -> str:
    """Return an age as kubectl prints it: 12s, 5m3s, 3h, 2d."""
    if not since:
        return "<unknown>"
    seconds = max(0, int((parse(now) - parse(since)) / timedelta(seconds=1)))
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 600:
        return f"{seconds // 60}m{seconds % 60}s".replace("m0s", "m")
    if seconds < 10800:
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h" if seconds < 172800 else f"{seconds // 86400}d"


def _age(item: Object, now: str) -> str:
    return age(item["metadata"]["creationTimestamp"], now)


def _joined(values: Iterable[Any]) -> str:
    return ",".join(str(value) for value in values) or _NONE


def _labels(labels: Mapping[str, str] | None) -> str:
    return _joined(f"{name}={value}" for name, value in sorted((labels or {}).items()))


def _template(item: Object) -> list[str]:
    containers = item["spec"]["template"]["spec"]["containers"]
    names, images = (_joined(each[key] for each in containers) for key in ("name", "image"))
    return [names, images, _labels(item["spec"]["selector"].get("matchLabels"))]


def other(item: Object, now: str) -> list[Any]:
    """Return the cells of a kind that has no columns of its own."""
    return [_age(item, now)]


def _deployment(item: Object, now: str) -> list[Any]:
    status = item.get("status", {})
    ready = f"{status.get('readyReplicas', 0)}/{item['spec']['replicas']}"
    counters = [str(status.get(name, 0)) for name in ("updatedReplicas", "availableReplicas")]
    return [ready, *counters, _age(item, now), *_template(item)]


def _replica_set(item: Object, now: str) -> list[Any]:
    status = item["status"]
    return [
        item["spec"]["replicas"],
        status["replicas"],
        status.get("readyReplicas", 0),
        _age(item, now),
        *_template(item),
    ]


def _daemon_set(item: Object, now: str) -> list[Any]:
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    counters = [item["status"].get(name, 0) for name in names]
    selector = _labels(item["spec"]["template"]["spec"].get("nodeSelector"))
    return [*counters, selector, _age(item, now), *_template(item)]


def _stateful_set(item: Object, now: str) -> list[Any]:
    ready = f"{item['status'].get('readyReplicas', 0)}/{item['spec']['replicas']}"
    return [ready, _age(item, now), *_template(item)[:2]]


def _revision(item: Object, now: str) -> list[Any]:
    owners = [each for each in item["metadata"].get("ownerReferences") or [] if each.get("controller")]
    kinds = {"DaemonSet": "daemonset.apps", "StatefulSet": "statefulset.apps"}
    shown = [f"{kinds.get(each['kind'], each['kind'])}/{each['name']}" for each in owners]
    return [_joined(shown), item["revision"], _age(item, now)]


def _pod(item: Object, now: str) -> list[Any]:
    status = item["status"]
    statuses = status.get("containerStatuses") or []
    ready = sum(each["ready"] for each in statuses)
    restarts = sum(each["restartCount"] for each in statuses)
    reasons = [
        detail["reason"]
        for each in statuses
        for form, detail in each["state"].items()
        if form != "running" and "reason" in detail
    ]
    shown = reasons[0] if reasons else status["phase"]
    shown = "Terminating" if "deletionTimestamp" in item["metadata"] else shown
    counted = f"{ready}/{len(item['spec']['containers'])}"
    wide = [status.get("podIP", _NONE), item["spec"].get("nodeName", _NONE), _NONE, _NONE]
    return [counted, shown, str(restarts), _age(item, now), *wide]


def _service(item: Object, now: str) -> list[Any]:
    spec = item["spec"]
    ports = _joined(f"{port['port']}/{port['protocol']}" for port in spec.get("ports") or [])
    outside = spec.get("externalName", _NONE)
    return [spec["type"], spec.get("clusterIP", _NONE), outside, ports, _age(item, now), _labels(spec.get("selector"))]


def _config_map(item: Object, now: str) -> list[Any]:
    return [len(item.get("data") or {}) + len(item.get("binaryData") or {}), _age(item, now)]


def _secret(item: Object, now: str) -> list[Any]:
    return [item["type"], len(item.get("data") or {}), _age(item, now)]


def _account(item: Object, now: str) -> list[Any]:
    return [len(item.get("secrets") or []), _age(item, now)]


def _event(item: Object, now: str) -> list[Any]:
    about = item.get("involvedObject") or {}
    subject = f"{about.get('kind', '').lower()}/{about.get('name', '')}"
    first = item.get("firstTimestamp") or item.get("eventTime")
    last = item.get("lastTimestamp") or first
    component = (item.get("source") or {}).get("component") or item.get("reportingComponent", "")
    return [
        age(last, now),
        item.get("type", ""),
        item.get("reason", ""),
        subject,
        about.get("fieldPath", ""),
        component,
        item.get("message", ""),
        age(first, now),
        item.get("count", 1),
        item["metadata"]["name"],
    ]


def _claim(item: Object, now: str) -> list[Any]:
    spec, status = item["spec"], item["status"]
    capacity = (status.get("capacity") or {}).get("storage", "")
    modes = ",".join(_MODES.get(mode, mode) for mode in status.get("accessModes") or [])
    class_name = spec.get("storageClassName", "")
    named = [status["phase"], spec.get("volumeName", ""), capacity, modes, class_name]
    return [*named, spec.get("volumeAttributesClassName", "<unset>"), _age(item, now), spec["volumeMode"]]


def _class(item: Object, now: str) -> list[Any]:
    policy, mode = item["reclaimPolicy"], item["volumeBindingMode"]
    return [item["provisioner"], policy, mode, str(item.get("allowVolumeExpansion", False)).lower(), _age(item, now)]


def _namespace(item: Object, now: str) -> list[Any]:
    return [item["status"]["phase"], _age(item, now)]


def _node(item: Object, now: str) -> list[Any]:
    info = item["status"].get("nodeInfo", {})
    cordoned = ",SchedulingDisabled" if item["spec"].get("unschedulable") else ""
    prefix = "node-role.kubernetes.io/"
    names = [name.removeprefix(prefix) for name in item["metadata"].get("labels") or {} if name.startswith(prefix)]
    inside = [each["address"] for each in item["status"].get("addresses") or [] if each["type"] == "InternalIP"]
    wide = [
        _joined(inside[:1]),
        _NONE,
        *(info.get(name, "") for name in ("osImage", "kernelVersion", "containerRuntimeVersion")),
    ]
    ready = "Ready" if is_ready(item) else "NotReady"
    return [ready + cordoned, _joined(sorted(names)), _age(item, now), info.get("kubeletVersion", ""), *wide]


def _range(item: Object, now: str) -> list[Any]:
    return [_joined(item["spec"]["cidrs"]), _age(item, now)]


def _address(item: Object, _now: str) -> list[Any]:
    parent = item["spec"]["parentRef"]
    group = f".{parent['group']}" if parent.get("group") else ""
    return ["/".join(filter(None, [parent["resource"] + group, parent.get("namespace"), parent["name"]]))]


def _role(item: Object, _now: str) -> list[Any]:
    return [item["metadata"]["creationTimestamp"]]


def _binding(item: Object, now: str) -> list[Any]:
    by_kind: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in item.get("subjects") or []:
        home = f"{subject['namespace']}/" if subject.get("namespace") else ""
        by_kind.setdefault(subject["kind"], []).append(home + subject["name"])
    subjects = [", ".join(by_kind[kind]) for kind in ("User", "Group", "ServiceAccount")]
    return [f"{item['roleRef']['kind']}/{item['roleRef']['name']}", _age(item, now), *subjects]


COLUMNS: dict[str, tuple[str, Cells]] = {
    "clusterrolebindings": ("Role Age *Users *Groups *ServiceAccounts", _binding),
    "clusterroles": ("Created_At", _role),
    "configmaps": ("#Data Age", _config_map),
    "controllerrevisions": ("Controller #Revision Age", _revision),
    "daemonsets": (
        f"#Desired #Current #Ready #Up-to-date #Available Node_Selector Age {_WIDE_TEMPLATE}",
        _daemon_set,
    ),
    "deployments": (f"Ready Up-to-date Available Age {_WIDE_TEMPLATE}", _deployment),
    "events": (
        "Last_Seen Type Reason Object *Subobject *Source Message *First_Seen *#Count *Name",
        _event,
    ),
    "ipaddresses": ("ParentRef", _address),
    "namespaces": ("Status Age", _namespace),
    "nodes": (
        "Status Roles Age Version *Internal-IP *External-IP *OS-Image *Kernel-Version *Container-Runtime",
        _node,
    ),
    "persistentvolumeclaims": (
        "Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age *VolumeMode",
        _claim,
    ),
    "pods": ("Ready Status Restarts Age *IP *Node *Nominated_Node *Readiness_Gates", _pod),
    "replicasets": (f"#Desired #Current #Ready Age {_WIDE_TEMPLATE}", _replica_set),
    "rolebindings": ("Role Age *Users *Groups *ServiceAccounts", _binding),
    "roles": ("Created_At", _role),
    "secrets": ("Type #Data Age", _secret),
    "serviceaccounts": ("#Secrets Age", _account),
    "servicecidrs": ("CIDRs Age", _range),
    "services": ("Type Cluster-IP External-IP Port(s) Age *Selector", _service),
    "statefulsets": ("Ready Age *Containers *Images", _stateful_set),
    "storageclasses": ("Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age", _class),
}
"""By resource: the columns behind the name, `*` for those of wide tables, `#` for numbers, and their cells."""


def name_of(resource: str, item: Object) -> str:
    """Return what the first column shows: the default storage class is marked in it."""
    name = str(item["metadata"]["name"])
    default = (item["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
    return f"{name} (default)" if resource == "storageclasses" and default else name
