"""One run over sites of a fleet: hold the fleet, carry the waves out, publish the outcomes, decide the final state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.utilities.names import generate_slug

from arcfleet.core.fleet.manifest import Fleet
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import FleetReport, Result, above, below
from arcfleet.core.runs.run_waves import waves_of
from arcfleet.errors import TransientError
from flows import chain, signals
from flows.engine import Engine, Way
from tasks import lease
from tasks.board import Board
from tasks.fleet import load_fleet
from tasks.publish import keep_report, publish_report, publish_table
from tasks.runtime import session
from tasks.server import translated

STATES = {
    Result.COMPLETED: Completed,
    Result.INCOMPLETE: Completed,
    Result.COMPLETED_WITH_FAILURES: Failed,
    Result.STOPPED: Failed,
    Result.REJECTED: Cancelled,
    Result.ABORTED: Cancelled,
}
"""The kind of Prefect's state that a result is; its name in the UI is the result's."""


def name() -> str:
    """Return a flow run's name: the fleet file's, the site's if it is one, and a slug to tell runs apart."""
    parameters = flow_run.parameters
    parts = (Path(str(parameters.get("fleet"))).stem, parameters.get("site"), generate_slug(2))
    return " · ".join(str(part) for part in parts if part)


async def run(
    path: str,
    sites: Sequence[str],
    labels: Mapping[str, str],
    max_concurrency: int | None,
    *,
    way: Way = chain.deploy,
    max_failures: int | None = None,
    careful: bool = False,
    gated: bool = False,
    reverse: bool = False,
    queue: bool = False,
    command: str = "deploy",
) -> State[Any]:
    """Take the chosen sites of a fleet through `way`, wave by wave, and return the run's final state.

    Args:
        path: The fleet file.
        sites: Names of the sites; all where none is given.
        labels: Only sites with all of these.
        max_concurrency: In place of what the file says of each wave.
        way: What is done with one site.
        max_failures: In place of what the file says of each wave.
        careful: Where neither this run nor the file says how many sites may fail, none may.
        gated: Ask at the waves' gates.
        reverse: The last wave first, and what is nested before what it is nested under.
        queue: Where another run works on the fleet, wait for its end in place of being refused.
        command: Which of arcfleet's commands this is, for the report.

    Raises:
        ManifestError: The fleet file can't be used.
        PermanentError: Another run works on the fleet.
    """
    fleet = await load_fleet(path, sites, labels)
    if careful and max_failures is None and not fleet.rollout.waves and fleet.rollout.max_failures is None:
        max_failures = 0
    waves = waves_of(fleet, max_concurrency=max_concurrency, max_failures=max_failures, gated=gated, reverse=reverse)
    board = Board(fleet.name)
    async with session(board) as here, lease.holding(fleet.name, here.control, queue=queue):
        run_name = flow_run.name or ""
        here.progress.start([site.name for site in fleet.sites], run_name, here.gateways.subscriptions.throttled)
        # Only the way of a deploy is known to workers.
        workers = fleet.rollout.execution == "workers" and way is chain.deploy
        order, blocked = waits_for(fleet, reverse=reverse), above if reverse else below
        engine = Engine(fleet, way, here, waves, order, path, workers, blocked, run=run_name)
        with signals.draining(engine.interrupt):
            async with board.kept():
                ended = await engine.carry_out()
            report = keep_report(replace(ended, command=command))
            here.progress.finish(report)
            if here.control.ending is not Reason.SERVER_LOST:
                await _publish(report, board, whole=here.control.ending is not Reason.INTERRUPTED)
    return final_state(report)


async def _publish(report: FleetReport, board: Board, *, whole: bool) -> None:
    """Show how a run has ended in the Prefect UI. It has ended so whether its server answers or not."""
    try:
        with translated("report"):
            await publish_table(report, board.table)
            if whole:
                await board.publish()
                await publish_report(report)
    except TransientError as error:
        get_run_logger().warning("The report could not be published: %s", error)


def waits_for(fleet: Fleet, *, reverse: bool) -> dict[str, tuple[str, ...]]:
    """Return, by site, the sites of this run that must have ended well before it: its parent, or its children.

    One that was not chosen is not waited for: what there is of it, Azure shows.
    """
    chosen = {site.name for site in fleet.sites}
    pairs = [(site.name, site.parent) for site in fleet.sites if site.parent in chosen]
    if not reverse:
        return {child: (str(parent),) for child, parent in pairs}
    return {name: tuple(child for child, parent in pairs if parent == name) for name in chosen}


def final_state(report: FleetReport) -> State[Any]:
    """Return the run's state, named as its result."""
    message = f"{report.result}: " + ", ".join(f"{count} {status}" for status, count in report.counts.items())
    if report.because:
        message += f" ({report.because})"
    title = None if report.result is Result.COMPLETED else report.result.replace("_", " ").capitalize()
    state: State[Any] = STATES[report.result](message=message)
    return state.model_copy(update={"name": title}) if title else state
