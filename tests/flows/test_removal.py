"""Removal as stories: the world before the deploy is left, wherever a run was stopped, and nobody else's is touched."""

from __future__ import annotations

import base64
import json

import pytest
import yaml
from prefect.client.orchestration import get_client

from arcfleet.app import removal as command
from arcfleet.core.planning.plan import Disposition
from arcfleet.core.reasons import Reason
from arcfleet.core.removing.removals import Asked
from arcfleet.core.runs.outcomes import Result, Status
from arcfleet.gateways import connect
from flows.remove_fleet import remove_fleet
from tasks import journal
from tests.conftest import fleet_of, fleet_text, settings_of
from tests.flows.test_ensure import CHAIN, nested
from tests.flows.test_least_privilege import kubernetes
from tests.flows.test_planning import calls_of, writes_of
from tests.flows.world_state import CLUSTERS, REGISTRIES, call, world_of

FAST = {"extensionInstall": 60, "extensionDelete": 20}
ALL = Asked(workloads=True)
ASK = {"confirm": "test", "workloads": True}
REGISTRY = f"{REGISTRIES}/acreu1"
DEPLOYMENTS, SECRETS = "apis/apps/v1/namespaces/default/deployments", "api/v1/namespaces/default/secrets"


def endpoint_on(world):
    """What a removal leaves on, as it is the whole registry's."""
    world["registries"][0]["dataEndpointEnabled"] = True


async def planned(sim, text, asked=ALL):
    async with get_client() as client, journal.opened(client) as opened, connect(settings_of(sim), opened) as gateways:
        return await command.make(gateways, fleet_of(text), asked)


async def deployed(simulate, deploy, text, **change):
    """Return a simulator with a deployed fleet, and the world as it was before."""
    sim = simulate(fleet_of(text), change=endpoint_on, **{**FAST, **change})
    before = world_of(sim, len(fleet_of(text).sites))
    report = await deploy(sim, text)
    assert report.result is Result.COMPLETED, [outcome.finding for outcome in report.outcomes]
    return sim, before


@pytest.mark.parametrize("text", [fleet_text(2), nested({}, 2), nested(CHAIN)], ids=["plain", "ensure", "nested"])
async def test_a_removal_leaves_the_world_before_the_deploy_by_the_calls_of_its_plan_and_a_second_does_nothing(
    simulate, deploy, recorder, text
):
    sim, before = await deployed(simulate, deploy, text)
    sites = [site.name for site in fleet_of(text).sites]
    assert world_of(sim, len(sites)) != before
    plan, written = await planned(sim, text), writes_of(sim)
    assert plan.counts == {Disposition.REMOVE: len(sites)}
    recorder.steps.clear()

    report = await deploy(sim, text, flow=remove_fleet, **ASK)

    assert [outcome.status for outcome in report.outcomes] == [Status.SUCCEEDED] * len(sites)
    assert world_of(sim, len(sites)) == before
    assert writes_of(sim) - written == calls_of(plan)
    if text == nested(CHAIN):
        order = [site for site, _ in recorder.steps]
        assert order == sorted(order, reverse=True)

    sim.post("/counters/reset")
    again = await deploy(sim, text, flow=remove_fleet, **ASK)

    assert [(outcome.status, outcome.changes) for outcome in again.outcomes] == [
        (Status.NOOP, ("nothing left to remove",))
    ] * len(sites)
    assert (sim.counters()["writes"], sim.counters()["unknownRoutes"]) == (0, 0)
    assert (await planned(sim, text)).counts == {Disposition.NOOP: len(sites)}


async def test_a_removed_site_can_be_deployed_again(simulate, deploy):
    text = nested({}, 1)
    sim, _ = await deployed(simulate, deploy, text)
    await deploy(sim, text, flow=remove_fleet, **ASK)

    assert (await deploy(sim, text)).outcomes[0].status is Status.SUCCEEDED


