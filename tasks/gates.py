"""Gates: a person is asked by a form in the Prefect UI, a deployment by running it, and the answers are kept."""

from __future__ import annotations

import asyncio
from typing import Literal

from prefect.client.orchestration import get_client
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.flow_runs import apause_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from prefect.states import Running
from prefect.variables import Variable
from pydantic import Field

from arcfleet.core import approvals
from arcfleet.core.approvals import Approval
from arcfleet.core.fleet_plan import FleetPlan
from arcfleet.core.orders import approval_key
from arcfleet.core.rollout import CheckResult
from arcfleet.core.run_waves import GateId
from tasks.journal import translated
from tasks.variables import TAGS

POLL = 2
"""Seconds between two looks whether somebody has answered."""
YEAR = 366 * 24 * 3600
"""Seconds; Prefect's own time-out must not end what the fleet file bounds."""


class Decision(RunInput):
    """The form of an approval."""

    decision: Literal["approve", "reject"] = Field(title="Decision")
    name: str = Field(title="Your name", min_length=1, max_length=64)
    comment: str = Field(default="", title="Comment", max_length=500)


async def ask_person(question: str, key: str) -> Decision:
    """Pause the run until somebody answers the form, and return the answer. Cancelling it lets the run go on.

    Args:
        question: Markdown, shown above the form.
        key: Tells this pause from the run's others.
    """
    form = Decision.with_initial_data(description=question)
    try:
        return await apause_flow_run(wait_for_input=form, timeout=YEAR, poll_interval=POLL, key=key)
    except asyncio.CancelledError:
        await _unpause()
        raise


async def _unpause() -> None:
    async with get_client() as client:
        run = await client.read_flow_run(flow_run.id)
        if run.state and run.state.is_paused():
            await client.set_flow_run_state(run.id, Running(), force=True)


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
        return approvals.parse(await Variable.aget(approval_key(fleet, gate.key)), plan)


async def keep(fleet: str, gate: GateId, approval: Approval) -> None:
    """Keep an approval for a run that continues this one."""
    value = approval.to_json()
    if value is None:
        return
    with translated(f"approval of gate {gate}"):
        key = approval_key(fleet, gate.key)
        await Variable.aset(key, value, tags=TAGS, overwrite=True)


async def forget(fleet: str, gate: GateId) -> None:
    """Forget an approval: its run came to an end of its own."""
    with translated(f"approval of gate {gate}"):
        await Variable.aunset(approval_key(fleet, gate.key))
