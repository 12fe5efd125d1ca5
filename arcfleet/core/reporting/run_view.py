"""How a run stands: what it was told of sites and waves, remembered for those who show it while it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from arcfleet.core.durations import clock_time
from arcfleet.core.findings import Finding
from arcfleet.core.planning.plan import Step
from arcfleet.core.reporting import report as rendering
from arcfleet.core.runs.outcomes import WELL, FleetReport, Outcome, Status
from arcfleet.core.runs.rollout import WaveProgress


class Tone(StrEnum):
    """What a part of the counts is about."""

    GOOD = "good"
    NOW = "now"
    ASIDE = "aside"
    BAD = "bad"
    CALM = "calm"


ASIDE = frozenset({Status.DEFERRED, Status.SKIPPED})


@dataclass(slots=True)
class Active:
    """A site that is worked on: at which step, since when, what it waits for, and when it was begun."""

    step: Step
    since: float
    begun: float
    waiting: str = ""


class RunView:
    """A `ports.Progress` that remembers.

    Args:
        monotonic: Returns seconds that only grow.
        scale: Seconds of the world per such second, for the times shown.
    """

    def __init__(self, monotonic: Callable[[], float], scale: float = 1.0) -> None:
        self._monotonic, self._scale = monotonic, scale
        self._began = monotonic()
        self._throttled: Callable[[], int] = lambda: 0
        self.run = ""
        self.sites: tuple[str, ...] = ()
        self.active: dict[str, Active] = {}
        self.ended: dict[str, Outcome] = {}
        self.where: WaveProgress | None = None
        self.report: FleetReport | None = None

    def begin(self, site: str, step: Step) -> None:
        """A step of a site begins."""
        now = self.now
        begun = self.active[site].begun if site in self.active else now
        self.active[site] = Active(step, now, begun)
        # It may have ended before, and is tried again.
        self.ended.pop(site, None)

    def end(self, outcome: Outcome) -> None:
        """A site has ended."""
        self.active.pop(outcome.site, None)
        self.ended[outcome.site] = outcome

    def finish(self, report: FleetReport) -> None:
        """A run has ended."""
        self.report = report

    def start(self, sites: Sequence[str], run: str, throttled: Callable[[], int]) -> None:
        """A run begins."""
        self.sites, self.run, self._throttled, self._began = tuple(sites), run, throttled, self._monotonic()

    def wave(self, progress: WaveProgress) -> None:
        """How far the run is has changed."""
        self.where = progress

    def waiting(self, site: str, finding: Finding | str) -> None:
        """A site waits for something."""
        if site in self.active:
            self.active[site].waiting = finding if isinstance(finding, str) else finding.message

    @property
    def now(self) -> float:
        """Return the seconds of the world since the run began."""
        return (self._monotonic() - self._began) * self._scale

    @property
    def slowest_first(self) -> list[tuple[str, Active]]:
        """Return the sites that are worked on, the one that was begun first at the top."""
        return sorted(self.active.items(), key=lambda item: item[1].begun)

    @property
    def to_come(self) -> int:
        """Return how many sites have not been begun."""
        return len(self.sites) - len(self.ended) - len(self.active)

    def title(self, fleet: str) -> str:
        """Return where the run is, for example `plants-eu · calm-otter · wave 2 of 2 "prod" · 4:31`."""
        at = self.where
        wave = f'wave {at.number} of {at.waves} "{at.name}"' if at and at.waves > 1 else ""
        # The fleet file's name, which the run's begins with, says no more than the fleet's.
        return " · ".join(filter(None, [fleet, self.run.rpartition(" · ")[2], wave, clock_time(self.now)]))

    def counts(self) -> list[tuple[Tone, str]]:
        """Return how many sites are where, for example `✓ 5`, `● 2`, `… 1`, `✗ 0 of 1 allowed`, `429s 0`."""
        statuses = [outcome.status for outcome in list(self.ended.values())]
        good, aside = sum(one in WELL for one in statuses), sum(one in ASIDE for one in statuses)
        bad, left = sum(one in rendering.BAD for one in statuses), sum(one is Status.CANCELLED for one in statuses)
        throttled = self._throttled()
        parts = [
            (Tone.GOOD, f"✓ {good}"), (Tone.NOW, f"● {len(self.active)}"), (Tone.ASIDE, f"… {aside}"),
            (Tone.BAD if bad else Tone.CALM, f"✗ {bad}{self._bound(bad)}"),
            (Tone.ASIDE, f"‖ {left}" if left else ""), (Tone.CALM, f"{self.to_come} to come" if self.to_come else ""),
            (Tone.ASIDE if throttled else Tone.CALM, f"429s {throttled}"),
        ]  # fmt: skip
        return [(tone, text) for tone, text in parts if text]

    def _bound(self, bad: int) -> str:
        if not self.where or self.where.allowed is None:
            return ""
        in_wave = "" if self.where.failed == bad else f", here {self.where.failed}"
        return f"{in_wave} of {self.where.allowed} allowed"

    def rows(self) -> list[dict[str, str]]:
        """Return the fleet's table as it is now, with the columns of `report.rows`."""
        return [self._row(site) for site in self.sites]

    def _row(self, site: str) -> dict[str, str]:
        if site in self.ended:
            return rendering.row(self.ended[site])
        if active := self.active.get(site):
            return rendering.bare_row(site, f"● {active.step}", clock_time(self.now - active.begun), active.waiting)
        return rendering.bare_row(site, "· to come")
