"""The N rules: each prerequisite that fails is told with its remedy, and what could not be read blocks nothing."""

from dataclasses import replace

import pytest
from examples import cr, extension, facts, site, token, wanted

from arcfleet.core.facts import RegistryFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.planning import preflight
from arcfleet.core.planning.plan import Disposition, plan
from arcfleet.core.planning.surveys import (
    AzureSurvey,
    ClusterSurvey,
    KubeRight,
    NodeFacts,
    Permission,
    StorageClassFacts,
    Unread,
)
from arcfleet.core.reasons import Reason

WEB = wanted()
NEVER = cr(connection_state="Offline", activation="Inactive", last_sync=None)
EMPTY = facts(extension=None, connected_registry=NEVER, workloads={"web": None})
EVERYTHING = (Permission(("*",)),)
AZURE = AzureSurvey(
    providers=dict.fromkeys(preflight.PROVIDERS, "Registered"),
    registry_permissions=EVERYTHING,
    cluster_permissions=EVERYTHING,
    has_images=True,
    tokens={"berlinplant": token()},
)
CLUSTER = ClusterSurvey(
    nodes=(NodeFacts("n1", "linux", "amd64"),),
    storage_classes=(StorageClassFacts("standard", is_default=True),),
    service_ranges=("10.96.0.0/16",),
    address_owner="",
    used_addresses=frozenset({"10.96.0.1", "10.96.0.10"}),
)


def judged(azure=AZURE, cluster=CLUSTER, seen=EMPTY, here=None):
    here = here or site()
    return preflight.judge(here, seen, plan(here, seen, (WEB,)), azure, cluster)


def test_a_site_with_everything_that_it_needs_has_no_finding():
    assert judged() == ()


def registry(**values):
    made = RegistryFacts("acreu1", "acreu1.azurecr.io", "Premium", True)
    return replace(EMPTY, registry=replace(made, **values))


