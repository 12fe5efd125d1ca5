"""The N rules: what a site needs before anything is begun. All of them are told at once, each with its remedy.

What could not be read is said (`not_checked`) and blocks nothing. Sources: the prerequisites of Microsoft's article
"Deploy the connected registry Arc extension"; for addresses the API server's own rules (ServiceCIDR, IPAddress).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from arcfleet.core.evidence import NAMESPACE
from arcfleet.core.facts import SiteFacts, TokenFacts, Unread
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import last_segment
from arcfleet.core.planning import rights
from arcfleet.core.planning.plan import SitePlan
from arcfleet.core.planning.surveys import AzureSurvey, ClusterSurvey, Permission
from arcfleet.core.reasons import Reason

STORAGE_CLASS = "pvc.storageClassName"
PROVIDERS = ("Microsoft.KubernetesConfiguration", "Microsoft.Kubernetes")
Findings = tuple[Finding, ...]


def judge(
    site: Site, facts: SiteFacts, plan: SitePlan, azure: AzureSurvey, cluster: ClusterSurvey | Unread
) -> Findings:
    """Return every finding about the prerequisites of a site's plan, those that block it first.

    Args:
        site: What is wanted.
        facts: What was observed.
        plan: What is to be done; what it does not touch is not judged.
        azure: What Azure shows.
        cluster: What the cluster shows.
    """
    found = [*facts.missing, *azure_rights(site, plan, azure), *cluster_rights(site, cluster)]
    if plan.install:
        found += [
            *_registry(site, facts, plan, azure),
            *_providers(site, azure),
            *_sync_token(site, facts, plan, azure),
        ]
        found += _cluster(site, facts, cluster)
    return tuple(sorted(found, key=lambda finding: finding.verdict is not Verdict.FAILED))


def _failed(rule: str, reason: Reason, subject: str, message: str, remedy: str) -> Finding:
    return Finding(Verdict.FAILED, reason, subject, message, rule, remedy=remedy)


def _unchecked(rule: str, subject: str, what: str, why: Unread) -> Finding:
    return Finding(Verdict.UNKNOWN, Reason.NOT_CHECKED, subject, f"not checked: {what}", rule, (why.why,))


def _registry(site: Site, facts: SiteFacts, plan: SitePlan, azure: AzureSurvey) -> Iterator[Finding]:
    registry = facts.registry
    if registry.sku.lower() != "premium":
        yield _failed(
            "N1", Reason.NOT_PREMIUM, "registry",
            f"registry {registry.name} is {registry.sku or 'of an unknown SKU'}; connected registries need Premium",
            f"az acr update --name {registry.name} --sku Premium",
        )  # fmt: skip
    if not registry.data_endpoint_enabled and not any(call.target == site.registry_ref.id for call in plan.calls):
        yield _failed(
            "N2", Reason.DATA_ENDPOINT_OFF, "registry", f"registry {registry.name} has no dedicated data endpoint",
            f"az acr update --name {registry.name} --data-endpoint-enabled true, or ensure: true",
        )  # fmt: skip
    if isinstance(azure.has_images, Unread):
        yield _unchecked("N3", "registry", "whether the registry holds a repository", azure.has_images)
    elif not azure.has_images:
        yield _failed(
            "N3", Reason.EMPTY_REGISTRY, "registry", f"registry {registry.name} holds no repository to be synced",
            f"push an image: az acr import --name {registry.name} --source …",
        )  # fmt: skip


def _providers(site: Site, azure: AzureSurvey) -> Iterator[Finding]:
    for provider, state in azure.providers.items():
        if isinstance(state, Unread):
            yield _unchecked("N4", "subscription", f"whether resource provider {provider} is registered", state)
        elif state.lower() != "registered":
            yield _failed(
                "N4", Reason.PROVIDER_NOT_REGISTERED, "subscription", f"resource provider {provider} is {state}",
                f"az provider register --namespace {provider} --subscription {site.cluster_ref.subscription}",
            )  # fmt: skip


def azure_rights(site: Site, plan: SitePlan, azure: AzureSurvey) -> Iterator[Finding]:
    """Yield what of the rights is missing in Azure that a plan's calls need (N5)."""
    at_registry, at_cluster = rights.azure_actions(plan.calls)
    asked: tuple[tuple[str, str, Sequence[str], tuple[Permission, ...] | Unread], ...] = (
        ("the cloud registry", site.registry_ref.id, at_registry, azure.registry_permissions),
        ("the Arc cluster", site.cluster_ref.id, at_cluster, azure.cluster_permissions),
    )
    for what, scope, needed, held in asked:
        if isinstance(held, Unread):
            yield _unchecked("N5", "rights", f"rights on {what}", held)
        elif missing := rights.missing_actions(needed, held):
            yield _failed(
                "N5", Reason.FORBIDDEN, "rights", f"missing on {last_segment(scope)}: {', '.join(missing)}",
                f"assign a role with these actions at {scope}",
            )  # fmt: skip


def _sync_token(site: Site, facts: SiteFacts, plan: SitePlan, azure: AzureSurvey) -> Iterator[Finding]:
    """Judge the token that the connection string signs in with, where it exists already."""
    name = last_segment(facts.connected_registry.sync_token_id)
    made = any(call.target.lower().endswith(f"/tokens/{name.lower()}") for call in plan.calls)
    if isinstance(azure.tokens, Unread):
        yield _unchecked("N6", "sync token", f"token {name}", azure.tokens)
    elif not made:
        yield from _usable(site, name, azure.tokens)


