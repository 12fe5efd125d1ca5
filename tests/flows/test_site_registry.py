"""The site's own registry, asked where the fleet file says how: grade A before any pod has pulled, and S4, S5."""

from __future__ import annotations

import pytest

from arcfleet.app import status
from arcfleet.core.facts import Unread
from arcfleet.core.findings import Grade
from arcfleet.core.kube.workloads import Login
from arcfleet.core.names import ImageRef
from arcfleet.core.runs.outcomes import Status
from arcfleet.core.secret import Secret
from arcfleet.gateways import connect
from simulator import Simulator
from tests.conftest import fleet_of, fleet_text, settings_of

IMAGE = ImageRef("app/web", "stable")


def reachable(sim: Simulator, **options) -> str:
    """Return a fleet whose first site's registry can be asked."""
    return fleet_text(1, siteRegistry={"endpoint": f"{sim.url}/site/k-s1"}, **options)


def seldom(world) -> None:
    """Have the site sync every six hours only."""
    world["registries"][0]["connectedRegistries"][0]["schedule"] = "0 */6 * * *"


@pytest.fixture
async def world(simulate, deploy):
    """A deployed site, and the fleet file that says where its registry is."""
    sim = simulate(fleet_of(fleet_text(1)), extensionInstall=60, change=seldom)
    text = reachable(sim)
    report = await deploy(sim, text)
    assert report.outcomes[0].status is Status.SUCCEEDED, report.outcomes[0].finding
    return sim, text


async def test_a_rollout_begins_only_once_the_site_itself_says_that_it_has_the_image(world, deploy, recorder):
    sim, text = world
    sim.push("acreu1", "app/web", "stable")
    before = await images(sim, text)
    sim.step(7 * 3600)

    report = await deploy(sim, text)

    assert [(finding.rule, finding.grade) for finding in before] == [("S4", Grade.A)]
    assert report.outcomes[0].status is Status.SUCCEEDED, report.outcomes[0].finding
    assert "the site served this digest" in [message for _, message in recorder.waits]


async def images(sim: Simulator, text: str):
    """Return what `arcfleet status` says of the images of the first site."""
    async with connect(settings_of(sim)) as gateways:
        return (await status.read(gateways, fleet_of(text))).sites[0].images


async def test_the_site_answers_with_a_digest_or_that_it_has_none_and_refuses_a_wrong_password(world):
    sim, text = world
    site = fleet_of(text).sites[0]
    async with connect(settings_of(sim)) as gateways:
        login = await gateways.kubernetes.login(site, "default", "regcred")
        wrong = Login(login.username, Secret("not-the-password"))
        found = await gateways.site_registries.manifest(site, IMAGE, login)
        absent = await gateways.site_registries.manifest(site, ImageRef("app/web", "nope"), login)
        refused = await gateways.site_registries.manifest(site, IMAGE, wrong)
        cloud = await gateways.images.digest("acreu1.azurecr.io", IMAGE)

    assert not isinstance(found, Unread), found
    assert (found.served, found.digest) == ("digest", cloud)
    assert (absent.served, refused.served) == ("missing", "refused")


async def test_a_registry_that_does_not_answer_leaves_weaker_evidence_and_says_so(world):
    sim, text = world
    sim.push("acreu1", "app/web", "stable")
    sim.step(7 * 3600)

    (answered,) = await images(sim, text)
    (silent,) = await images(sim, text.replace(f"{sim.url}/site/k-s1", "http://127.0.0.1:9"))

    assert [(finding.rule, finding.grade) for finding in (answered, silent)] == [("S3", Grade.A), ("S7", Grade.D)]
    assert "the site's registry could not be asked" in silent.evidence[0]