async def test_a_removal_that_ends_at_every_step_is_continued_by_the_next(simulate, deploy, recorder):
    text = nested({"s2": "s1"}, 2)
    sim, before = await deployed(simulate, deploy, text)
    begin, ended = recorder.begin, []

    def end_once(site, step):
        begin(site, step)
        if step != "observe" and (site, str(step)) not in ended:
            ended.append((site, str(step)))
            raise RuntimeError(f"{site} ends before {step}")

    recorder.begin = end_once
    reports = [await deploy(sim, text, flow=remove_fleet, **ASK)]
    while reports[-1].result is not Result.COMPLETED and len(reports) < 40:
        reports.append(await deploy(sim, text, flow=remove_fleet, **ASK))

    # A run ends as a step begins; the next one carries it out and ends as the one after it begins.
    steps = [
        "remove workloads", "remove logins", "delete extension", "deactivate", "delete connected registry",
        "delete tokens", "clear journal",
    ]  # fmt: skip
    assert ended == [("s2", step) for step in steps] + [("s1", step) for step in steps]
    assert len(reports) == len(ended) + 1
    assert world_of(sim, 2) == before


@pytest.mark.parametrize("effect", [{"reset": "after"}, {"status": 503, "body": {}}], ids=["lost", "busy"])
async def test_answers_that_are_lost_and_services_that_are_busy_stop_nothing(simulate, deploy, effect):
    text = nested({}, 1)
    sim, before = await deployed(simulate, deploy, text)
    for path in ("extensions/", "connectedRegistries/", "tokens/", "scopeMaps/", "/deployments/", "/secrets/"):
        sim.fault({"method": "DELETE", "path": path, "times": 1, "effect": effect})

    report = await deploy(sim, text, flow=remove_fleet, **ASK)

    assert report.result is Result.COMPLETED, report.outcomes[0].finding
    assert world_of(sim) == before


GONE = {
    "extension": f"{CLUSTERS}/k-s1/providers/Microsoft.KubernetesConfiguration/extensions/plant1",
    "connected registry": f"{REGISTRY}/connectedRegistries/plant1",
    "client token": f"{REGISTRY}/tokens/plant1-pull",
}


@pytest.mark.parametrize("path", GONE.values(), ids=GONE)
async def test_what_somebody_else_has_deleted_already_is_done(simulate, deploy, path):
    text = nested({}, 1)
    sim, before = await deployed(simulate, deploy, text)
    call(sim, "DELETE", path)
    sim.step(120)

    report = await deploy(sim, text, flow=remove_fleet, **ASK)

    assert report.result is Result.COMPLETED, report.outcomes[0].finding
    assert world_of(sim) == before


async def test_what_vanishes_between_plan_and_deletion_is_done(simulate, deploy):
    text = nested({}, 1)
    sim, _ = await deployed(simulate, deploy, text)
    missing = {"status": 404, "body": {"error": {"code": "ResourceNotFound", "message": "gone"}}}
    for path in ("connectedRegistries/", "tokens/", "scopeMaps/"):
        sim.fault({"method": "DELETE", "path": path, "effect": missing})
    sim.fault({"method": "POST", "path": "deactivate", "effect": missing})

    report = await deploy(sim, text, flow=remove_fleet, confirm="test")

    assert report.outcomes[0].status is Status.SUCCEEDED, report.outcomes[0].finding


async def test_a_cluster_that_azure_no_longer_knows_has_no_extension(simulate, deploy):
    text = nested({}, 1)
    sim = simulate(fleet_of(text), change=endpoint_on, **FAST)
    await deploy(sim, text)
    call(sim, "DELETE", GONE["extension"])
    sim.step(120)
    missing = {"status": 404, "body": {"error": {"code": "ResourceNotFound", "message": "no such cluster"}}}
    sim.fault({"path": "connectedClusters/k-s1", "effect": missing})

    report = await deploy(sim, text, flow=remove_fleet, confirm="test")

    assert report.result is Result.COMPLETED, report.outcomes[0].finding


