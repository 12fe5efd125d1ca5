"""Who asks, and what they may do.

Tokens stand for roles: `cluster-admin`, `edit`, `view` or `none`; `edit:shop,web` holds in those namespaces
only. The roles are Kubernetes' default ClusterRoles as far as they matter here: `view` reads everything in a
namespace but secrets and nothing at the cluster scope besides namespaces; `edit` also writes, and reads
secrets. Authorization comes before existence: who may not read a resource is told 403 and not 404 (captures
403_*).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.kube import errors
from simulator.kube.resources import BY_NAME, TABLE, Resource

Object = dict[str, Any]

_READ = frozenset({"get", "list", "watch"})


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated user, or the anonymous one."""

    name: str
    role: str = "cluster-admin"
    namespaces: frozenset[str] = frozenset()
    """Where the role holds; empty for everywhere."""

    @property
    def groups(self) -> list[str]:
        """Return the groups as a SelfSubjectReview lists them."""
        if self.name == ANONYMOUS.name:
            return ["system:unauthenticated"]
        return [f"fleet:{self.role}", "system:authenticated"]

    def may(self, verb: str, resource: Resource, namespace: str, subresource: str = "") -> bool:
        """Return whether the role allows a verb, `namespace` being "" for the whole cluster."""
        if self.role == "cluster-admin" or not resource.stored:
            return self.role != "anonymous"
        if self.role not in {"edit", "view"} or (self.namespaces and namespace not in self.namespaces):
            return False
        if resource.name == "namespaces":
            return verb in _READ
        if not resource.namespaced:
            return False
        if self.role == "view" or subresource == "log":
            return verb in _READ and (self.role == "edit" or resource.name != "secrets")
        return True


ANONYMOUS = User("system:anonymous", "anonymous")
_ANYBODY = User("kubernetes-admin")


class Access:
    """Authenticates bearer tokens and answers what users may do.

    Args:
        tokens: Roles by token. None makes everybody an administrator, with or without a token, as `kubectl proxy`
            does; Go clients such as kubectl send no token over plain HTTP.
    """

    def __init__(self, tokens: Mapping[str, str] | None) -> None:
        self._users = None if tokens is None else {token: _user(role) for token, role in tokens.items()}

    def authenticate(self, headers: Mapping[str, str]) -> User:
        """Return who sent a request; a token that nobody has is 401."""
        if self._users is None:
            return _ANYBODY
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if not token or scheme.lower() != "bearer":
            return ANONYMOUS
        if token not in self._users:
            raise errors.unauthorized()
        return self._users[token]


def _user(spec: str) -> User:
    role, _, namespaces = spec.partition(":")
    name = "kubernetes-admin" if role == "cluster-admin" else f"fleet-{role}"
    return User(name, role, frozenset(part for part in namespaces.split(",") if part))


def require(
    user: User, verb: str, resource: Resource, namespace: str, *, name: str = "", subresource: str = ""
) -> None:
    """Raise 403 unless the user may do it."""
    if user.may(verb, resource, namespace, subresource):
        return
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    what = f"{resource.name}/{subresource}" if subresource else resource.name
    why = f'User "{user.name}" cannot {verb} resource "{what}" in API group "{resource.group}" {where}'
    raise errors.forbidden(resource, name, why)


def review(user: User, body: Object) -> Object:
    """Answer a SelfSubjectAccessReview (captures ssar_yes, ssar_no)."""
    asked = (body.get("spec") or {}).get("resourceAttributes") or {}
    resource = BY_NAME.get(asked.get("resource", ""))
    known = resource is not None and resource.group == asked.get("group", "")
    if resource is not None and known:
        verb, namespace = asked.get("verb", ""), asked.get("namespace", "")
        allowed = user.may(verb, resource, namespace, asked.get("subresource", ""))
    else:
        allowed = user.role == "cluster-admin"
    answer: Object = {"allowed": allowed}
    if allowed:
        group = user.groups[0]
        answer["reason"] = (
            f'RBAC: allowed by ClusterRoleBinding "{group}" of ClusterRole "{user.role}" to Group "{group}"'
        )
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": {"resourceAttributes": {name: value for name, value in asked.items() if value}},
        "status": answer,
    }


def whoami(user: User, created: str) -> Object:
    """Answer a SelfSubjectReview."""
    return {
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": created},
        "status": {"userInfo": {"username": user.name, "uid": user.name, "groups": user.groups}},
    }


REVIEWS = frozenset(resource.name for resource in TABLE if not resource.stored)
