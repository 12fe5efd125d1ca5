"""Who may do what, by the Roles and bindings in the store (k8s.io/kubernetes plugin/pkg/auth/authorizer/rbac)."""

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.kube.resources import BY_NAME
from simulator.kube.store import Object, Store

_CLUSTER_ROLES, _CLUSTER_BINDINGS, _ROLES, _BINDINGS = (
    BY_NAME[name] for name in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
)
MASTERS = "system:masters"
"""The group that may do everything, whatever the store says."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who asks."""

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attributes:
    """What somebody wants to do: a verb on a resource, or on a `path` that is none."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    namespace: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class _Grant:
    """A rule and whence a user has it."""

    rule: Object
    source: str


class Authorizer:
    """Decides by what the store holds at that moment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reason(self, user: User, asked: Attributes) -> str | None:
        """Return why something is allowed, in the words of an access review; None when it is not."""
        if MASTERS in user.groups:
            return ""
        namespace = asked.namespace if not asked.path else ""
        grants = self._grants(user, namespace)
        return next((grant.source for grant in grants if _allows(grant.rule, asked)), None)

    def rules(self, user: User, namespace: str) -> list[Object]:
        """Return every rule that holds for a user in a namespace, those of the whole cluster first."""
        return [grant.rule for grant in self._grants(user, namespace)]

    def _grants(self, user: User, namespace: str) -> Iterator[_Grant]:
        bindings = self._store.items(_CLUSTER_BINDINGS)
        bindings += self._store.items(_BINDINGS, namespace) if namespace else []
        for binding in bindings:
            subject = next(filter(None, (_matched(each, user, binding) for each in binding.get("subjects") or [])), "")
            role = self._role(binding) if subject else None
            for rule in (role or {}).get("rules") or []:
                yield _Grant(rule, f"RBAC: allowed by {_shown(binding)} to {subject}")

    def _role(self, binding: Object) -> Object | None:
        """Return the role that a binding names; one that is not there gives no right."""
        reference = binding["roleRef"]
        if reference["kind"] == "ClusterRole":
            return self._store.get(_CLUSTER_ROLES, ("", reference["name"]))
        return self._store.get(_ROLES, (binding["metadata"].get("namespace", ""), reference["name"]))


def _matched(subject: Object, user: User, binding: Object) -> str:
    """Return how a subject that stands for the user is named in a reason, "" for one that does not."""
    kind, name = subject.get("kind", ""), subject.get("name", "")
    if kind == "ServiceAccount":
        namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
        return (
            f'ServiceAccount "{name}/{namespace}"' if user.name == f"system:serviceaccount:{namespace}:{name}" else ""
        )
    matches = user.name == name if kind == "User" else kind == "Group" and name in user.groups
    return f'{kind} "{name}"' if matches else ""


def _shown(binding: Object) -> str:
    metadata, role = binding["metadata"], binding["roleRef"]
    where = f"/{metadata['namespace']}" if "namespace" in metadata else ""
    return f'{binding["kind"]} "{metadata["name"]}{where}" of {role["kind"]} "{role["name"]}"'


def _allows(rule: Object, asked: Attributes) -> bool:
    if not _holds(rule, "verbs", asked.verb):
        return False
    if asked.path:
        return any(_covers(url, asked.path) for url in rule.get("nonResourceURLs") or [])
    named = rule.get("resourceNames") or []
    return (
        _holds(rule, "apiGroups", asked.group)
        and _holds_resource(rule, asked)
        and (not named or (asked.name in named and bool(asked.name)))
    )


def _holds(rule: Object, field: str, value: str) -> bool:
    values = rule.get(field) or []
    return "*" in values or value in values


def _holds_resource(rule: Object, asked: Attributes) -> bool:
    """`pods` says nothing of `pods/log`; `*` says all, and `*/scale` that subresource of every resource."""
    whole = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    wildcard = f"*/{asked.subresource}" in (rule.get("resources") or []) and bool(asked.subresource)
    return wildcard or _holds(rule, "resources", whole)


def _covers(url: str, path: str) -> bool:
    return url == path or (url.endswith("*") and path.startswith(url.removesuffix("*")))
