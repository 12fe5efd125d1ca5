"""Rights: which a plan needs, and which of them a caller lacks."""

import pytest
from examples import cr, facts, site, wanted

from arcfleet.core.planning import rights
from arcfleet.core.planning.calls import Call
from arcfleet.core.planning.plan import plan
from arcfleet.core.planning.surveys import KubeRight, Permission

NEVER = cr(connection_state="Offline", activation="Inactive", last_sync=None)
WRITE = "Microsoft.KubernetesConfiguration/extensions/write"


def test_an_installation_needs_these_actions_and_no_more():
    made = plan(site(), facts(extension=None, connected_registry=NEVER, workloads={"web": None}), (wanted(),))

    at_registry, at_cluster = rights.azure_actions(made.calls)

    registries = "Microsoft.ContainerRegistry/registries"
    minting = (f"{registries}/generateCredentials/action", f"{registries}/operationStatuses/read")
    assert at_registry == (*rights.REGISTRY_READS, *minting)
    assert at_cluster == (*rights.CLUSTER_READS, WRITE, "Microsoft.KubernetesConfiguration/extensions/operations/read")


@pytest.mark.parametrize(
    ("method", "path", "actions"),
    [
        ("PATCH", "", ["write", "operationStatuses/read"]),
        ("PUT", "/tokens/t", ["tokens/write", "tokens/operationStatuses/read"]),
        ("DELETE", "/scopeMaps/m", ["scopeMaps/delete", "scopeMaps/operationStatuses/read"]),
        ("POST", "/generateCredentials", ["generateCredentials/action", "operationStatuses/read"]),
        ("PUT", "/connectedRegistries/c", ["connectedRegistries/write"]),
        ("POST", "/connectedRegistries/c/deactivate", ["connectedRegistries/deactivate/action"]),
    ],
)
def test_an_action_is_the_providers_word_for_a_call_and_its_operation_is_asked_for_below_it(method, path, actions):
    at_registry, _ = rights.azure_actions([Call(method, f"{site().registry_ref.id}{path}")])

    expected = [f"Microsoft.ContainerRegistry/registries/{action}" for action in actions]
    assert list(at_registry[len(rights.REGISTRY_READS) :]) == expected


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
        "create secrets in default", "patch secrets/regcred in default", "get secrets/regcred in default",
        "list pods in default",
        "get deployments.apps in default", "create deployments.apps in default", "patch deployments.apps in default",
    }  # fmt: skip
    assert len(needed) == len(set(needed))


def test_a_right_reads_as_kubectl_auth_can_i_has_it():
    assert str(KubeRight("list", "", "nodes")) == "list nodes"