def encoded(auths):
    return base64.b64encode(json.dumps({"auths": auths}).encode()).decode()


async def test_a_login_of_another_registry_and_workloads_of_others_survive(simulate, deploy):
    text = fleet_text(1, workloads=[{"name": name, "image": f"app/{name}:1"} for name in ("web", "api")])
    sim = simulate(fleet_of(text), **FAST)
    other = {"username": "u", "password": "p", "auth": base64.b64encode(b"u:p").decode()}
    kinds = {"fieldManager": "kubectl-create"}
    with kubernetes(sim) as api:
        secret = {
            "metadata": {"name": "regcred"}, "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": encoded({"ghcr.io": other})},
        }  # fmt: skip
        api.post(SECRETS, params=kinds, json=secret).raise_for_status()
    before = world_of(sim)
    await deploy(sim, text)
    with kubernetes(sim) as api:
        # Somebody replaces one of the workloads by an own one of the same name.
        body = api.get(f"{DEPLOYMENTS}/api").json()
        api.delete(f"{DEPLOYMENTS}/api").raise_for_status()
        sim.step(60)
        body["metadata"] = {"name": "api", "labels": {"app": "api"}}
        api.post(DEPLOYMENTS, params=kinds, json=body).raise_for_status()
    plan = await planned(sim, text)

    await deploy(sim, text, flow=remove_fleet, **ASK)

    after = world_of(sim)
    left = {address for address in after if address not in before}
    assert "Deployment default/api: not applied by arcfleet alone" in plan.sites["s1"].kept
    assert "pull secret default/regcred, but for that login: others wrote it too" in plan.sites["s1"].kept
    assert {address.rpartition("-")[0].partition("-")[2] for address in left} >= {"s1 default/replicasets/api"}
    assert "k-s1 default/deployments/api" in left
    assert "k-s1 default/deployments/web" not in after
    secret = "k-s1 default/secrets/regcred"
    kept = json.loads(base64.b64decode(after[secret]["data"][".dockerconfigjson"]))
    assert kept == {"auths": {"ghcr.io": other}}
    assert {key: after[key] for key in before if key != secret} == {key: before[key] for key in before if key != secret}


async def test_without_being_asked_nothing_of_a_plain_site_goes_but_the_extension_and_our_password(simulate, deploy):
    text = fleet_text(1)
    sim, _ = await deployed(simulate, deploy, text)
    before = world_of(sim)
    plan = await planned(sim, text, Asked())

    report = await deploy(sim, text, flow=remove_fleet, confirm="test")

    after = world_of(sim)
    gone = {address for address in before if address not in after}
    assert report.outcomes[0].changes == (
        "extension", "activation", "password1 of the sync token", "journal of passwords",
    )  # fmt: skip
    assert GONE["extension"] in gone
    assert {address for address in gone if address.startswith("/")} == {GONE["extension"]}
    assert all("connected-registry" in address or "ipaddresses" in address for address in gone - {GONE["extension"]})
    assert plan.sites["s1"].kept == (
        "workloads web, pull secrets: --workloads removes what arcfleet applied",
        "connected registry: the site has no ensure; --connected-registry deletes it",
        "tokens and scope maps: the site has no ensure",
    )
    asked = await deploy(sim, text, flow=remove_fleet, confirm="test", connected_registry=True)
    assert asked.outcomes[0].changes == ("connected registry",)
    assert GONE["connected registry"] not in world_of(sim)
    assert GONE["client token"] in world_of(sim)


