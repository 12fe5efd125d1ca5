"""Gates: answered by a person through Prefect's API, by a moment, by a check; and what becomes of an approval."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from prefect import flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.flow_engine import run_flow_async

from arcfleet.core.runs.outcomes import Result
from tests.conftest import fleet_of
from tests.flows.waves_world import FAST, began, in_waves, soon, statuses

PAUSED = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED])))
SCHEDULED = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
APPROVAL = {"approval": {"from": ["ola", "kim"], "timeout": "12h"}}


async def answered(**said: str) -> dict[str, Any]:
    """Answer the gate that waits, as the Prefect UI does; return the form that it showed."""
    async with get_client() as client:
        run = await paused(client)
        shown = await client.read_flow_run_input(run.id, keys_of(run)["description"])
        result = await client.resume_flow_run(run.id, run_input=said)
        return {"status": str(result.status), "question": shown}


def keys_of(run: FlowRun) -> dict[str, str]:
    """Return under which keys a paused run keeps its form."""
    return run.state.state_details.run_input_keyset


async def paused(client: PrefectClient) -> FlowRun:
    """Return the run that waits for somebody, once there is one."""
    for _ in range(600):
        runs = await client.read_flow_runs(flow_run_filter=PAUSED)
        # The state is there a moment before its form is.
        if runs and await client.filter_flow_run_input(runs[0].id, keys_of(runs[0])["description"], 1, set()):
            return runs[0]
        await asyncio.sleep(0.1)
    raise TimeoutError


async def test_an_approval_given_in_the_ui_lets_the_next_wave_begin(simulate, deploy):
    text = in_waves(1, 1, canary={"after": [APPROVAL]})
    sim = simulate(fleet_of(text), **FAST)

    said, report = await asyncio.gather(answered(decision="approve", name="ola", comment="go"), deploy(sim, text))

    assert report.result is Result.COMPLETED
    (gate,) = report.gates
    assert (gate.gate, gate.answer, gate.by, gate.comment) == ("canary.after[0]", "approved", "ola", "go")
    # What was asked names the plan, what it changes, and who may answer.
    assert gate.plan
    for words in (gate.plan, "after wave **canary**", "ola, kim", "- **s2** + create: "):
        assert words in said["question"]
    assert await told(report.run, "run.ended") == [
        "run.started", "wave.started canary", "gate.pending canary", "gate.answered canary", "wave.ended canary",
        "wave.started prod", "wave.ended prod", "run.ended",
    ]  # fmt: skip


async def told(run: str, last: str) -> list[str]:
    """Return the events of a run that Prefect has, in their order, once the last one is there."""
    names: list[str] = []
    async with get_client() as client:
        for _ in range(100):
            asked = {"filter": {"event": {"prefix": ["arcfleet."]}, "order": "DESC"}, "limit": 50}
            found = (await client.request("POST", "/events/filter", json=asked)).json()["events"]
            mine = [event for event in found if event["payload"].get("run") == run]
            mine.sort(key=lambda event: str(event["occurred"]))
            names = [
                f"{event['event'].removeprefix('arcfleet.')} {event['payload'].get('wave', '')}".strip()
                for event in mine
            ]
            if last in names:
                break
            await asyncio.sleep(0.2)
    return names


async def test_a_no_ends_the_run(simulate, deploy):
    text = in_waves(1, 1, canary={"after": [APPROVAL]})
    sim = simulate(fleet_of(text), **FAST)

    _, report = await asyncio.gather(answered(decision="reject", name="kim"), deploy(sim, text))

    assert statuses(report) == {"s1": "succeeded", "s2": "not_started"}
    assert (report.result, report.gates[0].answer, report.gates[0].by) == (Result.REJECTED, "rejected", "kim")
    assert set(began(sim)) == {"k-s1"}


@pytest.mark.parametrize(("on_timeout", "result"), [("stop", Result.STOPPED), ("continue", Result.COMPLETED)])
async def test_a_gate_that_nobody_answers_does_what_the_fleet_file_says(simulate, deploy, on_timeout, result):
    text = in_waves(1, 1, canary={"after": [{"approval": {"timeout": "30m", "onTimeout": on_timeout}}]})
    sim = simulate(fleet_of(text), **FAST)

    report = await deploy(sim, text)

    assert report.result is result
    assert report.gates[0].answer == {"stop": "expired", "continue": "continued"}[on_timeout]


async def test_who_may_not_answer_is_not_heard(simulate, deploy):
    text = in_waves(1, 1, canary={"after": [APPROVAL]})
    sim = simulate(fleet_of(text), **FAST)

    async def two() -> str:
        await answered(decision="approve", name="mallory")
        return (await answered(decision="approve", name="ola"))["question"]

    question, report = await asyncio.gather(two(), deploy(sim, text))

    assert "mallory may not answer this gate." in question
    assert report.gates[0].by == "ola"


async def test_an_approval_is_void_once_the_plan_has_changed(simulate, deploy):
    text = in_waves(1, 2, canary={"after": [APPROVAL]})
    sim = simulate(fleet_of(text), **FAST)
    sim.site("k-s3", connectivity="Offline")

    async def two() -> str:
        async with get_client() as client:
            await paused(client)
        sim.site("k-s3", connectivity="Connected")
        await answered(decision="approve", name="ola")
        return (await answered(decision="approve", name="kim"))["question"]

    question, report = await asyncio.gather(two(), deploy(sim, text))

    assert "The plan has changed since" in question
    assert [gate.by for gate in report.gates] == ["kim"]
    assert report.result is Result.COMPLETED


async def test_a_wave_begins_not_before_its_moment(simulate, deploy):
    sim = simulate(fleet_of(in_waves(1, 1)), speed=1800, **FAST)
    moment = soon(sim)
    text = in_waves(1, 1, prod={"before": [{"notBefore": f"{moment:%H:%M}"}]}, timeouts={"site": "1d"})

    report = await deploy(sim, text)

    assert report.result is Result.COMPLETED
    assert began(sim)["k-s2"] >= moment > began(sim)["k-s1"]


@asynccontextmanager
async def saying(*answers: Any) -> AsyncIterator[str]:
    """Serve answers, or what makes them, the last of them for good, and yield their address."""
    left = list(answers)

    async def answer(_request: web.Request) -> web.Response:
        said = left.pop(0) if len(left) > 1 else left[0]
        return await said() if callable(said) else web.json_response(said)

    application = web.Application()
    application.router.add_get("/rollout", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/rollout"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        pytest.param([{"result": "pass"}], Result.COMPLETED, id="pass"),
        pytest.param([{"result": "fail", "because": "error budget spent"}], Result.REJECTED, id="fail"),
        pytest.param([{"result": "inconclusive"}, {"result": "pass"}], Result.COMPLETED, id="undecided at first"),
    ],
)
async def test_an_address_may_decide(simulate, deploy, answers, result):
    async with saying(*answers) as url:
        text = in_waves(1, 1, canary={"after": [{"check": {"url": url}}]})
        sim = simulate(fleet_of(text), **FAST)

        report = await deploy(sim, text)

    assert report.result is result
    assert report.gates[0].comment == answers[-1].get("because", "")


async def test_an_address_that_says_nothing_usable_makes_a_person_be_asked(simulate, deploy):
    async with saying({"verdict": "fine"}) as url:
        text = in_waves(1, 1, canary={"after": [{"check": {"url": url, "timeout": "5m"}}]})
        sim = simulate(fleet_of(text), **FAST)

        _, report = await asyncio.gather(answered(decision="approve", name="ola"), deploy(sim, text))

    assert (report.result, report.gates[0].by) == (Result.COMPLETED, "ola")


async def test_a_deployment_that_does_not_exist_makes_a_person_be_asked(simulate, deploy):
    text = in_waves(1, 1, canary={"after": [{"check": {"deployment": "slo/none"}}]})
    sim = simulate(fleet_of(text), **FAST)

    _, report = await asyncio.gather(answered(decision="reject", name="ola"), deploy(sim, text))

    assert report.result is Result.REJECTED


@pytest.mark.parametrize(("fails", "result"), [(False, Result.COMPLETED), (True, Result.REJECTED)])
async def test_a_deployment_may_decide(simulate, deploy, fails, result, serving: Callable[..., Any]):
    @flow(name=f"slo-{fails}")
    async def slo() -> None:
        if fails:
            raise ValueError("error budget spent")

    text = in_waves(1, 1, canary={"after": [{"check": {"deployment": f"slo-{fails}/gate", "timeout": "12h"}}]})
    sim = simulate(fleet_of(text), **FAST)
    async with serving(slo):
        report = await deploy(sim, text)

    assert report.result is result


@pytest.fixture
def serving() -> Callable[..., Any]:
    """Make a deployment of a flow, and run what is asked of it in this process."""

    @asynccontextmanager
    async def serve(served: Any) -> AsyncIterator[None]:
        await served.ato_deployment("gate")
        async with get_client() as client:
            made = await (await served.ato_deployment("gate")).aapply()

            async def work() -> None:
                while True:
                    for run in await client.read_flow_runs(flow_run_filter=SCHEDULED):
                        if run.deployment_id == made:
                            await run_flow_async(served, flow_run=run, parameters={}, return_type="state")
                    await asyncio.sleep(0.2)

            working = asyncio.create_task(work())
            try:
                yield
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)

    return serve
