"""The extension was deleted behind our back: the activation stays, and a deploy says so and how to go on."""

from __future__ import annotations

import pytest

from arcfleet.app import status
from arcfleet.core.findings import Finding
from arcfleet.core.passwords import credentials
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import FleetReport, Status
from arcfleet.gateways import connect
from tests.conftest import fleet_of, fleet_text, settings_of
from tests.flows.audit_world import ACR, ARC, EXTENSION, REGISTRY, Behind, audited
from tests.flows.test_diagnosis import printed
from tests.flows.test_trouble import minted

TEXT = fleet_text(1)
DEACTIVATE = "az acr connected-registry deactivate --name plant1 --registry acreu1"


@pytest.fixture
async def world(simulate, deploy):
    """A deployed site whose extension somebody has deleted since."""
    sim = simulate(fleet_of(TEXT), extensionInstall=60, extensionDelete=30)
    report = await deploy(sim, TEXT)
    assert report.outcomes[0].status is Status.SUCCEEDED, report.outcomes[0].finding
    behind = Behind(sim)
    behind.azure("DELETE", EXTENSION, api=ARC)
    sim.step(300)
    return sim, behind


def blocked(report: FleetReport) -> Finding:
    """Return the finding of a site where nothing was begun, as another instance holds its activation."""
    (outcome,) = report.outcomes
    assert outcome.finding is not None
    assert (outcome.status, outcome.finding.reason) == (Status.BLOCKED, Reason.INSTANCE_ELSEWHERE), outcome.finding
    return outcome.finding


async def test_nothing_is_minted_and_what_is_printed_says_what_to_do(world, deploy):
    sim, _ = world
    before = minted(sim)

    report = await deploy(sim, TEXT)

    finding, page = blocked(report), printed(report)
    assert minted(sim) == before
    assert DEACTIVATE in finding.remedy
    assert all(
        said in page
        for said in (
            "still the activated one, though nothing is installed here",
            "[instance_elsewhere]",
            "plant1 is Offline and Active, last heard of at 2026-",
            "no extension plant1 on cluster k-s1",
            "az k8s-extension list --cluster-name k-s1 --resource-group rg-arc --cluster-type connectedClusters",
            DEACTIVATE,
        )
    ), page


async def test_after_the_deactivation_that_it_names_a_deploy_installs_again(world, deploy):
    sim, behind = world
    blocked(await deploy(sim, TEXT))
    before = minted(sim)

    behind.azure("POST", f"{REGISTRY}/connectedRegistries/plant1/deactivate", api=ACR)
    sim.step(60)
    again = await deploy(sim, TEXT)
    settled = await deploy(sim, TEXT)

    assert again.outcomes[0].status is Status.SUCCEEDED, again.outcomes[0].finding
    assert minted(sim) == before + 1  # The sync password; the pull secret's still works.
    assert settled.outcomes[0].status is Status.NOOP


async def test_status_and_audit_tell_the_same(world, tmp_path):
    sim, _ = world

    async with connect(settings_of(sim)) as gateways:
        (standing,) = (await status.read(gateways, fleet_of(TEXT))).sites
    (site,) = (await audited(sim, TEXT, tmp_path)).sites

    assert standing.finding is not None
    assert standing.finding.reason is Reason.INSTANCE_ELSEWHERE
    assert DEACTIVATE in standing.finding.remedy
    assert [found.rule for found in standing.chain if found.subject == "extension"] == ["E1"]
    (gone,) = [item for item in site.drift if item.kind == "extension"]
    assert DEACTIVATE in gone.remedy


async def test_one_that_runs_here_under_another_name_is_taken_up_under_that_name(world, deploy):
    sim, _ = world
    text = fleet_text(1, extension={"name": "plant1-new"})
    (site,) = fleet_of(text).sites
    Behind(sim).azure("POST", f"{REGISTRY}/connectedRegistries/plant1/deactivate", api=ACR)
    sim.step(60)
    async with connect(settings_of(sim)) as here:
        cr = (await here.registries.connected_registries(site.registry_ref, max_age=0))["plant1"]
        password = await here.registries.generate_password(site.registry_ref, cr.sync_token_id, "password2")
        string = credentials.connection_string(cr, getattr(password, "password", password))
        await here.extensions.apply(site, string, exists=False, on_status=lambda _: None)
    sim.step(600)
    before = minted(sim)

    finding = blocked(await deploy(sim, TEXT))
    taken_up = await deploy(sim, text)

    assert "in contact" in finding.message
    assert "set extension.name to that" in finding.remedy
    assert taken_up.outcomes[0].status in {Status.SUCCEEDED, Status.NOOP}, taken_up.outcomes[0].finding
    assert minted(sim) == before
