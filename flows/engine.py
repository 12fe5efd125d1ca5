"""Carries a run's waves out: does what `core.rollout` says next, until it says that the run is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from prefect import get_run_logger

from arcfleet.core import events, rollout
from arcfleet.core.durations import duration_text
from arcfleet.core.events import Event
from arcfleet.core.manifest import Fleet, Site
from arcfleet.core.outcomes import COUNTED, Ended, FleetReport, GateRecord, Outcome, Status, Trail, below, skipped
from arcfleet.core.outcomes import not_started as left_behind
from arcfleet.core.reasons import Reason
from arcfleet.core.rollout import Answer, Ask, Block, Done, RunState, Soak, Start, Wait, WaveProgress
from arcfleet.core.run_waves import GateId, RunWave
from arcfleet.errors import FleetError, PermanentError
from flows import announcing, batches, gates, soak
from flows.world_time import WorldTime
from tasks.events import emit
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
    path: str
    """The fleet file, as the flow was given it."""
    handed_over: bool = False
    """Sites are handed to workers in batches."""
    blocked: Callable[[str, Outcome], Outcome] = below
    """From a site's name and what it waited for in vain: how the site ends."""
    is_part: bool = False
    """Another run tells of the waves that this one is a part of."""
    run: str = ""
    """Its name."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    running: dict[str, asyncio.Future[Any] | None] = field(default_factory=dict)
    """By site that is under way: the work on it, once it has begun."""
    answers: dict[GateId, Answer] = field(default_factory=dict)
    records: list[GateRecord] = field(default_factory=list)
    soaked: set[str] = field(default_factory=set)
    begun: list[str] = field(default_factory=list)
    over: set[str] = field(default_factory=set)
    retried: int = 0

    def __post_init__(self) -> None:
        self.sites = {site.name: site for site in self.fleet.sites}
        self.wave_of = {name: wave.name for wave in self.waves for name in wave.sites}
        self.time = WorldTime(self.here.gateways)
        self.control = self.here.control

    async def carry_out(self) -> FleetReport:
        """Do all that is to be done, and return how every site ended."""
        self.began, self.zero = await self.time.now(), self.here.gateways.clock.monotonic()
        self.announce(events.run_started(self.fleet.name, self.run, len(self.fleet.sites)))
        async with asyncio.TaskGroup() as group:
            while not isinstance(action := self._next(await self.time.now()), Done):
                await self._do(action, group)
        if action.how is not Ended.ABORTED:
            await gates.forget(self)
        because = action.because or str(self.control.ending or "")
        for site in self.fleet.sites:
            if site.name not in self.outcomes:
                self.end(left_behind(site.name, because))
        ended = tuple(self.outcomes[site.name] for site in self.fleet.sites)
        return FleetReport(
            self.fleet.name, self.run, self.here.gateways.clock.monotonic() - self.zero, ended, self.path, action.how,
            because, tuple(self.records), began=self.began, waves=tuple(wave.name for wave in self.waves),
        )  # fmt: skip

    def _next(self, now: datetime) -> rollout.Action:
        self.obey()
        action = rollout.next_action(self.state(), now)
        announcing.wave(self, action)
        return action

    def announce(self, event: Event) -> None:
        """Tell Prefect of an event."""
        if not self.is_part:
            emit(event)

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
            case Start(wave, sites):
                self.running |= dict.fromkeys(sites)
                for work in batches.work(self, wave, sites) if self.handed_over else self._alone(sites):
                    group.create_task(work)
            case Block(site, by):
                self.end(self.blocked(site, self.outcomes[by]))
            case Wait(until=until):
                await self._until_changed(until)
            case Ask(place, gate):
                await gates.reach(self, place, gate)
            case Soak():
                await soak.watch(self, action)

    def _alone(self, sites: Sequence[str]) -> Iterator[Coroutine[Any, Any, None]]:
        return (self._one(self.sites[name]) for name in sites)

    async def _one(self, site: Site) -> None:
        """Take one site through its way. A site's failure is its outcome, never the run's exception."""
        self.ended(await self._in_contact(site))

    def ended(self, outcome: Outcome) -> None:
        """Take a site that was under way as ended."""
        self.running.pop(outcome.site)
        self.end(outcome)
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
        work: asyncio.Future[None] = asyncio.ensure_future(self.way(self.fleet, site, trail))
        self.running[site.name] = work
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

    def obey(self) -> None:
        """Do at once what the run was told of single sites."""
        told = self.control.orders
        for name in told.skip:
            if name in self.sites and name not in self.outcomes and name not in self.running:
                self.end(skipped(name, told.by))
        if told.retries > self.retried:
            self.retried = told.retries
            for name in [
                name for name, outcome in self.outcomes.items() if outcome.status in COUNTED | {Status.BLOCKED}
            ]:
                del self.outcomes[name]

    def end(self, outcome: Outcome) -> None:
        """Take an outcome of a site, which may be a later one than it had."""
        outcome = self.outcomes[outcome.site] = replace(outcome, wave=self.wave_of[outcome.site])
        self.here.progress.end(outcome)

    def tell(self, action: rollout.Action, waiting: str = "", do: str = "") -> None:
        """Tell who watches where the run is, what it waits for as a whole, and what a person does about that."""
        waiting = waiting or (action.why if isinstance(action, Wait) else "")
        self.tell_wave(rollout.wave_of(action), waiting or ("paused" if self.control.paused else ""), do)

    def tell_wave(self, name: str, waiting: str, do: str = "") -> None:
        """Tell who watches that the run is at a wave, what it waits for, and what a person does about that."""
        state, names = self.state(), [wave.name for wave in self.waves]
        wave = self.waves[names.index(name)]
        failed, allowed = rollout.count(state, wave, COUNTED), rollout.failures_allowed(state, wave)
        width, number = rollout.concurrency(state, wave), names.index(name) + 1
        self.here.progress.wave(WaveProgress(name, number, len(names), failed, allowed, width, waiting, do))


AWAY = frozenset({Reason.ARC_OFFLINE, Reason.ARC_EXPIRED})


def _late(site: Site) -> PermanentError:
    limit = site.timeouts.site
    return PermanentError(
        Reason.SITE_DEADLINE,
        f"took longer than timeouts.site, {duration_text(limit)}",
        "see which step took so long, then run it again",
    )
