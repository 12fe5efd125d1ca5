"""A plan writes nothing, costs few reads, and says exactly what a deploy then does."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from prefect.artifacts import Artifact

from arcfleet.app import plan as planning
from arcfleet.core.planning.fleet_plan import FleetPlan
from arcfleet.core.planning.plan import Disposition
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Result, Status
from arcfleet.gateways import connect
from flows.plan_fleet import plan_fleet
from tests.conftest import fleet_of, fleet_text, settings_of, use

KUBE = re.compile(r"/kube/(?P<cluster>[^/]+)/(api|apis/[^/]+)/v1/(?P<rest>namespaces/[^/]+/[^/]+)(/(?P<name>[^/?]+))?")


async def planned(sim, text) -> FleetPlan:
    async with connect(settings_of(sim)) as gateways:
        return await planning.make(gateways, fleet_of(text))


def calls_of(plan: FleetPlan) -> Counter[tuple[str, str]]:
    """Return the calls of a plan as the simulator's audit names them, secrets by their namespace."""
    found: Counter[tuple[str, str]] = Counter()
    for site in plan.changing:
        for call in site.calls:
            if call.is_azure:
                found[call.method, call.target.lower()] += 1
            else:
                found["KUBE", call.target.rpartition("/")[0] if "/secrets/" in call.target else call.target] += 1
    return found


def writes_of(sim) -> Counter[tuple[str, str]]:
    """Return the writes that the simulator has answered; a dry run and a review are none."""
    found: Counter[tuple[str, str]] = Counter()
    for entry in sim.audit():
        if not entry["write"]:
            continue
        path = entry["path"]
        match = KUBE.match(path)
        if match:
            target = f"{match['cluster']} {match['rest']}"
            whole = "secrets" in target or match["name"] is None
            found["KUBE", target if whole else f"{target}/{match['name']}"] += 1
        else:
            found[entry["method"], path.lower()] += 1
    return found


async def test_a_deploy_makes_exactly_the_calls_of_its_plan(simulate, deploy):
    workloads = [{"name": "web", "image": "app/web:stable"}, {"name": "api", "namespace": "shop", "image": "app/api:1"}]
    text = fleet_text(3, workloads=workloads)
    sim = simulate(fleet_of(text), extensionInstall=60)
    fresh = await planned(sim, text)
    assert writes_of(sim) == Counter()

    report = await deploy(sim, text)

    assert report.result is Result.COMPLETED
    assert writes_of(sim) == calls_of(fresh)
    # Then a change of each kind: a setting, an image, a workload that somebody deleted.
    sim.post("/images", {"registry": "acreu1", "repository": "app/web", "tag": "stable"})
    changed = fleet_text(3, workloads=workloads, extension={"settings": {"pvc.storageRequest": "300Gi"}})
    before = writes_of(sim)
    update = await planned(sim, changed)
    assert (await deploy(sim, changed)).result is Result.COMPLETED
    assert writes_of(sim) - before == calls_of(update)
    assert (await planned(sim, changed)).counts == {Disposition.NOOP: 3}


async def test_a_plan_takes_one_list_per_registry_and_two_azure_reads_per_site(simulate):
    text = fleet_text(8)
    sim = simulate(fleet_of(text))

    plan = await planned(sim, text)

    counters = sim.counters()
    kinds = counters["byKind"]
    assert plan.counts == {Disposition.CREATE: 8}
    assert counters["writes"] == 0
    assert counters["unknownRoutes"] == 0
    for kinds_of_site in counters["bySite"].values():
        assert sum(count for kind, count in kinds_of_site.items() if kind.startswith("arm")) == 2
    lists = {kind: count for kind, count in kinds.items() if kind.startswith("arm") and "connectedClusters" not in kind}
    per_site = {kind for kind in lists if "extensions" in kind}
    assert all(count <= 2 for kind, count in lists.items() if kind not in per_site), lists


BLOCKERS = {
    "no node": (lambda kube: kube.update(nodes=[{"name": "pi", "arch": "arm64"}]), Reason.NO_SUITABLE_NODE),
    "out of range": (lambda kube: kube.update(serviceCIDRs=["10.200.0.0/16"]), Reason.CLUSTER_IP_OUT_OF_RANGE),
    "taken": (
        lambda kube: kube.update(services=[{"namespace": "default", "name": "lp", "clusterIP": "10.96.0.50"}]),
        Reason.CLUSTER_IP_TAKEN,
    ),
    "storage": (lambda kube: kube.update(storageClasses=[]), Reason.STORAGE_CLASS),
}


