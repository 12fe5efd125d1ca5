"""Carries a run's waves out: does what `core.runs.rollout` says next, until it says that the run is over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from prefect import get_run_logger

from arcfleet.core.durations import duration_text
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.reasons import Reason
from arcfleet.core.reporting import events
from arcfleet.core.reporting.events import Event
from arcfleet.core.runs import rollout
from arcfleet.core.runs.outcomes import COUNTED, Ended, FleetReport, GateRecord, Outcome, Status, Trail, below, skipped
from arcfleet.core.runs.outcomes import not_started as left_behind
from arcfleet.core.runs.rollout import Answer, Ask, Block, Done, RunState, Soak, Start, Wait, WaveProgress
from arcfleet.core.runs.run_waves import GateId, RunWave
from arcfleet.errors import FleetError, PermanentError
from flows import announcing, batches, gates, soak
from flows.world_time import WorldTime
from tasks.events import emit
from tasks.runtime import Session

T = TypeVar("T")
Way = Callable[[Fleet, Site, Trail], Awaitable[None]]
"""What is done with one site: it fills the trail, and raises what stopped it."""
GRACE = 6.0
"""Real seconds that steps under way are given to end by themselves once the run has to end at once."""
AT_ONCE = frozenset({Reason.INTERRUPTED, Reason.LEASE_LOST, Reason.SERVER_LOST})
"""Ends that steps are not waited for: the process is told to end, or another run may work on the same sites soon."""
AGAIN = 60.0
"""Seconds between two looks at a cluster that is out of contact, where the fleet waits for such."""
SILENT = "the Prefect server, which does not answer now"


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
    asked: Counter[GateId] = field(default_factory=Counter)
    """How many times each gate has asked a person."""
    ends: dict[str, float] = field(default_factory=dict)
    """When what has a bounded time, a gate or a soak, comes to its end, by what it is."""
    leaving: bool = False

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
        if self.control.ending in AT_ONCE and not self.leaving:
            self.leaving = True
            asyncio.get_running_loop().call_later(GRACE, self._leave)
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
        """End the run with its process."""
        self.control.end(Reason.INTERRUPTED)

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
                # A wave that is worked on again soaks again, all of it.
                self.soaked.discard(wave)
                self.ends.pop(soak.name(wave), None)
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
        ends = self._unpaused() + site.timeouts.site.total_seconds()
        try:
            while not work.done() and (left := ends + trail.rest - self._unpaused()) > 0:
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

    def _unpaused(self) -> float:
        """Return the seconds of a clock that stands still while the run is paused."""
        return self.here.gateways.clock.monotonic() - self.control.paused_for

    def left(self, what: str, seconds: float) -> float:
        """Return how many of its seconds something has left, which begin with the first call. Pauses do not count."""
        now = self._unpaused()
        return self.ends.setdefault(what, now + seconds) - now

    async def unless_ended(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T | None:
        """Do work unless the run is ended, as `WorldTime.unless` has it."""
        return await self.time.unless(self.control.ended.wait(), work, seconds)

    async def unless_told(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T | None:
        """Do work unless the run is told what its next action depends on, as `WorldTime.unless` has it."""
        return await self.time.unless(self._told(), work, seconds)

    async def passed(self, seconds: float) -> bool:
        """Tell whether seconds of the world have passed; False where the run is told something before."""
        return bool(await self.unless_told(self._slept(seconds)))

    async def _slept(self, seconds: float) -> bool:
        await self.here.gateways.clock.sleep(max(0.0, seconds))
        return True

    async def _told(self) -> None:
        """Return once the run is to end or to pause, or has obeyed an order."""
        while not (self.control.ending or self.control.paused or self.obey()):
            self.control.changed.clear()
            await self.control.changed.wait()

    async def _until_changed(self, until: datetime | None) -> None:
        """Wait for a site's end, for something that the run is told, or for a moment."""
        self.control.changed.clear()
        waiting = asyncio.ensure_future(self.control.changed.wait())
        ahead = (until - await self.time.now()).total_seconds() if until else None
        try:
            await self.time.first_of(waiting, ahead)
        finally:
            waiting.cancel()

    def obey(self) -> bool:
        """Do at once what the run was told of single sites, and tell whether that was anything."""
        told = self.control.orders
        left_out = [name for name in self.sites if name in told.skip and name not in {*self.outcomes, *self.running}]
        for name in left_out:
            self.end(skipped(name, told.by))
        again = [name for name, outcome in self.outcomes.items() if told.retries > self.retried and _failed(outcome)]
        for name in again:
            del self.outcomes[name]
        self.retried = max(self.retried, told.retries)
        return bool(left_out or again)

    def end(self, outcome: Outcome) -> None:
        """Take an outcome of a site, which may be a later one than it had."""
        outcome = self.outcomes[outcome.site] = replace(outcome, wave=self.wave_of[outcome.site])
        self.here.progress.end(outcome)

    def tell(self, action: rollout.Action, waiting: str = "", do: str = "") -> None:
        """Tell who watches where the run is, what it waits for as a whole, and what a person does about that."""
        waiting = waiting or (action.why if isinstance(action, Wait) else "")
        waiting = waiting or ("paused" if self.control.paused else SILENT if self.control.unheard else "")
        self.tell_wave(rollout.wave_of(action), waiting, do)

    def tell_wave(self, name: str, waiting: str, do: str = "") -> None:
        """Tell who watches that the run is at a wave, what it waits for, and what a person does about that."""
        state, names = self.state(), [wave.name for wave in self.waves]
        wave = self.waves[names.index(name)]
        failed, allowed = rollout.count(state, wave, COUNTED), rollout.failures_allowed(state, wave)
        width, number = rollout.concurrency(state, wave), names.index(name) + 1
        self.here.progress.wave(WaveProgress(name, number, len(names), failed, allowed, width, waiting, do))


def _failed(outcome: Outcome) -> bool:
    """Tell whether a site is tried again when people say so."""
    return outcome.status in COUNTED | {Status.BLOCKED}


AWAY = frozenset({Reason.ARC_OFFLINE, Reason.ARC_EXPIRED})


def _late(site: Site) -> PermanentError:
    limit = site.timeouts.site
    return PermanentError(
        Reason.SITE_DEADLINE,
        f"took longer than timeouts.site, {duration_text(limit)}",
        "see which step took so long, then run it again",
    )
