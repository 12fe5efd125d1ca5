"""A deploy works with exactly the rights of deployments/roles; with any one less it ends before anything is minted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from arcfleet.app import audit, status
from arcfleet.app import plan as planning
from arcfleet.core.planning.plan import Disposition
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import FleetReport, Result, Status
from arcfleet.gateways import connect
from simulator import Simulator
from tests.conftest import SUBSCRIPTION, fleet_of, fleet_text, settings_of

ROLES = Path(__file__).parents[2] / "deployments" / "roles"
RBAC = "apis/rbac.authorization.k8s.io/v1"
TEXT = fleet_text(1)
CHANGED = {"settings": {"pvc.storageRequest": "300Gi"}}
UNCHECKED = {"Microsoft.Authorization/permissions/read", "Microsoft.Resources/subscriptions/providers/read"}
"""Without these the preflight checks less, and a deploy goes on."""


def actions(*names: str) -> list[str]:
    """Return the actions of role files."""
    return [action for name in names for action in json.loads((ROLES / f"arcfleet-{name}.json").read_text())["Actions"]]


def principals(granted: Iterable[str]) -> list[dict[str, Any]]:
    """Return the principals of a world whose caller has these actions in the two resource groups, and no others."""
    groups = [f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}" for name in ("rg-acr", "rg-arc")]
    roles = [{"scope": group, "actions": list(granted)} for group in groups]
    return [{"clientId": "arcfleet", "token": "unsigned", "roles": roles}]


def as_role(granted: Iterable[str]) -> Callable[[dict[str, Any]], None]:
    """Return a change of a world: the caller has these actions, and a user of his own in each cluster."""
    held = list(granted)

    def change(world: dict[str, Any]) -> None:
        world["principals"] = principals(held)
        for cluster in world["clusters"]:
            cluster["kubernetes"]["user"] = {"name": "arcfleet", "role": "cluster-admin"}

    return change


def grant(sim: Simulator, *names: str, without: tuple[str, str] = ("", "")) -> None:
    """Apply role files to the cluster, but for one (resource, verb), and take the kubeconfig's own rights away.

    Those of a deploy where none is named.
    """
    with kubernetes(sim) as api:
        for name in names or ("workload", "preflight"):
            for item in yaml.safe_load_all((ROLES / f"kubernetes-{name}.yaml").read_text()):
                namespace = item["metadata"].get("namespace")
                place = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
                body = item | {"rules": list(_less(item.get("rules", ()), *without))} if "rules" in item else item
                api.post(f"{place}/{item['kind'].lower()}s", json=body).raise_for_status()
        api.delete(f"{RBAC}/clusterrolebindings/arcfleet:cluster-admin").raise_for_status()
        assert api.get("api/v1/namespaces").status_code == 403


def _less(rules: Iterable[dict[str, Any]], resource: str, verb: str) -> Iterable[dict[str, Any]]:
    for rule in rules:
        others = [name for name in rule["resources"] if name != resource]
        verbs = [name for name in rule["verbs"] if name != verb]
        if others:
            yield rule | {"resources": others}
        if len(others) < len(rule["resources"]) and verbs:
            yield rule | {"resources": [resource], "verbs": verbs}


def kubernetes(sim: Simulator, number: int = 1) -> httpx.Client:
    """Return a client of a cluster, the first one where not said, as the user of its kubeconfig."""
    config = yaml.safe_load(httpx.get(f"{sim.control}/kubeconfig", trust_env=False).text)
    headers = {"Authorization": f"Bearer {config['users'][number - 1]['user']['token']}"}
    server = config["clusters"][number - 1]["cluster"]["server"]
    return httpx.Client(base_url=server, headers=headers, trust_env=False)


def told(report: FleetReport) -> str:
    """Return all that a report says of its first site."""
    finding = report.outcomes[0].finding
    assert finding is not None
    assert finding.reason in {Reason.FORBIDDEN, Reason.AUTHENTICATION}
    assert finding.remedy
    return f"{finding.message} {finding.remedy}"


def written(sim: Simulator) -> list[str]:
    """Return what was written, roles aside: the test itself has written those."""
    return [entry["path"] for entry in sim.audit() if entry["write"] and "rbac.authorization" not in entry["path"]]


async def test_a_full_deploy_works_with_exactly_the_rights_of_the_role_files(simulate, deploy):
    sim = simulate(fleet_of(TEXT), change=as_role(actions("deploy")), extensionInstall=60)
    grant(sim)

    report = await deploy(sim, TEXT)
    changed = await deploy(sim, fleet_text(1, extension=CHANGED))

    assert report.result is Result.COMPLETED, report.outcomes[0].finding
    assert [outcome.status for outcome in (*report.outcomes, *changed.outcomes)] == [Status.SUCCEEDED] * 2
    refused = [entry["path"] for entry in sim.audit() if entry["status"] in {401, 403}]
    assert refused == ["/kube/k-s1/api/v1/namespaces"]  # The test's own question.
    assert sim.counters()["byKind"]["arm GET registries"] >= 1


@pytest.mark.parametrize("action", [action for action in actions("deploy") if action not in UNCHECKED])
async def test_without_any_one_action_nothing_is_minted_and_the_action_is_named(simulate, deploy, action):
    rest = [other for other in actions("deploy") if other != action]
    sim = simulate(fleet_of(TEXT), change=as_role(rest), extensionInstall=60)
    grant(sim)

    report = await deploy(sim, TEXT)

    assert action in told(report)
    assert written(sim) == []


KUBERNETES = [
    (resource, verb)
    for resource, verbs in {"secrets": "get create patch", "deployments": "get create patch", "pods": "list"}.items()
    for verb in verbs.split()
]


@pytest.mark.parametrize(("resource", "verb"), KUBERNETES)
async def test_without_any_one_right_in_the_cluster_nothing_is_minted_and_the_right_is_named(
    simulate, deploy, resource, verb
):
    sim = simulate(fleet_of(TEXT), change=as_role(actions("deploy")), extensionInstall=60)
    grant(sim, without=(resource, verb))

    report = await deploy(sim, TEXT)

    message = told(report)
    assert f"{verb} {resource}" in message or f'cannot {verb} resource "{resource}"' in message
    assert written(sim) == []


@pytest.mark.parametrize("action", sorted(UNCHECKED))
async def test_without_a_right_that_only_the_preflight_uses_a_deploy_goes_on(simulate, deploy, action):
    rest = [other for other in actions("deploy") if other != action]
    sim = simulate(fleet_of(TEXT), change=as_role(rest), extensionInstall=60)
    grant(sim, without=("nodes", "list"))

    report = await deploy(sim, TEXT)

    assert report.result is Result.COMPLETED, report.outcomes[0].finding


async def test_planning_status_and_audit_need_no_more_than_the_plan_role(simulate, deploy):
    sim = simulate(fleet_of(TEXT), extensionInstall=60)
    await deploy(sim, TEXT)
    sim.post("/principals", {"principals": principals(actions("plan"))})
    before = written(sim)

    async with connect(settings_of(sim)) as gateways:
        settled = await planning.make(gateways, fleet_of(TEXT))
        shown = await status.read(gateways, fleet_of(TEXT))
        found = await audit.make(gateways, fleet_of(TEXT))
        changed = await planning.make(gateways, fleet_of(fleet_text(1, extension=CHANGED)))

    assert settled.counts == {Disposition.NOOP: 1}
    assert [site.finding for site in shown.sites] == [None]
    assert [(site.finding, site.drift) for site in found.sites] == [(None, ())]
    # The rights to make a change are those of the identity that plans: this one has none.
    finding = changed.sites["s1"].finding
    assert (finding.rule, finding.reason) == ("N5", Reason.FORBIDDEN)
    assert "Microsoft.ContainerRegistry/registries/generateCredentials/action" in finding.message
    assert written(sim) == before
