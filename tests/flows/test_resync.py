"""A sync that failed is asked for once more, and only then told; the API version that shows it is a preview."""

from __future__ import annotations

import pytest

from arcfleet.core.findings import Grade
from arcfleet.core.fleet.manifest import Fleet
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Status
from arcfleet.gateways import connect
from simulator import Simulator
from tests.conftest import fleet_of, fleet_text, settings_of
from tests.flows.test_least_privilege import actions, principals

RESYNC = "arm POST resync"
PREVIEW = "2026-01-01-preview"
TEXT = fleet_text(1, timeouts={"sync": "20m"})


async def state_of(sim: Simulator, fleet: Fleet) -> str | None:
    """Return how the last sync of the site's connected registry ended, as the real client shows it."""
    async with connect(settings_of(sim).model_copy(update={"registry_api": PREVIEW})) as gateways:
        listed = await gateways.registries.connected_registries(fleet.sites[0].registry_ref, max_age=0)
    return listed["plant1"].sync_state


async def failed_once(sim: Simulator) -> None:
    """Have a full sync fail, for want of room that there is again afterwards."""
    sim.site("k-s1", disk="full")
    async with connect(settings_of(sim)) as gateways:
        await gateways.registries.resync(fleet_of(TEXT).sites[0].registry_ref, "plant1")
    sim.step(60)
    sim.site("k-s1", disk="ok")
    sim.step(120)


async def test_a_failed_sync_is_asked_for_once_more_and_then_the_image_is_there(simulate, deploy, monkeypatch):
    monkeypatch.setenv("ARCFLEET_REGISTRY_API", PREVIEW)
    sim = simulate(fleet_of(TEXT), extensionInstall=60)
    await deploy(sim, TEXT)
    await failed_once(sim)
    assert await state_of(sim, fleet_of(TEXT)) == "Failed"
    sim.push("acreu1", "app/web", "stable")
    sim.post("/counters/reset")

    report = await deploy(sim, TEXT)

    assert report.outcomes[0].status is Status.SUCCEEDED, report.outcomes[0].finding
    assert sim.counters()["byKind"][RESYNC] == 1
    assert [finding.grade for finding in report.outcomes[0].images] == [Grade.A]
    assert await state_of(sim, fleet_of(TEXT)) == "Succeeded"


def refused(sim: Simulator) -> list[str]:
    """Return what was asked of the world without the right to."""
    return [entry["path"] for entry in sim.audit() if entry["status"] in {401, 403}]


async def test_to_ask_takes_the_rights_of_the_deploy_and_resync_files_and_no_more(simulate, deploy, monkeypatch):
    monkeypatch.setenv("ARCFLEET_REGISTRY_API", PREVIEW)
    sim = simulate(fleet_of(TEXT), extensionInstall=60)
    await deploy(sim, TEXT)
    await failed_once(sim)
    sim.push("acreu1", "app/web", "stable")
    sim.post("/principals", {"principals": principals(actions("deploy", "resync"))})

    report = await deploy(sim, TEXT)

    assert report.outcomes[0].status is Status.SUCCEEDED, report.outcomes[0].finding
    assert (sim.counters()["byKind"][RESYNC], refused(sim)) == (2, [])  # The story's own, and that of the deploy.


async def test_without_the_right_to_ask_only_a_failed_sync_is_told_with_the_refusal(simulate, deploy, monkeypatch):
    monkeypatch.setenv("ARCFLEET_REGISTRY_API", PREVIEW)
    sim = simulate(fleet_of(TEXT), extensionInstall=60)
    await deploy(sim, TEXT)
    sim.post("/principals", {"principals": principals(actions("deploy"))})
    sim.push("acreu1", "app/web", "stable")
    well = await deploy(sim, TEXT)
    unasked = refused(sim)
    sim.post("/principals", {"principals": []})
    await failed_once(sim)
    sim.post("/principals", {"principals": principals(actions("deploy"))})
    sim.push("acreu1", "app/web", "stable")

    finding = (await deploy(sim, TEXT)).outcomes[0].finding

    assert (well.outcomes[0].status, unasked) == (Status.SUCCEEDED, [])
    assert (finding.rule, finding.reason) == ("S8", Reason.SYNC_FAILED)
    assert actions("resync")[0] in " ".join(finding.evidence)
    assert finding.remedy == "az acr connected-registry resync --registry acreu1 --name plant1"


@pytest.mark.parametrize("version", [None, PREVIEW], ids=["stable", "preview"])
async def test_the_sdk_speaks_either_version(simulate, version):
    sim = simulate(fleet_of(TEXT))
    async with connect(settings_of(sim).model_copy(update={"registry_api": version})) as gateways:
        ref = fleet_of(TEXT).sites[0].registry_ref
        assert (await gateways.registries.registry(ref)).sku == "Premium"
        listed = await gateways.registries.connected_registries(ref, max_age=0)
        assert len(await gateways.registries.tokens(ref, max_age=0)) == 2

    assert listed["plant1"].sync_state == (version and "NotActivated")
    assert sim.counters()["unknownRoutes"] == 0
