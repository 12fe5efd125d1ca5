"""A run that is told things while it goes: what it does then, and how each site ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.states import Cancelling, Paused

from arcfleet.core.planning.plan import Step
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.orders import lease_key
from arcfleet.core.runs.outcomes import Result, Status
from arcfleet.errors import PermanentError
from flows.deploy_fleet import deploy_fleet
from tasks import lease, runtime, steering, variables
from tests.conftest import fleet_of, fleet_text

ONE_BY_ONE = {"maxConcurrency": 1}
SLOW = {"speed": 60, "extensionInstall": 180.0}
"""An installation takes 3 s: longer than it takes a run to hear of something."""
LONG = 1800.0
UNTIL_HEARD = SLOW | {"extensionInstall": LONG}
"""An installation that is under way until a run has heard of something, however busy the machine is."""
HEARD = lease.POLL + 2.0
"""Seconds within which a run has heard of something, with what a busy machine needs."""


async def until(holds: Callable[[], bool], within: float = 60.0) -> float:
    """Return how many seconds it took until something held."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within:
            raise TimeoutError
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def running() -> steering.UnderWay:
    """Return the run under way, once there is one."""
    for _ in range(600):
        if run := await steering.under_way("test"):
            return run
        await asyncio.sleep(0.05)
    raise TimeoutError


async def tell(**said) -> None:
    """Give the run under way orders."""
    await steering.order("test", await running(), lambda told: replace(told, by="kim", **said))


def statuses(report) -> list[Status]:
    return [outcome.status for outcome in report.outcomes]


def minted(sim) -> int:
    return sum(entry["kind"] == "arm POST generateCredentials" for entry in sim.audit())


async def ends(sim, recorder) -> None:
    """Wait until a run has heard that it is to end, and let the installation that is under way come to its end."""
    await until(lambda: bool(recorder.waves) and recorder.waves[-1].waiting == "aborted")
    sim.step(LONG)


async def test_a_pause_holds_between_two_steps_and_resume_goes_on(simulate, deploy, recorder):
    text = fleet_text(2, rollout=ONE_BY_ONE)
    sim = simulate(fleet_of(text), **SLOW)
    run = asyncio.create_task(deploy(sim, text))
    await until(lambda: ("s1", Step.INSTALL_EXTENSION) in recorder.steps)

    await tell(paused=True)
    took = await until(lambda: bool(recorder.waves) and recorder.waves[-1].waiting == "paused")
    steps = list(recorder.steps)
    await asyncio.sleep(5)
    assert recorder.steps == steps, "the step under way is over by now, and no other was begun"
    assert steps[-1] == ("s1", str(Step.INSTALL_EXTENSION))
    assert took < HEARD

    await tell(paused=False)
    await until(lambda: len(recorder.steps) > len(steps), HEARD)
    report = await run
    assert report.result is Result.COMPLETED
    assert minted(sim) == 4


async def test_abort_leaves_each_site_in_a_named_state_and_the_next_run_continues(simulate, deploy, recorder):
    text = fleet_text(3, rollout=ONE_BY_ONE)
    sim = simulate(fleet_of(text), **UNTIL_HEARD)
    run = asyncio.create_task(deploy(sim, text))
    await until(lambda: ("s1", Step.INSTALL_EXTENSION) in recorder.steps)

    await tell(aborted=True)
    await ends(sim, recorder)
    report = await run

    assert report.result is Result.ABORTED
    assert statuses(report) == [Status.CANCELLED, Status.NOT_STARTED, Status.NOT_STARTED]
    assert report.outcomes[0].finding.reason is Reason.ABORTED
    assert report.outcomes[0].steps[-1].step is Step.INSTALL_EXTENSION, "the step under way was not broken off"
    assert minted(sim) == 1

    sim.post("/speed", {"speed": 600})
    again = await deploy(sim, text)
    assert again.result is Result.COMPLETED
    assert minted(sim) == 6, "nothing that was finished is done again"


async def test_a_site_that_is_skipped_is_left_out_and_one_under_way_is_not(simulate, deploy, recorder):
    text = fleet_text(2, rollout=ONE_BY_ONE)
    sim = simulate(fleet_of(text), **UNTIL_HEARD)
    run = asyncio.create_task(deploy(sim, text))
    await until(lambda: ("s1", Step.INSTALL_EXTENSION) in recorder.steps)

    await tell(skip=("s1", "s2", "unknown"))
    await until(lambda: "s2" in recorder.ended)
    sim.step(LONG)
    report = await run

    assert statuses(report) == [Status.SUCCEEDED, Status.SKIPPED]
    assert report.outcomes[1].finding.message == "left out, as kim asked"


async def test_what_failed_is_tried_again_in_the_same_run(simulate, deploy, recorder):
    text = fleet_text(2, rollout=ONE_BY_ONE)
    sim = simulate(fleet_of(text), **(SLOW | {"extensionInstall": 900.0}))
    failure = {"cluster": "k-s1", "code": "InstallationFailed", "message": "no"}
    sim.fault({"times": 1, "effect": {"extensionFails": failure}})
    run = asyncio.create_task(deploy(sim, text))
    await until(lambda: ("s2", Step.INSTALL_EXTENSION) in recorder.steps)

    await tell(retries=1)
    report = await run

    assert statuses(report) == [Status.SUCCEEDED, Status.SUCCEEDED]
    assert [site for site, step in recorder.steps if step == Step.OBSERVE] == ["s1", "s2", "s1"]


