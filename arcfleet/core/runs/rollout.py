"""A run over waves: what is to be done next, as one function of how far the run is.

Nothing here waits or counts time: who carries a run out asks `next_action` after everything that happens.
Source of the rules: the semantics are in docs/architecture.md, "Waves".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from arcfleet.core import moments
from arcfleet.core.fleet.manifest import Gate
from arcfleet.core.fleet.rollout_parts import share, share_rounded_up
from arcfleet.core.runs.outcomes import COUNTED, LEFT_OUT, WELL, Ended, Status
from arcfleet.core.runs.run_waves import GateId, RunWave


class Answer(StrEnum):
    """What became of a gate."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run is. A site that `statuses` does not name is pending; one of `running` has no status yet."""

    waves: Sequence[RunWave]
    waits_for: Mapping[str, Sequence[str]]
    """Site -> those that must have ended well before it is begun: its parent, or backwards its children."""
    statuses: Mapping[str, Status] = field(default_factory=dict)
    running: frozenset[str] = frozenset()
    answers: Mapping[GateId, Answer] = field(default_factory=dict)
    soaked: frozenset[str] = frozenset()
    """Waves whose soak is over."""
    paused: bool = False
    aborted: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Begin these sites now."""

    wave: str
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A site can't be begun: what it waits for did not end well."""

    site: str
    by: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is to be begun until a site ends, somebody says something, or it is `until`."""

    wave: str
    until: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """A gate is reached."""

    id: GateId
    gate: Gate


@dataclass(frozen=True, slots=True)
class Soak:
    """All sites of a wave have ended; they must stay well for so many seconds."""

    wave: str
    seconds: float
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The run is over: why, and which wave ended it."""

    how: Ended
    wave: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What an address or a deployment that is asked at a gate says."""

    result: Literal["pass", "fail", "inconclusive"]
    because: str = ""


@dataclass(frozen=True, slots=True)
class WaveProgress:
    """Where a run is, for people."""

    name: str
    number: int
    """From 1."""
    waves: int
    failed: int = 0
    allowed: int | None = None
    """How many may fail; None for no bound."""
    width: int = 0
    """How many sites at once now."""
    waiting: str = ""
    """What the run as a whole waits for: a gate, a soak, a window; empty where it works on sites."""
    do: str = ""
    """What a person does about that; empty where nothing."""

    def __str__(self) -> str:
        bound = "" if self.allowed is None else f", {self.failed} of {self.allowed} failures allowed"
        do = f"; {self.do}" if self.do else ""
        rest = f": {self.waiting}{do}" if self.waiting else f", {self.width} at a time{bound}"
        return f"wave {self.number} of {self.waves} {self.name}{rest}"


Action = Start | Block | Wait | Ask | Soak | Done


def wave_of(action: Action) -> str:
    """Return the wave that an action is of; empty for one that is of none."""
    return action.id.wave if isinstance(action, Ask) else "" if isinstance(action, Block) else action.wave


def next_action(state: RunState, now: datetime) -> Action:
    """Return what a run does next. Deterministic: the same state and time give the same action."""
    if state.aborted:
        return Wait(state.waves[0].name, why="aborted") if state.running else Done(Ended.ABORTED)
    for wave in state.waves:
        action = _of_wave(state, wave, now) if wave.sites else None
        if action:
            return action
    return Done(Ended.COMPLETED)


def _of_wave(state: RunState, wave: RunWave, now: datetime) -> Action | None:
    """Return what a wave needs; None where it is over and the next may begin."""
    return (
        _gate(state, wave, after=False)
        or _breach(state, wave)
        or _sites(state, wave, now)
        or _passed(state, wave)
        or _soak(state, wave)
        or (_gate(state, wave, after=True) if _leads_on(state, wave) else None)
    )


def _leads_on(state: RunState, wave: RunWave) -> bool:
    """Tell whether a wave with sites comes after this one: with none, nothing is left that a gate could keep."""
    later = state.waves[[other.name for other in state.waves].index(wave.name) + 1 :]
    return any(other.sites for other in later)


def _gate(state: RunState, wave: RunWave, *, after: bool) -> Action | None:
    for place, gate in wave.gates(after=after):
        answer = state.answers.get(place)
        if answer is None:
            return Wait(wave.name, why="paused") if state.paused else Ask(place, gate)
        if answer is not Answer.APPROVED:
            return Done(Ended.REJECTED if answer is Answer.REJECTED else Ended.STOPPED, wave.name, f"{place} {answer}")
    return None


def _breach(state: RunState, wave: RunWave) -> Action | None:
    failed, allowed = count(state, wave, COUNTED), failures_allowed(state, wave)
    if allowed is None or failed <= allowed:
        return None
    because = f"{failed} failed of {allowed} allowed"
    return Wait(wave.name, why=because) if state.running else Done(Ended.STOPPED, wave.name, because)


def _sites(state: RunState, wave: RunWave, now: datetime) -> Action | None:
    """Begin what may be begun, or wait for what is under way."""
    pending = [name for name in wave.sites if name not in state.statuses and name not in state.running]
    for name in pending:
        bad = next((above for above in state.waits_for.get(name, ()) if _ended_badly(state, above)), None)
        if bad:
            return Block(name, bad)
    if pending and state.paused:
        return Wait(wave.name, why="paused")
    closed = wave.window and moments.opens_at(wave.window.opens, wave.window.length, wave.window.timezone, now)
    if pending and closed:
        return Wait(wave.name, closed, "the window is closed")
    ready = [name for name in pending if all(state.statuses.get(n) in WELL for n in state.waits_for.get(name, ()))]
    room = concurrency(state, wave) - len(state.running)
    if ready and room > 0:
        return Start(wave.name, tuple(ready[:room]))
    return Wait(wave.name) if pending or not state.running.isdisjoint(wave.sites) else None


def _ended_badly(state: RunState, name: str) -> bool:
    status = state.statuses.get(name)
    return status is not None and status not in WELL


def _passed(state: RunState, wave: RunWave) -> Action | None:
    """Stop after a wave that has not succeeded enough. One of which nothing was left to do passes."""
    size = _size(state, wave)
    well = count(state, wave, WELL)
    needed = max(1, share_rounded_up(wave.min_success, size)) if size and wave.max_failures is not None else 0
    return None if well >= needed else Done(Ended.STOPPED, wave.name, f"{well} succeeded of {needed} needed")


def _soak(state: RunState, wave: RunWave) -> Action | None:
    """Watch the sites that were changed; of one that was well before there is nothing new to learn."""
    changed = tuple(name for name in wave.sites if state.statuses.get(name) is Status.SUCCEEDED)
    if not wave.soak or not changed or wave.name in state.soaked:
        return None
    return Wait(wave.name, why="paused") if state.paused else Soak(wave.name, wave.soak, changed)


def count(state: RunState, wave: RunWave, statuses: frozenset[Status]) -> int:
    """Return how many sites of a wave have one of the statuses."""
    return sum(state.statuses.get(name) in statuses for name in wave.sites)


def _size(state: RunState, wave: RunWave) -> int:
    """Return how many sites a wave's shares are of: those that are left out do not count."""
    return len(wave.sites) - count(state, wave, LEFT_OUT)


def failures_allowed(state: RunState, wave: RunWave) -> int | None:
    """Return how many sites of a wave may fail, a share rounded down; None for no bound."""
    return None if wave.max_failures is None else share(wave.max_failures, _size(state, wave))


def concurrency(state: RunState, wave: RunWave) -> int:
    """Return how many of a wave's sites may be under way at once now.

    A share is rounded down, at least 1. Strict: no more than, if all of them failed, would exceed the bound by one.
    """
    width = max(1, share(wave.max_concurrency, _size(state, wave)))
    allowed = failures_allowed(state, wave)
    if not wave.strict or allowed is None:
        return width
    return min(width, allowed - count(state, wave, COUNTED) + 1)
