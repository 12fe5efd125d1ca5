"""What all tasks share: the session with its gateways, the retry options, and the record of a site's steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from prefect import get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, TaskRun
from prefect.exceptions import MissingContextError
from prefect.states import aget_state_exception
from prefect.tasks import exponential_backoff

from arcfleet.core.counts import some
from arcfleet.core.findings import Finding
from arcfleet.core.planning.plan import Step
from arcfleet.core.reporting import report as rendering
from arcfleet.core.runs.outcomes import FleetReport, Outcome, StepRecord, Trail
from arcfleet.core.runs.rollout import WaveProgress
from arcfleet.errors import TransientError
from arcfleet.gateways import connect
from arcfleet.ports import Gateways, Progress
from arcfleet.settings import Settings
from tasks import journal, passwords
from tasks.announcements import PrefectAnnouncements
from tasks.control import Control

LONGEST_WAIT = 300.0
"""Seconds; a service that asks for more than this is asked again after it all the same."""


async def is_transient(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """Tell Prefect whether to try a task again: only where that may help, and no sooner than the service asked."""
    error = state.data if isinstance(state.data, BaseException) else await aget_state_exception(state)
    if not isinstance(error, TransientError):
        return False
    await asyncio.sleep(min(error.retry_after or 0.0, LONGEST_WAIT))
    return True


OPTIONS: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    # What tasks hand to each other stays in memory: secrets among it, and nothing in it is worth keeping.
    "persist_result": False,
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=1),
    "retry_jitter_factor": 0.3,
    "retry_condition_fn": is_transient,
}
"""Options of every task."""


class LogProgress:
    """Reports to the run's log, which the Prefect UI shows, and to whoever watches.

    Args:
        watchers: Told everything too.
    """

    def __init__(self, *watchers: Progress) -> None:
        self._watchers = watchers
        self._wave: WaveProgress | None = None

    def begin(self, site: str, step: Step) -> None:
        """A step of a site begins."""
        _info("%s · %s", site, step)
        for watcher in self._watchers:
            watcher.begin(site, step)

    def end(self, outcome: Outcome) -> None:
        """A site has ended."""
        finding = outcome.finding
        _info("%s · %s%s", outcome.site, outcome.status, f": {finding.message}" if finding else "")
        for watcher in self._watchers:
            watcher.end(outcome)

    def finish(self, report: FleetReport) -> None:
        """A run has ended."""
        _info("%s", rendering.headline(report))
        for watcher in self._watchers:
            watcher.finish(report)

    def start(self, sites: Sequence[str], run: str, throttled: Callable[[], int]) -> None:
        """A run begins."""
        _info("run %s: %s", run, some(len(sites), "site"))
        for watcher in self._watchers:
            watcher.start(sites, run, throttled)

    def wave(self, progress: WaveProgress) -> None:
        """How far the run is has changed."""
        if progress != self._wave:
            _info("%s", progress)
        self._wave = progress
        for watcher in self._watchers:
            watcher.wave(progress)

    def waiting(self, site: str, finding: Finding | str) -> None:
        """A site waits for something."""
        _info("%s · waiting: %s", site, finding if isinstance(finding, str) else finding.message)
        for watcher in self._watchers:
            watcher.waiting(site, finding)


def _info(message: str, *values: object) -> None:
    try:
        get_run_logger().info(message, *values)
    except MissingContextError:
        return  # Outside a run there is no log to write to.


@dataclass(frozen=True, slots=True)
class Session:
    """What a run works with."""

    gateways: Gateways
    progress: Progress
    control: Control = field(default_factory=Control)


watcher: ContextVar[Progress | None] = ContextVar("watcher", default=None)
"""Set by who wants to watch a run of this process."""
_session: ContextVar[Session] = ContextVar("session")


@asynccontextmanager
async def session(*watchers: Progress) -> AsyncIterator[Session]:
    """Open the gateways that the settings describe, for the tasks of one run.

    Args:
        watchers: Told of the run's progress, besides who watches this process's runs.
    """
    async with (
        get_client() as client,
        journal.opened(client) as kept,
        connect(Settings(), kept, passwords.block, PrefectAnnouncements(client)) as gateways,
    ):
        opened = Session(
            gateways, LogProgress(*filter(None, [watcher.get(), *watchers])), Control(gateways.clock.monotonic)
        )
        token = _session.set(opened)
        try:
            yield opened
        finally:
            _session.reset(token)


@contextmanager
def unwatched() -> Iterator[None]:
    """Have steps logged, but not shown to who watches the run: they are not of the sites' own way."""
    here = current()
    token = _session.set(replace(here, progress=LogProgress()))
    try:
        yield
    finally:
        _session.reset(token)


def current() -> Session:
    """Return the run's session."""
    return _session.get()


@asynccontextmanager
async def step(trail: Trail, name: Step) -> AsyncIterator[None]:
    """Record a step in a site's trail and report it, however it ends. It begins only if the run may go on."""
    here = current()
    await here.control.boundary()
    here.progress.begin(trail.site, name)
    began = here.gateways.clock.monotonic()
    try:
        yield
    finally:
        seconds = here.gateways.clock.monotonic() - began
        trail.steps.append(StepRecord(name, seconds, began=began - trail.run_began))
