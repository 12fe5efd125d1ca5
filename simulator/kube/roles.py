"""The roles that every cluster has, and those of the users that a world names.

Source: k8s.io/kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy, release 1.36, as far as clients of a fleet
meet it: `cluster-admin`, `admin`, `edit`, `view` (written out, not aggregated), and what everybody may ask.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.kube.rbac import MASTERS

Object = dict[str, Any]
_API = "rbac.authorization.k8s.io"
_WATCHED = ["get", "list", "watch"]
_WRITTEN = ["create", "delete", "deletecollection", "patch", "update"]

_WORKLOADS = "daemonsets deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale"
_VIEWED = {
    "": """bindings configmaps endpoints events limitranges namespaces namespaces/status persistentvolumeclaims
        persistentvolumeclaims/status pods pods/log pods/status replicationcontrollers replicationcontrollers/scale
        replicationcontrollers/status resourcequotas resourcequotas/status serviceaccounts services services/status""",
    "apps": f"""controllerrevisions {_WORKLOADS} daemonsets/status deployments/status replicasets/status
        statefulsets/status""",
    "autoscaling": "horizontalpodautoscalers horizontalpodautoscalers/status",
    "batch": "cronjobs cronjobs/status jobs jobs/status",
    "discovery.k8s.io": "endpointslices",
    "networking.k8s.io": "ingresses ingresses/status networkpolicies",
    "policy": "poddisruptionbudgets poddisruptionbudgets/status",
}
_EDITED = {
    "": """configmaps events persistentvolumeclaims pods pods/attach pods/exec pods/portforward pods/proxy
        replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy""",
    "apps": f"{_WORKLOADS} deployments/rollback",
    "autoscaling": "horizontalpodautoscalers",
    "batch": "cronjobs jobs",
    "networking.k8s.io": "ingresses networkpolicies",
    "policy": "poddisruptionbudgets",
}
_PROBES = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
]
_AUTHENTICATED, _UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"


def _rules(verbs: list[str], table: dict[str, str]) -> list[Object]:
    return [{"verbs": verbs, "apiGroups": [group], "resources": names.split()} for group, names in table.items()]


_SECRETIVE = {"": "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"}
_VIEW = _rules(_WATCHED, _VIEWED)
_EDIT = [
    *_rules(_WATCHED, _SECRETIVE),
    *_rules(["impersonate"], {"": "serviceaccounts"}),
    *_rules(_WRITTEN, _EDITED),
    *_rules(["create"], {"": "pods/eviction serviceaccounts/token"}),
    *_VIEW,
]
_ADMIN = [
    *_rules([*_WATCHED, *_WRITTEN], {_API: "roles rolebindings"}),
    *_rules(["create"], {"authorization.k8s.io": "localsubjectaccessreviews"}),
    *_EDIT,
]
_EVERYTHING: list[Object] = [
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
]
_BASIC = [
    *_rules(["create"], {"authorization.k8s.io": "selfsubjectaccessreviews selfsubjectrulesreviews"}),
    *_rules(["create"], {"authentication.k8s.io": "selfsubjectreviews"}),
]
_CLUSTER_ROLES: dict[str, list[Object]] = {
    "admin": _ADMIN,
    "cluster-admin": _EVERYTHING,
    "edit": _EDIT,
    "system:basic-user": _BASIC,
    "system:discovery": [{"verbs": ["get"], "nonResourceURLs": _DISCOVERY}],
    "system:public-info-viewer": [{"verbs": ["get"], "nonResourceURLs": _PROBES}],
    "view": _VIEW,
}
_BOUND = {
    "cluster-admin": [MASTERS],
    "system:basic-user": [_AUTHENTICATED],
    "system:discovery": [_AUTHENTICATED],
    "system:public-info-viewer": [_AUTHENTICATED, _UNAUTHENTICATED],
}
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}


@dataclass(frozen=True, slots=True)
class UserSpec:
    """A user as a world names it.

    `role` is a ClusterRole, `rules` are more of its own; both hold in `namespaces`, or everywhere without any. A
    user without either has what every authenticated one has.
    """

    name: str = "kubernetes-admin"
    groups: tuple[str, ...] = ()
    role: str = ""
    namespaces: tuple[str, ...] = ()
    rules: tuple[Object, ...] = ()


ADMIN = UserSpec(groups=(MASTERS,))


def bootstrap() -> Iterator[tuple[str, Object]]:
    """Yield (resource, object) of the roles and bindings that every cluster has."""
    for name, rules in _CLUSTER_ROLES.items():
        yield "clusterroles", {"metadata": {"name": name, "labels": dict(_LABELS)}, "rules": rules}
    for name, groups in _BOUND.items():
        binding = _binding(name, "", name, [_subject("Group", group) for group in groups])
        yield "clusterrolebindings", binding | {"metadata": {"name": name, "labels": dict(_LABELS)}}


def of_user(spec: UserSpec) -> Iterator[tuple[str, Object]]:
    """Yield (resource, object) of the roles and bindings that give a user its rights."""
    subject = _subject("Group", spec.groups[0]) if spec.groups else _subject("User", spec.name)
    for namespace in spec.namespaces or ("",):
        if spec.role:
            yield _placed(namespace, _binding(f"{spec.name}:{spec.role}", namespace, spec.role, [subject]))
        if spec.rules:
            metadata = {"name": spec.name} | ({"namespace": namespace} if namespace else {})
            yield "roles" if namespace else "clusterroles", {"metadata": metadata, "rules": list(spec.rules)}
            kind = "Role" if namespace else "ClusterRole"
            yield _placed(namespace, _binding(spec.name, namespace, spec.name, [subject], kind))


def _placed(namespace: str, binding: Object) -> tuple[str, Object]:
    return "rolebindings" if namespace else "clusterrolebindings", binding


def _binding(name: str, namespace: str, role: str, subjects: list[Object], kind: str = "ClusterRole") -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {
        "metadata": metadata,
        "subjects": subjects,
        "roleRef": {"apiGroup": _API, "kind": kind, "name": role},
    }


def _subject(kind: str, name: str) -> Object:
    return {"kind": kind, "apiGroup": _API, "name": name}
