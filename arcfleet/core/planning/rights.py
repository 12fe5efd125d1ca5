"""Which rights a plan needs, in Azure and in the cluster, and which of them are missing.

Source of the Azure actions: the operations of the resource providers that the calls go to (MicrosoftDocs,
resource-provider-operations). What a write begins is asked for at an address below it, which is a read of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from arcfleet.core.kube.workloads import KINDS, Desired
from arcfleet.core.planning.calls import Call
from arcfleet.core.planning.surveys import KubeRight, Permission

_REGISTRY = "Microsoft.ContainerRegistry/registries"
REGISTRY_READS = tuple(f"{_REGISTRY}/{kind}read" for kind in ("", "connectedRegistries/", "tokens/", "scopeMaps/"))
CLUSTER_READS = ("Microsoft.Kubernetes/connectedClusters/read", "Microsoft.KubernetesConfiguration/extensions/read")
_OPERATIONS = {
    _REGISTRY: f"{_REGISTRY}/operationStatuses/read",
    f"{_REGISTRY}/tokens": f"{_REGISTRY}/tokens/operationStatuses/read",
    f"{_REGISTRY}/scopeMaps": f"{_REGISTRY}/scopeMaps/operationStatuses/read",
    "Microsoft.KubernetesConfiguration/extensions": "Microsoft.KubernetesConfiguration/extensions/operations/read",
}
"""The reads of the operations that writes begin. The provider publishes none for connected registries."""

GROUPS = {resource: version.rpartition("/")[0] for version, resource in KINDS.values()}
"""Resource of a cluster -> its API group."""


def azure_actions(calls: Iterable[Call]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the actions that these calls, and the reads around them, need: at the registry, and at the cluster."""
    registry, cluster = list(REGISTRY_READS), list(CLUSTER_READS)
    for call in calls:
        if call.is_azure:
            actions = _actions(call)
            (registry if actions[0].startswith(_REGISTRY) else cluster).extend(actions)
    return tuple(dict.fromkeys(registry)), tuple(dict.fromkeys(cluster))


def _actions(call: Call) -> tuple[str, ...]:
    """Return the action of a call, and that of asking how the operation stands that it begins."""
    provider, *segments = call.target.rpartition("/providers/")[2].split("/")
    verb = {"POST": "action", "DELETE": "delete"}.get(call.method, "write")
    types = [provider, *segments[::2]]
    # A POST names what it does at the end of its target.
    resource = "/".join(types[:-1] if call.method == "POST" else types)
    operation = _OPERATIONS.get(resource)
    return ("/".join([*types, verb]), *([operation] if operation else []))


def missing_actions(needed: Sequence[str], permissions: Sequence[Permission]) -> tuple[str, ...]:
    """Return the actions that no permission grants. A permission's notActions take away from its own actions only."""
    return tuple(action for action in needed if not any(_grants(entry, action) for entry in permissions))


def _grants(permission: Permission, action: str) -> bool:
    granted = any(_pattern(text).fullmatch(action) for text in permission.actions)
    return granted and not any(_pattern(text).fullmatch(action) for text in permission.not_actions)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.IGNORECASE)


def kube_rights(wanted: Sequence[Desired], secrets: Iterable[tuple[str, str]]) -> tuple[KubeRight, ...]:
    """Return the rights that workloads and pull secrets need. A server-side apply needs `patch`, and `create` too.

    Of secrets only the pull secret itself is asked for, so that a Role need not open a namespace's other ones. What is
    created has no name yet, for RBAC.
    """
    found: list[KubeRight] = []
    for namespace, name in secrets:
        found += [KubeRight("create", "", "secrets", namespace), KubeRight("patch", "", "secrets", namespace, name)]
    for item in wanted:
        found += [
            KubeRight("get", "", "secrets", item.namespace, item.workload.pull_secret),
            KubeRight("list", "", "pods", item.namespace),
        ]
        for what in item.objects:
            version, resource = KINDS[what["kind"]]
            group = version.rpartition("/")[0]
            namespace = what["metadata"]["namespace"]
            found += [KubeRight(verb, group, resource, namespace) for verb in ("get", "create", "patch")]
    return tuple(dict.fromkeys(found))


def removal_rights(removed: Iterable[Call]) -> tuple[KubeRight, ...]:
    """Return the rights in the cluster that a removal's calls need, the reads before them included."""
    found: list[KubeRight] = []
    for call in removed:
        if not call.is_azure:
            _, _, namespace, resource, name = re.split("[ /]", call.target)
            group = GROUPS.get(resource, "")
            # Only of secrets a single one is named: a Role need not open a namespace's other ones.
            only = name if resource == "secrets" else ""
            verbs = ("get", "patch" if call.method == "LOGIN" else "delete")
            found += [KubeRight(verb, group, resource, namespace, only) for verb in verbs]
    return tuple(dict.fromkeys(found))
