"""Which rights a plan needs, in Azure and in the cluster, and which of them are missing.

Source of the Azure actions: the operations of the resource providers that the calls go to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from arcfleet.core.calls import Call
from arcfleet.core.surveys import KubeRight, Permission
from arcfleet.core.workloads import KINDS, Desired

_REGISTRY = "Microsoft.ContainerRegistry/registries"
REGISTRY_READS = tuple(f"{_REGISTRY}/{kind}read" for kind in ("", "connectedRegistries/", "tokens/", "scopeMaps/"))
CLUSTER_READS = ("Microsoft.Kubernetes/connectedClusters/read", "Microsoft.KubernetesConfiguration/extensions/read")
_OPERATION = "Microsoft.KubernetesConfiguration/extensions/operations/read"


def azure_actions(calls: Iterable[Call]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the actions that these calls, and the reads around them, need: at the registry, and at the cluster."""
    registry, cluster = list(REGISTRY_READS), list(CLUSTER_READS)
    for call in calls:
        if call.is_azure:
            action = _action(call)
            (registry if action.startswith(_REGISTRY) else cluster).append(action)
    if len(cluster) > len(CLUSTER_READS):
        cluster.append(_OPERATION)
    return tuple(dict.fromkeys(registry)), tuple(dict.fromkeys(cluster))


def _action(call: Call) -> str:
    provider, *segments = call.target.rpartition("/providers/")[2].split("/")
    types = segments[::2]
    if call.method == "POST":
        return f"{provider}/{'/'.join(types)}/action"
    return f"{provider}/{'/'.join(types)}/{'delete' if call.method == 'DELETE' else 'write'}"


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
    """Return the rights that workloads and pull secrets need. A server-side apply needs `patch`, and `create` too."""
    found = [KubeRight(verb, "", "secrets", namespace) for namespace, _ in secrets for verb in ("create", "patch")]
    for item in wanted:
        found += [KubeRight("get", "", "secrets", item.namespace), KubeRight("list", "", "pods", item.namespace)]
        for what in item.objects:
            version, resource = KINDS[what["kind"]]
            group = version.rpartition("/")[0]
            verbs = ("get", "create", "patch") if what is item.deployment else ("create", "patch")
            found += [KubeRight(verb, group, resource, what["metadata"]["namespace"]) for verb in verbs]
    return tuple(dict.fromkeys(found))