@pytest.mark.parametrize("queue", [False, True])
async def test_a_second_run_is_refused_or_queued_and_told_who_holds_the_fleet(
    simulate, deploy, recorder, tmp_path, queue
):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), **SLOW)
    first = asyncio.create_task(deploy(sim, text))
    holder = (await running()).lease
    runtime.watcher.set(recorder)

    state = await deploy_fleet(str(tmp_path / "fleet.yaml"), wait=queue, return_state=True)
    await first

    assert [report.result for report in recorder.reports] == [Result.COMPLETED] * (1 + queue)
    if queue:
        assert statuses(recorder.reports[1]) == [Status.NOOP]
    else:
        error = await state.result(raise_on_failure=False)
        assert (error.reason, str(holder) in error.message) == (Reason.BUSY, True)
    assert await steering.under_way("test") is None


async def test_a_fleet_that_was_taken_over_ends_the_run_that_held_it(simulate, deploy, recorder, monkeypatch):
    monkeypatch.setattr(lease, "RENEWAL", 0.0)
    text = fleet_text(2, rollout=ONE_BY_ONE)
    sim = simulate(fleet_of(text), **UNTIL_HEARD)
    run = asyncio.create_task(deploy(sim, text))
    await until(lambda: ("s1", Step.INSTALL_EXTENSION) in recorder.steps)
    other = replace((await running()).lease, name="another").to_json()

    async with get_client() as client:
        await client.delete_variable_by_name(lease_key("test"))
        await variables.write(client, lease_key("test"), other)
    await ends(sim, recorder)
    report = await run

    assert statuses(report) == [Status.CANCELLED, Status.NOT_STARTED]
    assert report.outcomes[0].finding.reason is Reason.LEASE_LOST
    async with get_client() as client:
        kept = await variables.read(client, lease_key("test"))
        assert kept["name"] == "another", "it does not end the other's lease"
        await client.delete_variable_by_name(lease_key("test"))


async def test_pause_and_resume_in_the_prefect_ui(simulate, deploy, recorder):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), **SLOW)
    run = asyncio.create_task(deploy(sim, text))
    await until(lambda: ("s1", Step.INSTALL_EXTENSION) in recorder.steps)
    id_ = (await running()).lease.run

    async with get_client() as client:
        await client.set_flow_run_state(id_, Paused())
    await until(lambda: recorder.waves[-1].waiting == "paused", HEARD)
    assert (await running()).paused_by_hand
    await asyncio.sleep(4)
    assert recorder.steps[-1] == ("s1", str(Step.INSTALL_EXTENSION))

    async with get_client() as client:
        await client.resume_flow_run(id_)
    assert (await run).result is Result.COMPLETED


async def test_cancel_in_the_prefect_ui_ends_the_run(simulate, deploy, recorder):
    text = fleet_text(2, rollout=ONE_BY_ONE)
    sim = simulate(fleet_of(text), **UNTIL_HEARD)
    run = asyncio.create_task(deploy(sim, text))
    await until(lambda: ("s1", Step.INSTALL_EXTENSION) in recorder.steps)
    id_ = (await running()).lease.run

    async with get_client() as client:
        await client.set_flow_run_state(id_, Cancelling())
    await ends(sim, recorder)
    report = await run

    assert statuses(report) == [Status.CANCELLED, Status.NOT_STARTED]
    async with get_client() as client:
        assert (await client.read_flow_run(id_)).state.is_cancelled()


async def test_a_gate_is_answered_by_who_may_and_its_pause_is_no_order(simulate, deploy, recorder):
    value = yaml.safe_load(fleet_text(1))
    gate = {"approval": {"from": ["ola"], "timeout": "240h"}}
    value["rollout"] = {"waves": [{"name": "all", "rest": True, "before": [gate]}]}
    text = yaml.safe_dump(value)
    sim = simulate(fleet_of(text), extensionInstall=60)
    run = asyncio.create_task(deploy(sim, text))

    asked = await at_the_gate()
    assert "May answer: ola." in asked.gate.question
    assert not asked.paused_by_hand
    with pytest.raises(PermanentError) as caught:
        await steering.answer(asked, {"decision": "approve", "name": "", "comment": ""})
    assert caught.value.reason is Reason.REFUSED
    await steering.answer(asked, {"decision": "approve", "name": "kim", "comment": ""})
    again = await steering.asked_again("test", asked)
    assert again.question.startswith("kim may not answer this gate.")
    await steering.answer(await at_the_gate(), {"decision": "approve", "name": "ola", "comment": ""})

    report = await run
    assert report.result is Result.COMPLETED
    assert (report.gates[0].answer, report.gates[0].by) == ("approved", "ola")
    assert not any(progress.waiting == "paused" for progress in recorder.waves)


async def at_the_gate() -> steering.UnderWay:
    """Return the run under way, once it waits at a gate."""
    for _ in range(300):
        run = await running()
        if run.gate and run.gate.question:
            return run
        await asyncio.sleep(0.1)
    raise TimeoutError
