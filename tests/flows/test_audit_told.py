"""What an audit tells besides what a repair puts right: who, when, what to do, what is unknown; and what it costs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowFilter, FlowFilterName
from prefect.client.schemas.sorting import FlowRunSort

from arcfleet.app import audit as auditing
from arcfleet.core.auditing import fleet_audit
from arcfleet.core.auditing.audit import SiteAudit, Unknown
from arcfleet.core.auditing.fleet_audit import FleetAudit
from arcfleet.core.differences import Difference, Kind
from arcfleet.core.facts import Trace
from arcfleet.core.reasons import Reason
from flows.audit_fleet import audit_fleet
from tests.conftest import fleet_of, fleet_text
from tests.flows.audit_world import (
    FAST,
    MANIFEST,
    REGISTRY,
    Change,
    audited,
    starter,
)


@pytest.fixture
def world(simulate, deploy, tmp_path):
    """Deploys a site, and returns who changes it behind our back, and its fleet file's text."""
    return starter(simulate, deploy, tmp_path)


def disable(token: str) -> Change:
    return lambda b: b.azure("PATCH", f"{REGISTRY}/tokens/{token}", {"properties": {"status": "disabled"}})


TOLD: dict[str, tuple[Kind, str, str, Change]] = {
    "sync token disabled": (
        Kind.SYNC_TOKEN, "sync token plant1: disabled, not enabled",
        "az acr token update --registry acreu1 --name plant1 --status enabled", disable("plant1"),
    ),
    "client token disabled": (
        Kind.CLIENT_TOKEN, "client token plant1-pull: disabled, not enabled",
        "az acr token update --registry acreu1 --name plant1-pull --status enabled", disable("plant1-pull"),
    ),
    "scope map": (
        Kind.SCOPE_MAP, "without app/web, not with app/web",
        "az acr connected-registry permissions update --registry acreu1 --name plant1 --add app/web",
        lambda b: b.azure(
            "PATCH", f"{REGISTRY}/scopeMaps/plant1", {"properties": {"actions": ["gateway/plant1/config/read"]}}
        ),
    ),
    "client token unassigned": (
        Kind.CLIENT_TOKEN, "client token: none assigned, not one", "--add-client-tokens",
        lambda b: b.azure(
            "PATCH", f"{REGISTRY}/connectedRegistries/plant1", {"properties": {"clientTokenIds": []}}
        ),
    ),
    "image of a pod": (
        Kind.DIGEST, "runs sha256:000", "kubectl --context k-s1 --namespace default delete pod web-",
        lambda b: b.other_image_id(),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "line", "remedy", "change"), TOLD.values(), ids=TOLD)
async def test_what_a_deploy_does_not_put_right_is_told_with_what_does(world, tmp_path, kind, line, remedy, change):
    behind, text = await world()
    behind.sim.step(600)
    change(behind)

    found = await audited(behind.sim, text, tmp_path)

    (row,) = fleet_audit.rows(found)
    assert (row["kind"], line in row["what"], remedy in row["do"]) == (kind, True, True), row
    assert (auditing.exit_code(found), found.repairable) == (2, ())


async def test_who_changed_it_and_when_is_told_as_far_as_it_is_kept(world, tmp_path):
    behind, text = await world()
    behind.deployment({"replicas": 3})
    behind.extension(configurationSettings={"service.clusterIP": "10.96.0.77"})

    drift = {item.kind: item for item in (await audited(behind.sim, text, tmp_path)).sites[0].drift}

    assert drift[Kind.WORKLOAD].trace.by == "kubectl-edit"
    # Of an extension Azure keeps when, and not who.
    assert drift[Kind.CLUSTER_IP].trace.by == ""
    assert drift[Kind.CLUSTER_IP].trace.at > drift[Kind.WORKLOAD].trace.at


async def test_a_site_out_of_contact_is_audited_in_azure_and_the_rest_is_said_to_be_unknown(world, tmp_path):
    behind, text = await world()
    behind.extension(autoUpgradeMinorVersion=False)
    behind.sim.site("k-s1", connectivity="Offline")

    (site,) = (await audited(behind.sim, text, tmp_path)).sites

    assert [item.kind for item in site.drift] == [Kind.AUTO_UPGRADE]
    assert "pull secrets and workloads" in [item.what for item in site.unknown]


