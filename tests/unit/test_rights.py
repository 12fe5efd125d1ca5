"""Rights: which a plan needs, and which of them a caller lacks."""

import pytest
from examples import cr, facts, site, wanted

from arcfleet.core import rights
from arcfleet.core.calls import Call
from arcfleet.core.plan import plan
from arcfleet.core.surveys import KubeRight, Permission

NEVER = cr(connection_state="Offline", activation="Inactive", last_sync=None)
WRITE = "Microsoft.KubernetesConfiguration/extensions/write"


def test_an_installation_needs_these_actions_and_no_more():
    made = plan(site(), facts(extension=None, connected_registry=NEVER, workloads={"web": None}), (wanted(),))

    at_registry, at_cluster = rights.azure_actions(made.calls)

    assert at_registry == (*rights.REGISTRY_READS, "Microsoft.ContainerRegistry/registries/generateCredentials/action")
    assert at_cluster == (*rights.CLUSTER_READS, WRITE, "Microsoft.KubernetesConfiguration/extensions/operations/read")


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("PATCH", "", "registries/write"),
        ("PUT", "/tokens/t", "registries/tokens/write"),
        ("DELETE", "/scopeMaps/m", "registries/scopeMaps/delete"),
        ("POST", "/connectedRegistries/c/deactivate", "registries/connectedRegistries/deactivate/action"),
    ],
)
def test_an_action_is_the_providers_word_for_a_call(method, path, action):
    at_registry, _ = rights.azure_actions([Call(method, f"{site().registry_ref.id}{path}")])

    assert at_registry[-1] == f"Microsoft.ContainerRegistry/{action}"


PERMISSIONS = {
    "all": ([Permission(("*",))], True),
    "exactly": ([Permission((WRITE,))], True),
    "in another case": ([Permission((WRITE.upper(),))], True),
    "by a pattern": ([Permission(("Microsoft.KubernetesConfiguration/*/write",))], True),
    "reads only": ([Permission(("*/read",))], False),
    "a dot is a dot": ([Permission((WRITE.replace(".", "x"),))], False),
    "taken away": ([Permission(("*",), ("Microsoft.KubernetesConfiguration/*",))], False),
    "taken away by another entry": ([Permission(("*",), (WRITE,)), Permission((WRITE,))], True),
    "none": ([], False),
}


@pytest.mark.parametrize(("held", "granted"), PERMISSIONS.values(), ids=PERMISSIONS)
def test_permissions_grant_by_pattern_and_take_from_their_own_only(held, granted):
    assert rights.missing_actions([WRITE], held) == (() if granted else (WRITE,))


def test_a_workload_and_its_pull_secret_need_these_rights():
    needed = rights.kube_rights([wanted()], [("default", "regcred")])

    assert set(map(str, needed)) == {
        "create secrets in default", "patch secrets in default", "get secrets in default", "list pods in default",
        "get deployments.apps in default", "create deployments.apps in default", "patch deployments.apps in default",
    }  # fmt: skip
    assert len(needed) == len(set(needed))


def test_a_right_reads_as_kubectl_auth_can_i_has_it():
    assert str(KubeRight("list", "", "nodes")) == "list nodes"
