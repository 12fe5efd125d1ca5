"""The resources that this API server serves.

Names, kinds, verbs, short names and categories are those of the captured discovery answers of kube-apiserver
1.36.2 (`api_v1`, `apps_v1`, servicecidr.json); resources that nothing here plays are left out.
"""

from dataclasses import dataclass

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
_NO_COLLECTION = tuple(verb for verb in ALL_VERBS if verb != "deletecollection")
_REVIEW = ("create",)
_AUTHN, _AUTHZ = "authentication.k8s.io", "authorization.k8s.io"
_NET, _RBAC = "networking.k8s.io", "rbac.authorization.k8s.io"

TABLE: tuple[Resource, ...] = (
    Resource("", "configmaps", "configmap", "ConfigMap", short=("cm",)),
    Resource("", "events", "event", "Event", short=("ev",)),
    Resource(
        "", "namespaces", "namespace", "Namespace", False, ("ns",), subresources=("status",), verbs=_NO_COLLECTION
    ),
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
    Resource("apps", "controllerrevisions", "controllerrevision", "ControllerRevision"),
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
    Resource(
        _AUTHZ,
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
        "SelfSubjectRulesReview",
        False,
        verbs=_REVIEW,
        stored=False,
    ),
    Resource(_NET, "ipaddresses", "ipaddress", "IPAddress", False, ("ip",), since=33),
    Resource(_NET, "servicecidrs", "servicecidr", "ServiceCIDR", False, subresources=("status",), since=33),
    Resource(_RBAC, "clusterrolebindings", "clusterrolebinding", "ClusterRoleBinding", False),
    Resource(_RBAC, "clusterroles", "clusterrole", "ClusterRole", False),
    Resource(_RBAC, "rolebindings", "rolebinding", "RoleBinding"),
    Resource(_RBAC, "roles", "role", "Role"),
    Resource("storage.k8s.io", "storageclasses", "storageclass", "StorageClass", False, ("sc",)),
)

BY_NAME: dict[str, Resource] = {resource.name: resource for resource in TABLE}
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(resource.group for resource in TABLE if resource.group))


def find(group: str, name: str, minor: int) -> Resource | None:
    """Return the resource of a group by its plural name, or None when a server of 1.`minor` has none."""
    resource = BY_NAME.get(name)
    return resource if resource and resource.group == group and resource.since <= minor else None
