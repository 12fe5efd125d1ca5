"""Orders that come while a run as a whole waits, in a soak or at a gate: obeyed at once, and then it waits on."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from aiohttp import web
from prefect.client.orchestration import get_client
from prefect.states import Paused

from arcfleet.core.planning.plan import Step
from arcfleet.core.runs.outcomes import Result
from tasks import lease, steering
from tests.conftest import fleet_of
from tests.flows.test_gates import saying
from tests.flows.test_steering import HEARD, at_the_gate, running, tell, until
from tests.flows.waves_world import in_waves, statuses

SPEED = 400
"""An hour's soak takes 9 s: longer than it takes a run to hear of something."""
FAST = {"speed": SPEED, "extensionInstall": 60.0}
APPROVAL = {"approval": {"timeout": "240h"}}
FAILURE = {"effect": {"extensionFails": {"cluster": "k-s1", "code": "InstallationFailed", "message": "no"}}, "times": 1}


def waiting(recorder) -> str:
    return recorder.waves[-1].waiting if recorder.waves else ""


def begun(recorder) -> Counter[str]:
    """Return how many times each site was begun."""
    return Counter(site for site, step in recorder.steps if step == Step.OBSERVE)


async def approve(asked: steering.UnderWay) -> None:
    await steering.answer(asked, {"decision": "approve", "name": "ola", "comment": ""})


async def another_question(before: steering.UnderWay) -> steering.UnderWay:
    """Return the run under way, once it asks anew."""
    while True:
        asked = await at_the_gate()
        if asked.gate.key != before.gate.key:
            return asked
        await asyncio.sleep(0.1)


@pytest.mark.stories
async def test_what_failed_is_tried_again_in_a_soak_which_then_begins_anew(simulate, deploy, recorder):
    text = in_waves(2, 1, canary={"soak": "1h", "maxFailures": 1})
    sim = simulate(fleet_of(text), **FAST)
    sim.fault(FAILURE)
    run = asyncio.create_task(deploy(sim, text))
    await until(lambda: waiting(recorder).startswith("soak of 1 site, "))

    await tell(retries=1)
    await until(lambda: begun(recorder)["s1"] == 2, HEARD)
    await until(lambda: waiting(recorder).startswith("soak of 2 sites, "))
    assert begun(recorder)["s3"] == 0
    assert left(recorder.waves[-1]) > 3300, "all of the soak"

    assert (await run).result is Result.COMPLETED
    assert begun(recorder) == {"s1": 2, "s2": 1, "s3": 1}


def left(progress) -> float:
    """Return how many seconds of its soak a wave has left."""
    shown = progress.waiting.split(", ")[1].removesuffix(" to go")
    seconds = 0.0
    for part in shown.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


@pytest.mark.stories
async def test_a_soak_stands_still_while_the_run_is_paused(simulate, deploy, recorder):
    text = in_waves(1, 1, canary={"soak": "1h"})
    sim = simulate(fleet_of(text), **FAST)
    run = asyncio.create_task(deploy(sim, text))
    await until(lambda: waiting(recorder).startswith("soak"))

    await tell(paused=True)
    await until(lambda: waiting(recorder) == "paused", HEARD)
    before = min(left(progress) for progress in recorder.waves if progress.waiting.startswith("soak"))
    await asyncio.sleep(5)
    assert waiting(recorder) == "paused"
    await tell(paused=False)
    await until(lambda: waiting(recorder).startswith("soak"), HEARD)
    assert left(recorder.waves[-1]) > before - 5 * SPEED / 2

    assert (await run).result is Result.COMPLETED


async def test_a_site_that_is_skipped_at_a_gate_is_not_in_the_plan_that_is_asked_for_then(simulate, deploy):
    text = in_waves(1, 2, canary={"after": [APPROVAL]})
    sim = simulate(fleet_of(text), **FAST)
    run = asyncio.create_task(deploy(sim, text))
    first = await at_the_gate()
    assert "**s3**" in first.gate.question

    await tell(skip=("s3",))
    second = await another_question(first)
    assert "**s2**" in second.gate.question
    assert "**s3**" not in second.gate.question
    await approve(second)

    report = await run
    assert statuses(report) == {"s1": "succeeded", "s2": "succeeded", "s3": "skipped"}


