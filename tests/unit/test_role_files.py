"""The role files of deployments/roles hold every right that arcfleet asks for, and none that it does not need."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from examples import site, wanted

from arcfleet.core.kube.workloads import KINDS
from arcfleet.core.planning import calls, rights
from arcfleet.core.planning.calls import Call, registry_call
from arcfleet.core.planning.surveys import KubeRight, Permission

ROLES = Path(__file__).parents[2] / "deployments" / "roles"
SECURITY = Path(__file__).parents[2] / "docs" / "security.md"
EXTENSION = f"{site().cluster_ref.id}/providers/Microsoft.KubernetesConfiguration/extensions/berlin"
INSTALLATION = [registry_call(site(), "POST", "generateCredentials"), Call("PUT", EXTENSION), Call("PATCH", EXTENSION)]
ENSURED = [
    registry_call(site(), method, path)
    for method in ("PUT", "PATCH")
    for path in ("", "tokens/t", "scopeMaps/m", "connectedRegistries/c")
]
AROUND = {
    "Microsoft.ContainerRegistry/registries/pull/read": "the data plane: digests of tags, the list of repositories",
    "Microsoft.Authorization/permissions/read": "the preflight asks what the caller may do",
    "Microsoft.Resources/subscriptions/providers/read": "the preflight asks whether providers are registered",
}
"""What is not asked for beforehand: the first is met by the first read, the others only leave something unchecked."""
CONNECTED_OPERATION = "Microsoft.ContainerRegistry/registries/connectedRegistries/operationStatuses/read"
"""Met on the wire, but not published by the provider: a role can only have it by a pattern."""


def role(name: str) -> dict[str, Any]:
    return json.loads((ROLES / f"arcfleet-{name}.json").read_text())


def actions(*calls: Call) -> set[str]:
    at_registry, at_cluster = rights.azure_actions(calls)
    return {*at_registry, *at_cluster}


REMOVED = [
    Call("DELETE", EXTENSION),
    registry_call(site(), "POST", "connectedRegistries/c/deactivate"),
    *(registry_call(site(), "DELETE", path) for path in ("tokens/t", "scopeMaps/m", "connectedRegistries/c")),
    *(registry_call(site(), "PATCH", path) for path in ("tokens/t", "scopeMaps/m")),
]
RESYNC = registry_call(site(), "POST", "connectedRegistries/c/resync")
RESULTS = {f"Microsoft.ContainerRegistry/registries/operation{what}/read" for what in ("Results", "Statuses")}
"""Where a deletion's operation is asked about; its address is below the registry itself."""
NEEDED = {
    "plan": actions() | set(AROUND),
    "deploy": actions(*INSTALLATION) | set(AROUND),
    "ensure": (actions(*ENSURED) - actions()) | {CONNECTED_OPERATION},
    "remove": actions(*REMOVED) | {"Microsoft.Authorization/permissions/read", CONNECTED_OPERATION, *RESULTS},
    "resync": actions(RESYNC) - actions(),
}


@pytest.mark.parametrize("name", NEEDED)
def test_an_azure_role_grants_what_is_needed(name):
    held = Permission(tuple(role(name)["Actions"]))

    assert rights.missing_actions(sorted(NEEDED[name]), [held]) == ()


@pytest.mark.parametrize("name", NEEDED)
def test_every_action_of_an_azure_role_is_needed(name):
    found = role(name)["Actions"]

    for action in found:
        rest = Permission(tuple(other for other in found if other != action))
        assert rights.missing_actions(sorted(NEEDED[name]), [rest]), f"{action} can go"


@pytest.mark.parametrize("name", NEEDED)
def test_an_azure_role_is_what_az_role_definition_create_takes(name):
    found = role(name)

    assert list(found) == [
        "Name", "IsCustom", "Description", "Actions", "NotActions", "DataActions", "NotDataActions", "AssignableScopes",
    ]  # fmt: skip
    assert found["IsCustom"] is True
    assert (found["NotActions"], found["DataActions"], found["NotDataActions"]) == ([], [], [])
    assert len(found["Actions"]) == len(set(found["Actions"]))
    assert found["AssignableScopes"] == ["/subscriptions/00000000-0000-0000-0000-000000000000"]


def test_the_documentation_says_of_every_action_what_it_is_for():
    rows = [line.strip("|").split("|") for line in re.findall(r"^\| `Microsoft.*", SECURITY.read_text(), re.MULTILINE)]
    documented = {action.strip(" `"): [bool(mark.strip()) for mark in marks] for action, *marks, _why in rows}

    held = {action for name in NEEDED for action in role(name)["Actions"]}
    assert all(why.strip() for *_, why in rows)
    assert documented == {action: [action in role(name)["Actions"] for name in NEEDED] for action in held}


def test_there_is_no_role_file_that_is_not_tested():
    kubernetes = (f"kubernetes-{name}.yaml" for name in ("preflight", "remove", "workload"))
    assert {path.name for path in ROLES.iterdir()} == {*kubernetes, *(f"arcfleet-{name}.json" for name in NEEDED)}


def granted(name: str) -> set[KubeRight]:
    """Return every right of a manifest's roles."""
    found: set[KubeRight] = set()
    for item in yaml.safe_load_all((ROLES / name).read_text()):
        namespace = item["metadata"].get("namespace", "")
        for rule in item.get("rules", ()):
            found |= {
                KubeRight(verb, group, resource, namespace, secret)
                for verb in rule["verbs"]
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for secret in rule.get("resourceNames", [""])
            }
    return found


def test_the_role_of_a_workload_s_namespace_has_exactly_what_workloads_and_pull_secrets_need():
    needed = set(rights.kube_rights([wanted()], [("default", "regcred")]))
    for version, resource in KINDS.values():
        group = version.rpartition("/")[0]
        needed |= {KubeRight(verb, group, resource, "default") for verb in ("get", "create", "patch")}

    assert granted("kubernetes-workload.yaml") == needed


def test_the_cluster_role_has_exactly_what_the_preflight_reads():
    assert set(map(str, granted("kubernetes-preflight.yaml"))) == {
        "list nodes", "list services", "list storageclasses.storage.k8s.io", "list servicecidrs.networking.k8s.io",
    }  # fmt: skip


def test_the_role_of_a_removal_has_exactly_what_it_reads_and_deletes():
    kinds = [kind for kind in KINDS if kind != "PersistentVolumeClaim"]
    deleted = [calls.deletion(site(), kind, "default", "web") for kind in kinds]
    secrets = [calls.deletion(site(), "Secret", "default", "regcred"), *calls.logins(site(), [("default", "regcred")])]
    needed = {*rights.removal_rights([*deleted, *secrets]), KubeRight("get", "", "persistentvolumeclaims", "default")}

    assert granted("kubernetes-remove.yaml") == needed