@pytest.mark.parametrize(("change", "reason"), BLOCKERS.values(), ids=BLOCKERS)
async def test_a_prerequisite_that_is_missing_blocks_its_site_before_anything_is_written(
    simulate, deploy, change, reason
):
    text = fleet_text(2)
    sim = simulate(fleet_of(text), extensionInstall=60, change=lambda world: change(world["clusters"][1]["kubernetes"]))

    plan = await planned(sim, text)
    report = await deploy(sim, text)

    assert plan.sites["s2"].finding.reason is reason
    assert plan.sites["s2"].finding.remedy
    assert [outcome.status for outcome in report.outcomes] == [Status.SUCCEEDED, Status.BLOCKED]
    assert report.outcomes[1].finding.reason is reason
    assert not [path for method, path in writes_of(sim) if "k-s2" in path]


async def test_every_site_that_cannot_be_deployed_is_told_at_once(simulate):
    text = fleet_text(4).replace("plant4", "ghost4")
    sim = simulate(fleet_of(fleet_text(4)))
    sim.site("k-s2", connectivity="Offline")
    sim.fault({"path": "/kube/k-s3/.*/nodes", "effect": {"status": 200, "body": {"kind": "NodeList", "items": []}}})

    plan = await planned(sim, text)

    assert [site.disposition for site in plan.sites.values()] == [
        Disposition.CREATE, Disposition.DEFERRED, Disposition.BLOCKED, Disposition.BLOCKED,
    ]  # fmt: skip
    assert plan.sites["s4"].finding.reason is Reason.CONNECTED_REGISTRY_NOT_FOUND


async def test_all_that_a_site_lacks_is_told_together(simulate):
    def change(world):
        world["registries"][0]["images"] = []
        world["clusters"][0]["kubernetes"]["nodes"] = [{"name": "pi", "arch": "arm64"}]

    text = fleet_text(1, workloads=[{"name": name, "image": f"app/{name}:1"} for name in ("web", "api")])
    sim = simulate(fleet_of(text), change=change)

    site = (await planned(sim, text)).sites["s1"]

    assert [finding.reason for finding in (site.finding, *site.notes)] == [
        Reason.NOT_IN_CLOUD, Reason.NOT_IN_CLOUD, Reason.EMPTY_REGISTRY, Reason.NO_SUITABLE_NODE,
    ]  # fmt: skip


async def test_a_rollout_alone_is_asked_for_its_rights_and_not_for_what_an_installation_needs(simulate, deploy):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), extensionInstall=60)
    await deploy(sim, text)
    sim.push("acreu1", "app/web", "stable")
    sim.post("/counters/reset")

    plan = await planned(sim, text)

    kinds = sim.counters()["byKind"]
    assert plan.sites["s1"].because == ("workload web",)
    assert "kube POST selfsubjectaccessreviews" in kinds
    assert not {"kube LIST nodes", "kube LIST services", "arm GET providers", "registry GET _catalog"} & set(kinds)


async def test_missing_azure_rights_are_found_before_they_are_needed(simulate, deploy):
    def change(world):
        read = {"scope": "/", "actions": ["*/read"], "dataActions": ["*"]}
        world["principals"] = [{"clientId": "viewer", "token": "unsigned", "roles": [read]}]

    text = fleet_text(1)
    sim = simulate(fleet_of(text), change=change)

    report = await deploy(sim, text)

    finding = report.outcomes[0].finding
    assert report.outcomes[0].status is Status.BLOCKED
    assert finding.reason is Reason.FORBIDDEN
    assert "generateCredentials/action" in finding.message
    assert writes_of(sim) == Counter()


async def test_the_flow_publishes_the_plan_as_an_artifact(simulate, prefect_home, tmp_path, monkeypatch):
    text = fleet_text(2)
    sim = simulate(fleet_of(text))
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    use(monkeypatch, sim, tmp_path)

    state = await plan_fleet(str(path), return_state=True)

    made = await planned(sim, text)
    artifact = await Artifact.aget(key="plan-test")
    assert state.message == f"plan {made.id}: 2 create"
    assert made.id in artifact.description
    assert "+ create" in str(artifact.data)
    assert sim.counters()["writes"] == 0
