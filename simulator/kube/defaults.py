"""What the API server fills in when an object is written.

Source: the captured answers to creates on kube-apiserver 1.36.2 (rollout_ok, service_dryrun, secret_create)
and, for what they do not show, k8s.io/kubernetes pkg/apis/{core,apps}/v1/defaults.go.
"""

import base64
from typing import Any

Object = dict[str, Any]

_POD_SPEC = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
_CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_TOLERATIONS = [
    {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for name in ("not-ready", "unreachable")
]


def fill(obj: Object) -> None:
    """Fill in the defaults of an object's kind, in place."""
    filler = _BY_KIND.get(obj["kind"])
    if filler:
        filler(obj)


def _fill_missing(target: Object, defaults: Object) -> None:
    for name, value in defaults.items():
        target.setdefault(name, value)


def _deployment(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _fill_missing(spec, {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600})
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy["rollingUpdate"] = strategy.get("rollingUpdate") or {}
        _fill_missing(rolling, {"maxUnavailable": "25%", "maxSurge": "25%"})
    pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
    obj.setdefault("status", {})


def _replica_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
    obj.setdefault("status", {"replicas": 0})


def _daemon_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("revisionHistoryLimit", 10)
    _strategy(spec, {"maxUnavailable": 1, "maxSurge": 0})
    pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
    counts = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady")
    obj.setdefault("status", dict.fromkeys(counts, 0))


def _stateful_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _fill_missing(spec, {"replicas": 1, "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10})
    _fill_missing(spec.setdefault("persistentVolumeClaimRetentionPolicy", {}), _RETAINED)
    _strategy(spec, {"partition": 0})
    for claim in spec.get("volumeClaimTemplates") or []:
        _fill_missing(claim, {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "status": {"phase": "Pending"}})
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
    obj.setdefault("status", {"replicas": 0, "availableReplicas": 0})


_RETAINED = {"whenDeleted": "Retain", "whenScaled": "Retain"}


def _strategy(spec: Object, rolling: Object) -> None:
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = rolling | (strategy.get("rollingUpdate") or {})


def pod_spec(spec: Object) -> None:
    """Fill in a pod's spec, of a pod or of a template."""
    _fill_missing(spec, _POD_SPEC)
    spec.setdefault("securityContext", {})
    if "serviceAccountName" in spec:
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        _container(container)


def _container(container: Object) -> None:
    container.setdefault("resources", {})
    _fill_missing(container, _CONTAINER)
    image = container.get("image", "")
    container.setdefault("imagePullPolicy", "Always" if _is_latest(image) else "IfNotPresent")
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _fill_missing(container[name], _PROBE)


def _is_latest(image: str) -> bool:
    """A tag of `latest`, or neither tag nor digest, means that the image is pulled each time."""
    name = image.rpartition("/")[2]
    return "@" not in image and (":" not in name or name.endswith(":latest"))


def _pod(obj: Object) -> None:
    """Also what the admission plugins ServiceAccount, Priority and DefaultTolerationSeconds add."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("serviceAccountName", "default")
    pod_spec(spec)
    spec.setdefault("tolerations", [dict(toleration) for toleration in _TOLERATIONS])
    _fill_missing(spec, {"priority": 0, "enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority"})
    obj.setdefault("status", {"phase": "Pending", "qosClass": _qos(spec)})


def _qos(spec: Object) -> str:
    resources = [container.get("resources") or {} for container in spec.get("containers") or []]
    if not any(each.get("limits") or each.get("requests") for each in resources):
        return "BestEffort"
    limits = [each.get("limits") or {} for each in resources]
    guaranteed = all(
        {"cpu", "memory"} <= limit.keys() and (each.get("requests") or limit) == limit
        for each, limit in zip(resources, limits, strict=True)
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _secret(obj: Object) -> None:
    for name, value in (obj.pop("stringData", None) or {}).items():
        obj["data"] = (obj.get("data") or {}) | {name: base64.b64encode(value.encode()).decode()}
    obj.setdefault("type", "Opaque")


def _namespace(obj: Object) -> None:
    labels = obj["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")
    obj.setdefault("spec", {"finalizers": ["kubernetes"]})
    obj.setdefault("status", {"phase": "Active"})


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _fill_missing(spec, {"type": "ClusterIP", "sessionAffinity": "None"})
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    obj.setdefault("status", {"loadBalancer": {}})


def _claim(obj: Object) -> None:
    obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    obj["metadata"].setdefault("finalizers", ["kubernetes.io/pvc-protection"])
    obj.setdefault("status", {"phase": "Pending"})


def _node(obj: Object) -> None:
    obj.setdefault("spec", {})
    obj.setdefault("status", {})


def _range(obj: Object) -> None:
    obj.setdefault("status", {})


def _storage_class(obj: Object) -> None:
    _fill_missing(obj, {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"})


def _role_binding(obj: Object) -> None:
    for reference in [obj.setdefault("roleRef", {}), *(obj.get("subjects") or [])]:
        if reference.get("kind") != "ServiceAccount":
            reference.setdefault("apiGroup", "rbac.authorization.k8s.io")


_BY_KIND = {
    "ClusterRoleBinding": _role_binding,
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "Namespace": _namespace,
    "Node": _node,
    "PersistentVolumeClaim": _claim,
    "Pod": _pod,
    "ReplicaSet": _replica_set,
    "RoleBinding": _role_binding,
    "Secret": _secret,
    "Service": _service,
    "ServiceCIDR": _range,
    "StatefulSet": _stateful_set,
    "StorageClass": _storage_class,
}
