"""Carries a run's waves out: does what `core.rollout` says next, until it says that the run is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from prefect import get_run_logger

from arcfleet.core import rollout
from arcfleet.core.manifest import Fleet, Site
from arcfleet.core.outcomes import COUNTED, Ended, FleetReport, GateRecord, Outcome, Status, Trail, below, skipped
from arcfleet.core.outcomes import not_started as left_behind
from arcfleet.core.reasons import Reason
from arcfleet.core.rollout import Answer, Ask, Block, Done, GateId, RunState, RunWave, Soak, Start, Wait, WaveProgress
from arcfleet.errors import FleetError, PermanentError
from flows import gates, soak
from flows.world_time import WorldTime
from tasks.runtime import Session

T = TypeVar("T")
Way = Callable[[Fleet, Site, Trail], Awaitable[None]]
"""What is done with one site: it fills the trail, and raises what stopped it."""
GRACE = 6.0
"""Real seconds that steps under way are given to end by themselves once the process is told to end."""
AGAIN = 60.0
"""Seconds between two looks at a cluster that is out of contact, where the fleet waits for such."""


@dataclass
class Engine:
    """One run over the sites of a fleet."""

    fleet: Fleet
    way: Way
    here: Session
    waves: Sequence[RunWave]
    waits_for: Mapping[str, Sequence[str]]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    running: dict[str, asyncio.Future[None] | None] = field(default_factory=dict)
    """By site that is under way: the work on it, once it has begun."""
    answers: dict[GateId, Answer] = field(default_factory=dict)
    records: list[GateRecord] = field(default_factory=list)
    places: dict[str, GateId] = field(default_factory=dict)
    soaked: set[str] = field(default_factory=set)
    retried: int = 0

    def __post_init__(self) -> None:
        self.sites = {site.name: site for site in self.fleet.sites}
        self.wave_of = {name: wave.name for wave in self.waves for name in wave.sites}
        self.time = WorldTime(self.here.gateways)
        self.control = self.here.control

    async def carry_out(self, run: str, path: str) -> FleetReport:
        """Do all that is to be done, and return how every site ended."""
        self.path = path
        self.began, self.zero = await self.time.now(), self.here.gateways.clock.monotonic()
        async with asyncio.TaskGroup() as group:
            while not isinstance(action := rollout.next_action(self.state(), await self.time.now()), Done):
                await self._do(action, group)
        if action.how is not Ended.ABORTED:
            await gates.forget(self)
        because = action.because or str(self.control.ending or "")
        for site in self.fleet.sites:
            if site.name not in self.outcomes:
                self._end(left_behind(site.name, because))
        ended = tuple(self.outcomes[site.name] for site in self.fleet.sites)
        return FleetReport(
            self.fleet.name, run, self.here.gateways.clock.monotonic() - self.zero, ended, path, action.how, because,
            tuple(self.records), self.began, tuple(wave.name for wave in self.waves),
        )  # fmt: skip

    def state(self) -> RunState:
        """Return how far the run is."""
        return RunState(
            self.waves, self.waits_for, {name: outcome.status for name, outcome in self.outcomes.items()},
            frozenset(self.running), dict(self.answers), frozenset(self.soaked),
            paused=self.control.paused, aborted=self.control.ending is not None,
        )  # fmt: skip

    def interrupt(self) -> None:
        """End the run with its process: what is under way is given a moment, then left where it is."""
        self.control.end(Reason.INTERRUPTED)
        asyncio.get_running_loop().call_later(GRACE, self._leave)

    def _leave(self) -> None:
        for work in self.running.values():
            if work:
                work.cancel()

    async def _do(self, action: rollout.Action, group: asyncio.TaskGroup) -> None:
        if not isinstance(action, Block):
            self.tell(action)
        match action:
            case Start(sites=sites):
                for name in sites:
                    self.running[name] = None
                    group.create_task(self._one(self.sites[name]))
            case Block(site, by):
                self._end(below(site, self.outcomes[by]))
            case Wait(until=until):
                await self._until_changed(until)
            case Ask(place, gate):
                await gates.reach(self, place, gate)
            case Soak():
                await soak.watch(self, action)

    async def _one(self, site: Site) -> None:
        """Take one site through its way. A site's failure is its outcome, never the run's exception."""
        outcome = await self._in_contact(site)
        self.running.pop(site.name)
        self._end(outcome)
        self.control.changed.set()

    async def _in_contact(self, site: Site) -> Outcome:
        """Take a site through its way; one that is out of contact as the fleet file says of such."""
        began, clock = self.here.gateways.clock.monotonic(), self.here.gateways.clock
        while True:
            outcome = await self._through(site)
            offline = outcome.status is Status.DEFERRED and outcome.finding and outcome.finding.reason in AWAY
            if not offline or self.fleet.rollout.offline == "defer":
                return outcome
            if self.fleet.rollout.offline == "fail":
                return replace(outcome, status=Status.FAILED)
            if clock.monotonic() - began > site.timeouts.site.total_seconds() or self.control.ending:
                return outcome
            await self.unless_ended(clock.sleep(AGAIN))

    async def _through(self, site: Site) -> Outcome:
        """Take a site through its way within its deadline, which does not run while the run is paused."""
        trail = Trail(site.name, run_began=self.zero)
        work = self.running[site.name] = asyncio.ensure_future(self.way(self.fleet, site, trail))
        began, paused = self.here.gateways.clock.monotonic(), self.control.paused_for
        try:
            while not work.done() and (left := self._left(site, trail, began, paused)) > 0:
                await self.time.first_of(work, left)
            late = not work.done()
        finally:
            work.cancel()
        (error,) = await asyncio.gather(work, return_exceptions=True)
        if isinstance(error, asyncio.CancelledError):
            error = _late(site) if late else self.control.error()
        elif error is not None and not isinstance(error, FleetError):
            get_run_logger().error("%s · a defect of arcfleet", site.name, exc_info=error)
        return trail.outcome(error)

    def _left(self, site: Site, trail: Trail, began: float, paused: float) -> float:
        """Return how many seconds a site has left."""
        spent = self.here.gateways.clock.monotonic() - began - (self.control.paused_for - paused)
        return site.timeouts.site.total_seconds() + trail.rest - spent

    async def unless_ended(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T | None:
        """Return what work results in; None where the run is ended, or the seconds have passed, before it is done."""
        doing = asyncio.ensure_future(work)
        ended = asyncio.ensure_future(self.control.ended.wait())
        either = asyncio.ensure_future(asyncio.wait([doing, ended], return_when=asyncio.FIRST_COMPLETED))
        try:
            await self.time.first_of(either, seconds)
            return doing.result() if doing.done() else None
        finally:
            for part in (either, ended, doing):
                part.cancel()
            await asyncio.gather(either, ended, doing, return_exceptions=True)

    async def _until_changed(self, until: datetime | None) -> None:
        """Wait for a site's end, for something that the run is told, or for a moment."""
        self.control.changed.clear()
        waiting = asyncio.ensure_future(self.control.changed.wait())
        ahead = (until - await self.time.now()).total_seconds() if until else None
        try:
            await self.time.first_of(waiting, ahead)
        finally:
            waiting.cancel()
        self.obey()

    def obey(self) -> None:
        """Do at once what the run was told of single sites."""
        told = self.control.orders
        for name in told.skip:
            if name in self.sites and name not in self.outcomes and name not in self.running:
                self._end(skipped(name, told.by))
        if told.retries > self.retried:
            self.retried = told.retries
            for name in [name for name, outcome in self.outcomes.items() if outcome.status in COUNTED]:
                del self.outcomes[name]

    def replace(self, outcome: Outcome) -> None:
        """Take a later outcome of a site for its earlier one."""
        self._end(outcome)

    def _end(self, outcome: Outcome) -> None:
        outcome = self.outcomes[outcome.site] = replace(outcome, wave=self.wave_of[outcome.site])
        self.here.progress.end(outcome)

    def tell(self, action: rollout.Action, waiting: str = "", do: str = "") -> None:
        """Tell who watches where the run is, what it waits for as a whole, and what a person does about that."""
        state, name = self.state(), _wave_of(action)
        names = [wave.name for wave in self.waves]
        wave = self.waves[names.index(name)]
        self.here.progress.wave(
            WaveProgress(
                name, names.index(name) + 1, len(names), rollout.count(state, wave, COUNTED),
                rollout.failures_allowed(state, wave), rollout.concurrency(state, wave),
                waiting or (action.why if isinstance(action, Wait) else ""), do,
            )
        )  # fmt: skip


AWAY = frozenset({Reason.ARC_OFFLINE, Reason.ARC_EXPIRED})


def _wave_of(action: rollout.Action) -> str:
    return action.id.wave if isinstance(action, Ask) else str(getattr(action, "wave", ""))


def _late(site: Site) -> PermanentError:
    limit = site.timeouts.site
    return PermanentError(
        Reason.SITE_DEADLINE,
        f"took longer than timeouts.site, {limit}",
        "see which step took so long, then run it again",
    )