async def test_with_nothing_left_behind_it_a_gate_is_passed_over(simulate, deploy):
    text = in_waves(1, 1, canary={"after": [APPROVAL]})
    sim = simulate(fleet_of(text), **FAST)
    run = asyncio.create_task(deploy(sim, text))
    await at_the_gate()

    await tell(skip=("s2",))

    report = await run
    assert [gate.answer for gate in report.gates] == ["skipped"]
    assert statuses(report) == {"s1": "succeeded", "s2": "skipped"}


async def test_what_failed_is_tried_again_at_a_gate_which_then_asks_anew(simulate, deploy, recorder):
    text = in_waves(2, 1, canary={"maxFailures": 1, "after": [APPROVAL]})
    sim = simulate(fleet_of(text), **FAST)
    sim.fault(FAILURE)
    run = asyncio.create_task(deploy(sim, text))
    first = await at_the_gate()

    await tell(retries=1)
    await until(lambda: begun(recorder)["s1"] == 2, HEARD)
    await approve(await another_question(first))

    report = await run
    assert statuses(report) == {"s1": "succeeded", "s2": "succeeded", "s3": "succeeded"}


async def test_an_order_that_changes_nothing_leaves_the_question_as_it_is(simulate, deploy):
    text = in_waves(1, 1, canary={"after": [APPROVAL]})
    sim = simulate(fleet_of(text), **FAST)
    run = asyncio.create_task(deploy(sim, text))
    first = await at_the_gate()

    await tell(retries=1, skip=("s1", "unknown"))
    await asyncio.sleep(HEARD)
    same = await at_the_gate()
    assert same.gate == first.gate
    await approve(same)

    assert (await run).result is Result.COMPLETED


async def test_a_paused_run_asks_nothing_until_it_goes_on(simulate, deploy, recorder):
    text = in_waves(1, 1, canary={"after": [APPROVAL]})
    sim = simulate(fleet_of(text), **FAST)
    run = asyncio.create_task(deploy(sim, text))
    first = await at_the_gate()

    await tell(paused=True)
    await until(lambda: waiting(recorder) == "paused", HEARD)
    assert (await running()).gate is None
    await tell(paused=False)
    await approve(await another_question(first))

    assert (await run).result is Result.COMPLETED


async def test_an_answer_that_comes_with_an_order_counts(simulate, deploy):
    text = in_waves(1, 2, canary={"after": [APPROVAL]})
    sim = simulate(fleet_of(text), **FAST)
    run = asyncio.create_task(deploy(sim, text))
    asked = await at_the_gate()

    # Whichever of the two the run hears of first.
    await approve(asked)
    await tell(skip=("s3",))

    report = await run
    assert [gate.answer for gate in report.gates] == ["approved"]
    assert statuses(report)["s2"] == "succeeded"


async def test_paused_in_the_prefect_ui_just_before_a_gate_it_is_asked_after_that(
    simulate, deploy, recorder, monkeypatch
):
    # The run hears of the pause long after it has come to the gate that asks a person.
    monkeypatch.setattr(lease, "POLL", 6.0)

    async def pause() -> web.Response:
        async with get_client() as client:
            await client.set_flow_run_state((await running()).lease.run, Paused())
        return web.json_response({"result": "pass"})

    async with saying(pause) as url:
        text = in_waves(1, 1, canary={"after": [{"check": {"url": url}}, APPROVAL]})
        sim = simulate(fleet_of(text), **FAST)
        run = asyncio.create_task(deploy(sim, text))
        await until(lambda: waiting(recorder) == "paused")
        assert (await running()).paused_by_hand

        async with get_client() as client:
            await client.resume_flow_run((await running()).lease.run)
        await approve(await at_the_gate())

    report = await run
    assert report.result is Result.COMPLETED
    assert [gate.answer for gate in report.gates] == ["passed", "approved"]
