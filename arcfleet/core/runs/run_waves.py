"""The waves of one run: which sites, in which order, what each wave may cost, and its gates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from arcfleet.core.fleet import waves
from arcfleet.core.fleet.manifest import Fleet, Gate, Rollout, Wave
from arcfleet.core.fleet.rollout_parts import Amount, Window


@dataclass(frozen=True, slots=True)
class GateId:
    """A gate's place: its wave, before or after it, and its number there."""

    wave: str
    after: bool
    index: int

    def __str__(self) -> str:
        return f"{self.wave}.{'after' if self.after else 'before'}[{self.index}]"

    @property
    def key(self) -> str:
        """The place in letters, digits and dashes."""
        return f"{self.wave}-{'after' if self.after else 'before'}-{self.index}"


@dataclass(frozen=True, slots=True)
class RunWave:
    """A wave of one run: its sites in their order, and what it may cost."""

    name: str
    sites: tuple[str, ...]
    max_concurrency: Amount
    max_failures: Amount | None
    min_success: Amount = 0
    strict: bool = True
    soak: float = 0.0
    """Seconds."""
    window: Window | None = None
    before: tuple[Gate, ...] = ()
    after: tuple[Gate, ...] = ()

    def gates(self, *, after: bool) -> Iterable[tuple[GateId, Gate]]:
        """Return its gates of one side, with their places."""
        return ((GateId(self.name, after, i), gate) for i, gate in enumerate(self.after if after else self.before))


def waves_of(
    fleet: Fleet, *, max_concurrency: int | None, max_failures: int | None, gated: bool, reverse: bool
) -> list[RunWave]:
    """Return the waves of a run over a fleet's sites.

    Args:
        fleet: The chosen sites.
        max_concurrency: In place of every wave's own.
        max_failures: In place of every wave's own.
        gated: With the waves' gates.
        reverse: The last wave first, and in a wave children before what they are nested under.
    """
    written = {wave.name: wave for wave in fleet.rollout.waves}
    made = []
    for name, sites in waves.members(fleet.rollout, fleet.sites).items():
        wave = _wave(fleet.rollout, written.get(name), name, tuple(site.name for site in sites))
        wave = wave if max_concurrency is None else replace(wave, max_concurrency=max_concurrency)
        wave = wave if max_failures is None else replace(wave, max_failures=max_failures)
        wave = wave if gated else replace(wave, before=(), after=())
        # Backwards is away with a site: there is nothing left that could be seen to stay well.
        made.append(replace(wave, sites=wave.sites[::-1], soak=0.0) if reverse else wave)
    return made[::-1] if reverse else made


def _wave(rollout: Rollout, wave: Wave | None, name: str, sites: tuple[str, ...]) -> RunWave:
    strict = rollout.concurrency_mode == "strict"
    if wave is None:
        return RunWave(name, sites, rollout.max_concurrency, rollout.max_failures, strict=strict)
    return RunWave(
        name,
        sites,
        rollout.max_concurrency if wave.max_concurrency is None else wave.max_concurrency,
        wave.max_failures,
        wave.min_success,
        strict,
        wave.soak.total_seconds() if wave.soak else 0.0,
        wave.window,
        wave.before,
        wave.after,
    )