READ_ONLY = (Permission(("*/read",)),)
NODES = {
    "none": (),
    "another processor": (NodeFacts("n1", "linux", "arm64"),),
    "another system": (NodeFacts("n1", "windows", "amd64"),),
    "cordoned": (NodeFacts("n1", "linux", "amd64", schedulable=False),),
    "not ready": (NodeFacts("n1", "linux", "amd64", ready=False),),
}
FAILURES = {
    "Standard": ({"seen": registry(sku="Standard")}, "N1", Reason.NOT_PREMIUM, "az acr update"),
    "no SKU": ({"seen": registry(sku="")}, "N1", Reason.NOT_PREMIUM, "--sku Premium"),
    "data endpoint": (
        {"seen": registry(data_endpoint_enabled=False)}, "N2", Reason.DATA_ENDPOINT_OFF, "--data-endpoint-enabled",
    ),
    "empty": ({"azure": replace(AZURE, has_images=False)}, "N3", Reason.EMPTY_REGISTRY, "az acr import"),
    "provider": (
        {"azure": replace(AZURE, providers={"Microsoft.Kubernetes": "NotRegistered"})},
        "N4", Reason.PROVIDER_NOT_REGISTERED, "az provider register --namespace Microsoft.Kubernetes",
    ),
    "registry rights": ({"azure": replace(AZURE, registry_permissions=READ_ONLY)}, "N5", Reason.FORBIDDEN, "role"),
    "cluster rights": ({"azure": replace(AZURE, cluster_permissions=READ_ONLY)}, "N5", Reason.FORBIDDEN, "role"),
    "no token": ({"azure": replace(AZURE, tokens={})}, "N6", Reason.SYNC_TOKEN_NOT_FOUND, "az acr token create"),
    "token disabled": (
        {"azure": replace(AZURE, tokens={"berlinplant": replace(token(), status="Disabled")})},
        "N6", Reason.CREDENTIAL_UNUSABLE, "--status enabled",
    ),
    **{
        f"nodes: {name}": (
            {"cluster": replace(CLUSTER, nodes=nodes)}, "N7", Reason.NO_SUITABLE_NODE, "kubectl uncordon",
        )
        for name, nodes in NODES.items()
    },
    "out of range": (
        {"cluster": replace(CLUSTER, service_ranges=("10.97.0.0/16", "10.98.0.0/16"), used_addresses=frozenset())},
        "N8", Reason.CLUSTER_IP_OUT_OF_RANGE, "choose a free address in 10.97.0.0/16, 10.98.0.0/16",
    ),
    "the network's own address": (
        {"cluster": replace(CLUSTER, service_ranges=("10.96.0.50/32",))}, "N8", Reason.CLUSTER_IP_OUT_OF_RANGE, "",
    ),
    "taken": (
        {"cluster": replace(CLUSTER, address_owner="default/printer")}, "N9", Reason.CLUSTER_IP_TAKEN,
        "choose a free address in 10.96.0.0/16; first free: 10.96.0.2",
    ),
    "no default class": (
        {"cluster": replace(CLUSTER, storage_classes=(StorageClassFacts("fast"),))},
        "N10", Reason.STORAGE_CLASS, "fast",
    ),
    "no class": ({"cluster": replace(CLUSTER, storage_classes=())}, "N10", Reason.STORAGE_CLASS, "create one"),
    "another class": (
        {"here": site(extension="{settings: {pvc.storageClassName: fast}}")}, "N10", Reason.STORAGE_CLASS, "standard",
    ),
    "cluster's own rights": (
        {"cluster": replace(CLUSTER, missing_rights=(KubeRight("create", "", "secrets", "shop"),))},
        "N11", Reason.FORBIDDEN, "kubectl auth can-i",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("world", "rule", "reason", "remedy"), FAILURES.values(), ids=FAILURES)
def test_what_is_missing_is_told_with_its_remedy(world, rule, reason, remedy):
    (found,) = judged(**world)

    assert (found.verdict, found.rule, found.reason) == (Verdict.FAILED, rule, reason)
    assert remedy in found.remedy


def test_missing_rights_are_named():
    (azure,) = judged(azure=replace(AZURE, cluster_permissions=READ_ONLY))
    (cluster,) = judged(cluster=replace(CLUSTER, missing_rights=(KubeRight("patch", "apps", "deployments", "shop"),)))

    assert azure.message == "missing on k-berlin: Microsoft.KubernetesConfiguration/extensions/write"
    assert cluster.message == "missing in the cluster of berlin: patch deployments.apps in shop"


UNREAD = Unread("not allowed")
UNKNOWN = {
    "images": ({"azure": replace(AZURE, has_images=UNREAD)}, "N3"),
    "provider": ({"azure": replace(AZURE, providers={"Microsoft.Kubernetes": UNREAD})}, "N4"),
    "registry rights": ({"azure": replace(AZURE, registry_permissions=UNREAD)}, "N5"),
    "cluster rights": ({"azure": replace(AZURE, cluster_permissions=UNREAD)}, "N5"),
    "tokens": ({"azure": replace(AZURE, tokens=UNREAD)}, "N6"),
    "cluster": ({"cluster": UNREAD}, "N7"),
    "nodes": ({"cluster": replace(CLUSTER, nodes=UNREAD)}, "N7"),
    "range": ({"cluster": replace(CLUSTER, service_ranges=UNREAD)}, "N8"),
    "owner": ({"cluster": replace(CLUSTER, address_owner=UNREAD)}, "N9"),
    "classes": ({"cluster": replace(CLUSTER, storage_classes=UNREAD)}, "N10"),
    "kube rights": ({"cluster": replace(CLUSTER, missing_rights=UNREAD)}, "N11"),
}


@pytest.mark.parametrize(("world", "rule"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_could_not_be_read_is_said_and_blocks_nothing(world, rule):
    (found,) = judged(**world)
    made = plan(site(), EMPTY, (WEB,)).judged((found,))

    assert (found.verdict, found.rule, found.reason) == (Verdict.UNKNOWN, rule, Reason.NOT_CHECKED)
    assert found.evidence == ("not allowed",)
    assert (made.disposition, made.notes) == (Disposition.CREATE, (found,))


def test_all_findings_are_told_those_that_block_first():
    found = judged(azure=replace(AZURE, has_images=UNREAD), cluster=replace(CLUSTER, nodes=(), storage_classes=()))
    made = plan(site(), EMPTY, (WEB,)).judged(found)

    assert [finding.rule for finding in found] == ["N7", "N10", "N3"]
    assert (made.disposition, made.finding, made.notes) == (Disposition.BLOCKED, found[0], found[1:])


def test_the_address_of_the_registry_itself_is_not_taken():
    own = replace(CLUSTER, address_owner="connected-registry/connected-registry")
    placed = facts(extension=extension(settings={"service.clusterIP": "10.96.0.50", "a": "b"}), workloads={"web": None})
    changed = site(extension="{settings: {a: c}}")

    assert judged(cluster=own) == ()
    assert judged(cluster=replace(CLUSTER, address_owner="ns/anything"), seen=placed, here=changed) == ()


def test_a_plan_without_an_installation_asks_for_rights_only():
    standing = facts(workloads={"web": None}, pull_secrets={("default", "regcred"): True})
    poor = replace(AZURE, has_images=False, tokens={})

    assert judged(azure=poor, cluster=replace(CLUSTER, nodes=()), seen=standing) == ()


def test_missing_images_are_told_with_everything_else_that_is_missing():
    gone = Finding(Verdict.FAILED, Reason.NOT_IN_CLOUD, "image", "image app/web:stable is not in registry x")

    found = judged(cluster=replace(CLUSTER, nodes=()), seen=replace(EMPTY, missing=(gone,)))

    assert [finding.reason for finding in found] == [Reason.NOT_IN_CLOUD, Reason.NO_SUITABLE_NODE]