async def test_one_site_that_cannot_be_audited_hides_no_other(simulate, deploy, tmp_path):
    text = fleet_text(3)
    sim = simulate(fleet_of(text), **FAST)
    await deploy(sim, text)
    sim.site("k-s1", reachable=False)
    ghost = text.replace("plant3", "ghost3")

    found = await audited(sim, ghost, tmp_path)

    assert [bool(site.finding) for site in found.sites] == [True, False, False]
    assert [item.kind for item in found.sites[2].drift] == [Kind.CONNECTED_REGISTRY]
    assert auditing.exit_code(found) == 1


async def test_an_audit_writes_nothing_and_costs_a_few_reads(world, tmp_path):
    behind, text = await world()
    behind.sim.post("/counters/reset")

    await audited(behind.sim, text, tmp_path)

    counters = behind.sim.counters()
    assert counters["writes"] == 0
    assert {kind: count for kind, count in counters["byKind"].items() if kind.startswith("arm LIST")} == {
        "arm LIST connectedRegistries": 1, "arm LIST scopeMaps": 1, "arm LIST tokens": 1,
    }  # fmt: skip


async def test_a_flow_that_reports_changes_nothing_and_shows_a_table_and_a_page(world, deploy, recorder):
    behind, text = await world()
    behind.core("DELETE", "services/web")
    reports, writes = len(recorder.reports), behind.sim.counters()["writes"]

    await deploy(behind.sim, text, flow=audit_fleet)

    async with get_client() as client:
        # By its flow and its run: a server that has served other stories shows its first 200 of each only.
        audits = FlowFilter(name=FlowFilterName(any_=["audit-fleet"]))
        (run,) = await client.read_flow_runs(flow_filter=audits, sort=FlowRunSort.START_TIME_DESC, limit=1)
        shown = await client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        )
    assert (run.state.name, run.state.message) == ("Drift", "1 of 1 site differs from the file")
    assert (len(recorder.reports), behind.sim.counters()["writes"]) == (reports, writes)
    assert {item.type for item in shown} == {"table", "markdown"}
    assert all("Service default/web is missing" in str(item.data) for item in shown)


async def test_fields_that_others_owned_first_are_not_taken_by_a_repair(world, deploy, tmp_path):
    behind, text = await world()
    # Somebody's field, which a new manifest wants otherwise: that is a conflict, not a drift of ours.
    behind.container(env=[{"name": "REGION", "value": "eu"}])
    more = MANIFEST.replace("{name: COLOUR, value: blue}", "{name: COLOUR, value: blue}, {name: REGION, value: us}")
    (tmp_path / "web.yaml").write_text(more)

    report = await deploy(behind.sim, text, flow=audit_fleet, policy="repair")

    assert report.outcomes[0].finding.reason is Reason.CONFLICT


def test_the_json_of_an_audit_is_a_contract():
    trace = Trace("kubectl-edit", datetime(2026, 11, 24, 10, tzinfo=UTC))
    drift = Difference(Kind.WORKLOAD, "workload web: spec.replicas", "3", "1", trace)
    made = FleetAudit("f", datetime(2026, 11, 24, 12, tzinfo=UTC), (SiteAudit("s1", (drift,), (Unknown("a", "b"),)),))

    assert fleet_audit.to_json(made) == {
        "schema": 1,
        "fleet": "f",
        "madeAt": "2026-11-24T12:00:00+00:00",
        "counts": {"sites": 1, "drifted": 1, "failed": 0, "differences": 1},
        "sites": [
            {
                "site": "s1",
                "drift": [
                    {
                        "kind": "workload", "what": "workload web: spec.replicas", "found": "3", "wanted": "1",
                        "by": "kubectl-edit", "at": "2026-11-24T10:00:00+00:00", "repairedByDeploy": True, "remedy": "",
                    }
                ],
                "unknown": [{"what": "a", "why": "b"}],
                "finding": None,
            }
        ],
    }  # fmt: skip
