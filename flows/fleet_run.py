"""One run over sites of a fleet: fan out, collect the outcomes, publish, decide the final state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.utilities.names import generate_slug

from arcfleet.core import nesting
from arcfleet.core.manifest import Fleet, Site
from arcfleet.core.outcomes import FleetReport, Outcome, Result, Status, Trail, above, below, not_started
from arcfleet.errors import FleetError
from flows import chain
from flows.starting import Starts
from tasks.fleet import load_fleet
from tasks.publish import publish_report
from tasks.runtime import Session, session

Way = Callable[[Fleet, Site, Trail], Awaitable[None]]
"""What is done with one site: it fills the trail, and raises what stopped it."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run's sites share."""

    fleet: Fleet
    way: Way
    starts: Starts
    session: Session
    reverse: bool


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
    reverse: bool = False,
    command: str = "deploy",
) -> State[Any]:
    """Take the chosen sites of a fleet through `way` and return the run's final state.

    With `reverse` no site comes before those below it. `command` is what brings a person back to a site's failure.
    """
    fleet = await load_fleet(path, sites, labels)
    async with session() as here:
        run_name = flow_run.name or ""
        here.progress.start([site.name for site in fleet.sites], run_name)
        began = here.gateways.clock.monotonic()
        starts = Starts(max_concurrency or fleet.rollout.max_concurrency, max_failures)
        ended = await _all(_Run(fleet, way, starts, here, reverse))
        report = FleetReport(fleet.name, run_name, here.gateways.clock.monotonic() - began, tuple(ended), path, command)
        here.progress.finish(report)
    await publish_report(report)
    return final_state(report)


async def _all(this: _Run) -> list[Outcome]:
    """Take all sites through the way, parents before their children or after them; outcomes in the fleet's order.

    What was not chosen is not waited for: how it stands, Azure shows.
    """
    running: dict[str, asyncio.Task[Outcome]] = {}
    ordered = nesting.parents_first(this.fleet.sites)
    async with asyncio.TaskGroup() as group:
        for site in reversed(ordered) if this.reverse else ordered:
            names = nesting.children(site, ordered) if this.reverse else (site.parent,)
            before = [running[name] for name in names if name in running]
            running[site.name] = group.create_task(_one(this, site, before))
    return [running[site.name].result() for site in this.fleet.sites]


async def _one(this: _Run, site: Site, before: Sequence[asyncio.Task[Outcome]]) -> Outcome:
    """Work on one site within the fleet's concurrency. A site's failure is its outcome, never the fleet's exception."""
    ended = [await task for task in before]
    unwell = next((outcome for outcome in ended if not outcome.is_well), None)
    if unwell:
        outcome = above(site.name, unwell) if this.reverse else below(site.name, unwell)
    elif await this.starts.begin():
        outcome = await _through(this, site)
        await this.starts.end(failed=outcome.status is Status.FAILED)
    else:
        outcome = not_started(site.name)
    this.session.progress.end(outcome)
    return outcome


async def _through(this: _Run, site: Site) -> Outcome:
    """Take one site through its way."""
    trail = Trail(site.name)
    (error,) = await asyncio.gather(this.way(this.fleet, site, trail), return_exceptions=True)
    if error is not None and not isinstance(error, FleetError):
        get_run_logger().error("%s · a defect of arcfleet", site.name, exc_info=error)
    return trail.outcome(error)


def final_state(report: FleetReport) -> State[Any]:
    """Return the run's state: failed where a site failed or was blocked."""
    message = f"{report.result}: " + ", ".join(f"{count} {status}" for status, count in report.counts.items())
    return Failed(message=message) if report.result is Result.COMPLETED_WITH_FAILURES else Completed(message=message)
