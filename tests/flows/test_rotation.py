"""Rotation as stories: no site is out of contact for a moment, and a failed proof stops the fleet with nothing lost."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from arcfleet.app import plan, status
from arcfleet.core.planning.plan import Disposition
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Result, Status
from arcfleet.gateways import connect
from flows.rotate_credentials import rotate_credentials
from tests.conftest import SUBSCRIPTION, fleet_of, fleet_text, settings_of

REGISTRY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry/registries/acreu1"
)
FAST = {"extensionInstall": 60, "extensionUpdate": 30}


async def read(sim, path):
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            f"{sim.url}{REGISTRY}/{path}?api-version=2025-11-01", headers={"Authorization": "Bearer x"}
        )
    return answer.json()


async def states(sim) -> Counter[str]:
    listed = await read(sim, "connectedRegistries")
    return Counter(item["properties"]["connectionState"] for item in listed["value"])


async def passwords(sim) -> dict[str, str]:
    found = await read(sim, "tokens/plant1")
    return {item["name"]: item["creationTime"] for item in found["properties"]["credentials"]["passwords"]}


async def test_no_site_is_out_of_contact_while_its_password_is_replaced(simulate, deploy):
    sites = 4
    text = fleet_text(sites)
    sim = simulate(fleet_of(text), **FAST)
    await deploy(sim, text)
    before, seen = await passwords(sim), Counter()

    async def watch():
        while True:
            seen.update(await states(sim))
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    report = await deploy(sim, text, flow=rotate_credentials, now=True, max_failures=1)
    watching.cancel()

    after = await passwords(sim)
    assert [outcome.status for outcome in report.outcomes] == [Status.SUCCEEDED] * sites
    assert set(seen) <= {"Online", "Syncing"}
    assert seen.total() >= 10 * sites
    assert after["password1"] == before["password1"]
    assert "password2" in after


async def test_the_old_password_ends_a_day_after_the_new_one_was_proved(simulate, deploy):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), **FAST)
    await deploy(sim, text)
    await deploy(sim, text, flow=rotate_credentials, now=True)
    rotated = await passwords(sim)

    at_once = await deploy(sim, text, flow=rotate_credentials)
    assert (at_once.outcomes[0].status, await passwords(sim)) == (Status.NOOP, rotated)
    sim.step(25 * 3600)
    report = await deploy(sim, text, flow=rotate_credentials)
    sim.step(600)

    retired = await passwords(sim)
    steps = [str(record.step) for record in report.outcomes[0].steps]
    # The second time it is the client token's.
    assert steps == ["observe", "retire password"] * 2
    assert retired["password2"] == rotated["password2"]
    assert retired["password1"] > rotated["password1"]
    assert await states(sim) == {"Online": 1}
    assert (await deploy(sim, text, flow=rotate_credentials)).outcomes[0].status is Status.NOOP


async def test_a_failed_proof_leaves_the_old_password_and_stops_the_fleet(simulate, deploy):
    text = fleet_text(3)
    sim = simulate(fleet_of(text), **FAST)
    await deploy(sim, text)
    before = await passwords(sim)
    sim.fault({"effect": {"extensionFails": {"cluster": "k-s1", "code": "InstallationFailed", "message": "no"}}})

    report = await deploy(sim, text, flow=rotate_credentials, now=True)
    sim.step(1200)

    assert [outcome.status for outcome in report.outcomes] == [Status.FAILED, Status.NOT_STARTED, Status.NOT_STARTED]
    assert report.outcomes[1].finding.reason is Reason.STOPPED
    assert (await passwords(sim))["password1"] == before["password1"]
    assert await states(sim) == {"Online": 3}
    # What it left behind is repaired by the next deploy, again without touching the password in use.
    assert (await deploy(sim, text)).result is Result.COMPLETED
    assert (await passwords(sim))["password1"] == before["password1"]


@pytest.mark.parametrize("refused", ["PATCH", "POST"])
async def test_a_run_that_ends_before_the_delivery_cuts_nobody_off_and_the_next_takes_the_same_slot(
    simulate, deploy, refused
):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), **FAST)
    await deploy(sim, text)
    before = await passwords(sim)
    path = "extensions/plant1" if refused == "PATCH" else "generateCredentials"
    effect = {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "no"}}}
    sim.fault({"method": refused, "path": path, "times": 1, "effect": effect})

    first = await deploy(sim, text, flow=rotate_credentials, now=True)
    sim.step(1200)
    assert first.outcomes[0].status is Status.FAILED
    assert await states(sim) == {"Online": 1}
    second = await deploy(sim, text, flow=rotate_credentials, now=True)
    sim.step(1200)

    assert second.outcomes[0].status is Status.SUCCEEDED
    assert (await passwords(sim))["password1"] == before["password1"]
    assert await states(sim) == {"Online": 1}


async def test_a_password_that_ends_is_told_ahead_and_rotated_before(simulate, deploy):
    text = fleet_text(1, credentials={"rotateAfter": "80d", "expiresAfter": "82d"})
    sim = simulate(fleet_of(text), **FAST)
    await deploy(sim, text)
    # Nobody has it rotated by its age, so that its end alone makes it due.
    patient = fleet_of(fleet_text(1, credentials={"rotateAfter": "365d"}))
    sim.step(70 * 24 * 3600)
    async with connect(settings_of(sim)) as gateways:
        told = await status.read(gateways, patient)
        planned = await plan.make(gateways, patient)
    assert told.sites[0].finding.reason is Reason.ROTATION_DUE
    assert planned.sites["s1"].disposition is Disposition.ROTATE
    assert " ends " in planned.sites["s1"].because[0]

    report = await deploy(sim, fleet_text(1, credentials={"rotateAfter": "365d"}), flow=rotate_credentials)
    sim.step(30 * 24 * 3600)

    assert report.outcomes[0].status is Status.SUCCEEDED
    assert await states(sim) == {"Online": 1}
    async with connect(settings_of(sim)) as gateways:
        assert (await status.read(gateways, patient)).sites[0].finding is None


def minted(sim) -> int:
    """Return how many passwords were asked for."""
    return sim.counters()["byKind"].get("arm POST generateCredentials", 0)


@pytest.mark.parametrize("effect", [{"resetAfter": True}, {"empty": True}, {"reset": True}, {"status": 504}], ids=str)
async def test_two_lost_answers_end_a_site_and_the_next_run_takes_the_same_slot(simulate, deploy, effect):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), **FAST)
    await deploy(sim, text)
    before, asked = await passwords(sim), minted(sim)
    sim.fault({"method": "POST", "path": "generateCredentials", "times": 2, "effect": effect})

    lost = await deploy(sim, text, flow=rotate_credentials, now=True)
    sim.step(1200)

    assert lost.outcomes[0].finding.reason is Reason.OUTCOME_UNKNOWN
    assert "password2" in lost.outcomes[0].finding.message
    assert minted(sim) - asked == 2
    assert await states(sim) == {"Online": 1}
    again = await deploy(sim, text, flow=rotate_credentials, now=True)
    sim.step(1200)
    # The sync token's and the client token's, each once.
    assert (again.outcomes[0].status, minted(sim) - asked) == (Status.SUCCEEDED, 4)
    assert (await passwords(sim))["password1"] == before["password1"]
    assert await states(sim) == {"Online": 1}


async def test_one_lost_answer_of_an_installation_is_made_up_for(simulate, deploy):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), **FAST)
    sim.fault({"method": "POST", "path": "generateCredentials", "times": 1, "effect": {"resetAfter": True}})

    report = await deploy(sim, text)

    assert (report.result, minted(sim)) == (Result.COMPLETED, 3)
    assert list(await passwords(sim)) == ["password1"]
