"""What may not change of an object that exists, and the server's words for it.

Source: the captures 422_* and service_real; for what they do not show, the update validations of k8s.io/kubernetes
pkg/apis/{apps,core,rbac}/validation.
"""

from collections.abc import Iterator
from typing import Any

from simulator.kube.errors import FieldError

Object = dict[str, Any]


def changes(before: Object, after: Object) -> list[FieldError]:
    """Return what a change may not do."""
    checker = _CHANGES.get(after["kind"])
    return list(checker(before, after)) if checker else []


def _role_ref_fixed(before: Object, after: Object) -> Iterator[FieldError]:
    if before["roleRef"] != after.get("roleRef"):
        yield FieldError.invalid("roleRef", after.get("roleRef"), "cannot change roleRef")


def _selector_fixed(before: Object, after: Object) -> Iterator[FieldError]:
    selector = after["spec"].get("selector")
    if selector != before["spec"].get("selector"):
        yield FieldError.invalid("spec.selector", selector, "field is immutable")


def _secret_fixed(before: Object, after: Object) -> Iterator[FieldError]:
    if before["type"] != after["type"]:
        yield FieldError.invalid("type", after["type"], "field is immutable")
    if before.get("immutable") and before.get("data") != after.get("data"):
        detail = "field is immutable when `immutable` is set"
        yield FieldError("data", "FieldValueForbidden", f"Forbidden: {detail}")


_CHANGEABLE = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations")
_POD_FIXED = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _pod_fixed(before: Object, after: Object) -> Iterator[FieldError]:
    if _fixed_part(before["spec"]) != _fixed_part(after["spec"]):
        yield FieldError("spec", "FieldValueForbidden", f"Forbidden: {_POD_FIXED}")


def _fixed_part(spec: Object) -> Object:
    fixed = {name: value for name, value in spec.items() if name not in _CHANGEABLE}
    for name in ("initContainers", "containers"):
        fixed[name] = [each | {"image": ""} for each in spec.get(name) or []]
    return fixed


def _ip_fixed(before: Object, after: Object) -> Iterator[FieldError]:
    """The value is shown as a list, and the list wins when only `clusterIP` was sent (capture service_real)."""
    old, new = before["spec"].get("clusterIP"), after["spec"].get("clusterIP")
    if old and old != new:
        yield FieldError.invalid("spec.clusterIPs[0]", [new], "may not change once set")


def _claim_fixed(before: Object, after: Object) -> Iterator[FieldError]:
    old, new = before["spec"].get("storageClassName"), after["spec"].get("storageClassName")
    if old and old != new:
        detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName"
        yield FieldError("spec", "FieldValueForbidden", f"Forbidden: {detail} for bound claims")


_STATEFUL_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def _stateful_set_fixed(before: Object, after: Object) -> Iterator[FieldError]:
    old, new = ({k: v for k, v in each["spec"].items() if k not in _STATEFUL_CHANGEABLE} for each in (before, after))
    if old != new:
        *names, last = (f"'{name}'" for name in _STATEFUL_CHANGEABLE)
        allowed = f"{', '.join(names)} and {last}"
        detail = f"updates to statefulset spec for fields other than {allowed} are forbidden"
        yield FieldError("spec", "FieldValueForbidden", f"Forbidden: {detail}")


_CHANGES = {
    "ClusterRoleBinding": _role_ref_fixed,
    "DaemonSet": _selector_fixed,
    "Deployment": _selector_fixed,
    "PersistentVolumeClaim": _claim_fixed,
    "Pod": _pod_fixed,
    "ReplicaSet": _selector_fixed,
    "RoleBinding": _role_ref_fixed,
    "Secret": _secret_fixed,
    "Service": _ip_fixed,
    "StatefulSet": _stateful_set_fixed,
}