async def test_a_cluster_out_of_contact_is_left_out_whole_unless_it_is_abandoned(simulate, deploy):
    text = nested({}, 2)
    sim, before = await deployed(simulate, deploy, text)
    sim.site("k-s2", link=False)
    sim.site("k-s2", connectivity="Offline")
    held = world_of(sim, 2)

    report = await deploy(sim, text, flow=remove_fleet, **ASK)

    assert [outcome.status for outcome in report.outcomes] == [Status.SUCCEEDED, Status.DEFERRED]
    finding = report.outcomes[1].finding
    assert (finding.reason, "--abandon-offline" in finding.remedy) == (Reason.ARC_OFFLINE, True)
    after = world_of(sim, 2)
    of_second = [address for address in held if "plant2" in address or "k-s2" in address]
    assert of_second
    assert [address for address in of_second if address not in after] == []

    abandoned = await deploy(sim, text, flow=remove_fleet, abandon_offline=True, **ASK)

    assert abandoned.result is Result.COMPLETED
    left = world_of(sim, 2)
    assert {address for address in left if address.startswith("/")} == {each for each in before if each.startswith("/")}
    assert "k-s2 default/deployments/web" in left


async def test_nothing_above_what_stays_is_removed(simulate, deploy):
    text = nested({"s2": "s1"}, 2)
    sim, before = await deployed(simulate, deploy, text)
    held = world_of(sim, 2)

    alone = await deploy(sim, text, flow=remove_fleet, sites=["s1"], **ASK)

    assert alone.outcomes[0].status is Status.BLOCKED
    assert (alone.outcomes[0].finding.reason, "plant2" in alone.outcomes[0].finding.message) == (
        Reason.HAS_CHILDREN, True,
    )  # fmt: skip
    assert world_of(sim, 2) == held
    refusal = {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "no right to do that"}}}
    sim.fault({"method": "DELETE", "path": "connectedRegistries/plant2", "times": 1, "effect": refusal})

    failed = await deploy(sim, text, flow=remove_fleet, **ASK)

    assert [outcome.status for outcome in failed.outcomes] == [Status.BLOCKED, Status.FAILED]
    assert failed.outcomes[0].finding.reason is Reason.HAS_CHILDREN
    assert (await deploy(sim, text, flow=remove_fleet, **ASK)).result is Result.COMPLETED
    assert world_of(sim, 2) == before


async def test_a_registry_that_runs_elsewhere_is_not_cut_off(simulate, deploy):
    text = fleet_text(2, timeouts={"online": "2m"})
    sim, _ = await deployed(simulate, deploy, text)
    value = yaml.safe_load(text)
    # The file says that plant1 is at the second cluster, where nothing of that name is installed.
    value["sites"] = [{**value["sites"][0], "cluster": value["sites"][1]["cluster"]}]
    held = world_of(sim, 2)

    report = await deploy(sim, yaml.safe_dump(value), flow=remove_fleet, confirm="test", connected_registry=True)

    assert (report.outcomes[0].status, report.outcomes[0].finding.reason) == (Status.FAILED, Reason.INSTANCE_ELSEWHERE)
    assert world_of(sim, 2) == held


async def test_an_extension_of_another_type_is_not_deleted(simulate, deploy):
    text = fleet_text(1)
    sim, _ = await deployed(simulate, deploy, text)
    dapr = {"name": "plant1", "properties": {"extensionType": "microsoft.dapr", "provisioningState": "Succeeded"}}
    sim.fault({"method": "GET", "path": "extensions/plant1", "effect": {"status": 200, "body": dapr}})
    before = writes_of(sim)

    report = await deploy(sim, text, flow=remove_fleet, confirm="test")

    assert (report.outcomes[0].status, report.outcomes[0].finding.reason) == (Status.BLOCKED, Reason.FOREIGN)
    assert writes_of(sim) == before


async def test_unless_the_fleet_s_name_is_given_nothing_is_removed(simulate, deploy, recorder, tmp_path):
    text = fleet_text(1)
    sim, _ = await deployed(simulate, deploy, text)
    before, reports = writes_of(sim), len(recorder.reports)

    state = await remove_fleet(str(tmp_path / "fleet.yaml"), confirm="tset", return_state=True)

    assert state.is_failed()
    assert "'tset' is not the name of the fleet; nothing was removed" in state.message
    assert len(recorder.reports) == reports
    assert writes_of(sim) == before
