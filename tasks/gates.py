"""Gates: a person is asked by a form in the Prefect UI, a deployment by running it, and the answers are kept."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import SetStateStatus
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.input import Keyset, RunInput, keyset_from_paused_state
from prefect.input.actions import aread_flow_run_input
from prefect.runtime import flow_run
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Paused, Running
from pydantic import Field

from arcfleet.core.planning.fleet_plan import FleetPlan
from arcfleet.core.runs import approvals
from arcfleet.core.runs.approvals import Approval
from arcfleet.core.runs.orders import approval_key
from arcfleet.core.runs.rollout import CheckResult
from arcfleet.core.runs.run_waves import GateId
from arcfleet.settings import Settings
from tasks import variables
from tasks.server import translated

POLL = 2
"""Seconds between two looks whether somebody has answered."""
YEAR = 366 * 24 * 3600
"""Seconds; Prefect's own time-out must not end what the fleet file bounds."""


class Decision(RunInput):
    """The form of an approval."""

    decision: Literal["approve", "reject"] = Field(title="Decision")
    name: str = Field(title="Your name", min_length=1, max_length=64)
    comment: str = Field(default="", title="Comment", max_length=500)


async def ask_person(question: str, key: str) -> Decision | None:
    """Pause the run until somebody answers the form, and return the answer.

    Prefect's own `pause_flow_run` ends a run that somebody has paused a moment before, or whose server is away.
    Cancelled, this lets the run go on; an answer that was given by then is returned all the same.

    Args:
        question: Markdown, shown above the form.
        key: Tells this pause from the run's others.

    Returns:
        The answer; None where the run can't be paused now, or goes on without an answer.

    Raises:
        TransientError: The Prefect server does not answer.
    """
    asked: State[Any] = Paused(timeout_seconds=YEAR, pause_key=key)
    keys = keyset_from_paused_state(asked)
    asked.state_details.run_input_keyset = {str(name): value for name, value in keys.items()}
    with translated("form of a gate"):
        async with get_client() as client:
            try:
                if not await _pause(client, asked):
                    await asyncio.sleep(POLL)
                    return None
                await Decision.with_initial_data(description=question).asave(keys)
                await _until_answered(client, key)
            except asyncio.CancelledError:
                # Who ends or tells the run something else is not to wait for a server that is away.
                with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 1}):
                    await _withdraw(client, key)
                if (said := await _answer(keys)) is None:
                    raise
                return said
            return await _answer(keys)


async def _pause(client: PrefectClient, asked: State[Any]) -> bool:
    """Pause the run; False where it is paused already, by a person or for a question that could not be withdrawn."""
    answer = await client.set_flow_run_state(flow_run.id, asked)
    if answer.status is SetStateStatus.ACCEPT:
        return True
    state = answer.state
    if state and state.is_paused() and state.state_details.run_input_keyset:
        await client.set_flow_run_state(flow_run.id, Running(), force=True)
    return False


async def _until_answered(client: PrefectClient, key: str) -> None:
    while _waits(await client.read_flow_run(flow_run.id), key):  # noqa: ASYNC110 - Prefect tells nobody
        await asyncio.sleep(POLL)


async def _withdraw(client: PrefectClient, key: str) -> None:
    if _waits(await client.read_flow_run(flow_run.id), key):
        await client.set_flow_run_state(flow_run.id, Running(), force=True)


def _waits(run: FlowRun, key: str) -> bool:
    """Tell whether a run is paused for a question."""
    return bool(run.state and run.state.is_paused() and run.state.state_details.pause_key == key)


async def _answer(keys: Keyset) -> Decision | None:
    said = await aread_flow_run_input(keys["response"])
    return Decision(**said) if said else None


async def ask_deployment(name: str, parameters: dict[str, object]) -> CheckResult:
    """Run a Prefect deployment to its end; completed passes, failed fails, anything else is inconclusive."""
    try:
        run = await arun_deployment(name, parameters=parameters, as_subflow=False)
    except ObjectNotFound:
        return CheckResult("inconclusive", f"Prefect has no deployment {name}")
    state = run.state
    if state is None or not (state.is_completed() or state.is_failed()):
        return CheckResult("inconclusive", f"run {run.name} ended as {state.name if state else 'nothing'}")
    result: Literal["pass", "fail"] = "pass" if state.is_completed() else "fail"
    return CheckResult(result, f"run {run.name} ended as {state.name}")


async def kept(fleet: str, gate: GateId, plan: FleetPlan) -> Approval | None:
    """Return the approval that an earlier run of the fleet was given at this gate, if it was of the same sites."""
    with translated(f"approval of gate {gate}"):
        async with get_client() as client:
            return approvals.parse(await variables.read(client, _key(fleet, gate)), plan)


async def keep(fleet: str, gate: GateId, approval: Approval) -> None:
    """Keep an approval for a run that continues this one."""
    value = approval.to_json()
    if value is None:
        return
    with translated(f"approval of gate {gate}"):
        async with get_client() as client:
            await variables.write(client, _key(fleet, gate), value)


async def forget(fleet: str, gate: GateId) -> None:
    """Forget an approval: its run came to an end of its own."""
    with translated(f"approval of gate {gate}"):
        async with get_client() as client:
            await variables.delete(client, _key(fleet, gate))


def _key(fleet: str, gate: GateId) -> str:
    return approval_key(fleet, gate.key) + Settings().place