def _usable(site: Site, name: str, tokens: Mapping[str, TokenFacts]) -> Iterator[Finding]:
    token = tokens.get(name.lower())
    if token is None:
        yield _failed(
            "N6", Reason.SYNC_TOKEN_NOT_FOUND, "sync token", f"registry {site.registry} has no token {name}",
            f"az acr token create --registry {site.registry} --name {name} --scope-map …",
        )  # fmt: skip
    elif token.status.lower() == "disabled":
        yield _failed(
            "N6", Reason.CREDENTIAL_UNUSABLE, "sync token", f"sync token {name} is disabled",
            f"az acr token update --registry {site.registry} --name {name} --status enabled",
        )  # fmt: skip


def _cluster(site: Site, facts: SiteFacts, cluster: ClusterSurvey | Unread) -> Iterator[Finding]:
    if isinstance(cluster, Unread):
        yield _unchecked("N7", "cluster", "nodes, the address, the storage class", cluster)
        return
    yield from _nodes(cluster)
    placed = facts.extension is not None and facts.extension.settings.get("service.clusterIP") == site.cluster_ip
    if not placed:
        yield from _address(site, cluster)
    yield from _storage_class(site, cluster)


def _nodes(cluster: ClusterSurvey) -> Iterator[Finding]:
    if isinstance(cluster.nodes, Unread):
        yield _unchecked("N7", "cluster", "whether a node is linux/amd64", cluster.nodes)
        return
    suitable = [n for n in cluster.nodes if (n.os, n.architecture) == ("linux", "amd64")]
    if not any(node.ready and node.schedulable for node in suitable):
        seen = ", ".join(f"{n.name} {n.os}/{n.architecture}{_state(n.ready, n.schedulable)}" for n in cluster.nodes[:5])
        yield _failed(
            "N7", Reason.NO_SUITABLE_NODE, "cluster",
            f"no ready linux/amd64 node for the connected registry; nodes: {seen or 'none'}",
            "add such a node, or uncordon one: kubectl uncordon NODE",
        )  # fmt: skip


def _state(ready: bool, schedulable: bool) -> str:
    return "" if ready and schedulable else " (cordoned)" if ready else " (not ready)"


def _address(site: Site, cluster: ClusterSurvey) -> Iterator[Finding]:
    address = site.cluster_ip
    ranges = cluster.service_ranges
    if isinstance(ranges, Unread):
        yield _unchecked("N8", "clusterIP", f"whether {address} is in the cluster's service range", ranges)
    elif not any(_usable_in(address, cidr) for cidr in ranges):
        yield _failed(
            "N8", Reason.CLUSTER_IP_OUT_OF_RANGE, "clusterIP",
            f"{address} is no address of the cluster's service range {', '.join(ranges)}",
            _choose(cluster),
        )  # fmt: skip
        return
    owner = cluster.address_owner
    if isinstance(owner, Unread):
        yield _unchecked("N9", "clusterIP", f"whether {address} is in use", owner)
    elif owner and not owner.startswith(f"{NAMESPACE}/"):
        yield _failed(
            "N9", Reason.CLUSTER_IP_TAKEN, "clusterIP", f"{address} is taken by service {owner}", _choose(cluster)
        )


def _usable_in(address: str, cidr: str) -> bool:
    """Tell whether a service can have an address: in the range, neither its network nor its broadcast address."""
    network = ipaddress.ip_network(cidr, strict=False)
    found = ipaddress.ip_address(address)
    return found in network and found not in {network.network_address, network.broadcast_address}


def _choose(cluster: ClusterSurvey) -> str:
    """Return the remedy for an address: the range, and its first address that no service was seen to have."""
    if isinstance(cluster.service_ranges, Unread):
        return "choose an address of the cluster's service range that no service has: kubectl get services -A"
    taken = cluster.used_addresses
    for cidr in cluster.service_ranges:
        # The first address belongs to service default/kubernetes.
        hosts = islice(ipaddress.ip_network(cidr, strict=False).hosts(), 1, len(taken) + 2)
        free = next((str(host) for host in hosts if str(host) not in taken), None)
        if free and taken:
            return f"choose a free address in {cidr}; first free: {free}"
    return f"choose a free address in {', '.join(cluster.service_ranges)}: kubectl get services -A"


def _storage_class(site: Site, cluster: ClusterSurvey) -> Iterator[Finding]:
    classes, wanted = cluster.storage_classes, site.settings.get(STORAGE_CLASS)
    if isinstance(classes, Unread):
        yield _unchecked("N10", "storage", f"storage class {wanted or '(the default one)'}", classes)
        return
    names = [found.name for found in classes]
    if wanted and wanted not in names:
        yield _failed(
            "N10", Reason.STORAGE_CLASS, "storage", f"the cluster has no storage class {wanted}",
            f"set {STORAGE_CLASS} to one of: {', '.join(names) or 'none, create one first'}",
        )  # fmt: skip
    if not wanted and not any(found.is_default for found in classes):
        yield _failed(
            "N10", Reason.STORAGE_CLASS, "storage", "the cluster has no default storage class, and the site names none",
            f"set extension.settings.{STORAGE_CLASS} to one of: {', '.join(names) or 'none, create one first'}",
        )  # fmt: skip


def cluster_rights(site: Site, cluster: ClusterSurvey | Unread) -> Iterator[Finding]:
    """Yield what of the rights is missing in the cluster (N11)."""
    if isinstance(cluster, Unread):
        return  # Told once, with the nodes; what needs the cluster and has no way to it fails in observe.
    if isinstance(cluster.missing_rights, Unread):
        yield _unchecked("N11", "rights", "rights in the cluster", cluster.missing_rights)
    elif cluster.missing_rights:
        missing = ", ".join(str(right) for right in cluster.missing_rights)
        yield _failed(
            "N11", Reason.FORBIDDEN, "rights", f"missing in the cluster of {site.name}: {missing}",
            "bind a Role with these rights to the identity of the kubeconfig: kubectl auth can-i --list",
        )  # fmt: skip
