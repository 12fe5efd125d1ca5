"""Sites handed to Prefect workers: a run of `deploy-batch` for a few of them, and its outcomes read back.

Outcomes come back as an artifact, through Prefect's API: coordinator and workers share no disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from prefect.artifacts import acreate_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Cancelling
from pydantic import TypeAdapter

from arcfleet.core.reasons import Reason
from arcfleet.core.reporting import report as rendering
from arcfleet.core.runs.outcomes import FleetReport, Outcome
from arcfleet.errors import PermanentError
from tasks.server import translated

DEPLOYMENT = "deploy-batch/deploy-batch"
POLL = 2.0
"""Seconds between two looks at a batch."""
RECORD = "record"
"""The column that holds an outcome whole."""
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)


async def publish(report: FleetReport) -> None:
    """Publish a batch's outcomes for who handed it over."""
    began = report.began.isoformat() if report.began else ""
    rows = [
        {
            "site": item.site,
            "outcome": str(item.status),
            "what": rendering.summary(item),
            "began": began,
            RECORD: to_text(item),
        }
        for item in report.outcomes
    ]
    await acreate_table_artifact(rows, key="batch", description="outcomes of a batch, for the run that handed it over")


async def hand_over(
    path: str, sites: Sequence[str], wave: str, began: datetime, waiting: Callable[[str], None]
) -> list[Outcome]:
    """Have a worker deploy some sites, and return how they ended. Cancelled, it has the worker's run cancelled.

    Args:
        path: The fleet file, as workers see it.
        sites: Their names.
        wave: The wave that they are of.
        began: When the run that hands them over began, which their steps' times are told from.
        waiting: Told what is waited for.

    Raises:
        PermanentError: There is no such deployment, or the worker's run ended without outcomes.
    """
    parameters = {"fleet": path, "sites": list(sites), "wave": wave, "run": str(flow_run.id)}
    try:
        run = await arun_deployment(DEPLOYMENT, parameters=parameters, timeout=0, as_subflow=False)
    except ObjectNotFound:
        raise PermanentError(
            Reason.NO_WORKER, f"Prefect has no deployment {DEPLOYMENT}", "prefect --no-prompt deploy --all"
        ) from None
    try:
        ended = await _until_ended(run.id, waiting)
    except asyncio.CancelledError:
        await _cancel(run.id)
        raise
    found = await _outcomes(run.id, began)
    if found is None:
        state = ended.state.name if ended.state else "unknown"
        raise PermanentError(
            Reason.NO_WORKER, f"worker run {run.name} ended as {state} without outcomes", "its log: the Prefect UI"
        )
    return found


async def _until_ended(run: UUID, waiting: Callable[[str], None]) -> FlowRun:
    told = ""
    async with get_client() as client:
        while True:
            with translated("worker run"):
                found = await client.read_flow_run(run)
            if found.state and found.state.is_final():
                return found
            begun = found.state and found.state.is_running()
            word = f"worker run {found.name}" if begun else f"a worker to take run {found.name}"
            if word != told:
                waiting(word)
            told = word
            await asyncio.sleep(POLL)


async def _outcomes(run: UUID, began: datetime) -> list[Outcome] | None:
    with translated("outcomes of a worker run"):
        async with get_client() as client:
            this = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
            found = [item for item in await client.read_artifacts(artifact_filter=this) if item.key == "batch"]
    return parse(found[0].data, began) if found else None


async def _cancel(run: UUID) -> None:
    async with get_client() as client:
        await client.set_flow_run_state(run, Cancelling())


def parse(data: Any, began: datetime) -> list[Outcome]:
    """Return the outcomes that an artifact's rows hold, with their steps' times from another beginning."""
    rows = TypeAdapter(list[dict[str, Any]])
    made = rows.validate_json(data) if isinstance(data, str) else rows.validate_python(data)
    return [
        from_text(row[RECORD]).later((datetime.fromisoformat(row["began"]) - began).total_seconds()) for row in made
    ]


def to_text(outcome: Outcome) -> str:
    """Return an outcome whole, as text."""
    return _OUTCOME.dump_json(outcome).decode()


def from_text(text: str) -> Outcome:
    """Return the outcome that a text holds."""
    return _OUTCOME.validate_json(text)
