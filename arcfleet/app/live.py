"""The live view of a run: a line per site that is being worked on, what it waits for, and how long."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from arcfleet.core import report as rendering
from arcfleet.core.durations import clock_time
from arcfleet.core.findings import Finding
from arcfleet.core.outcomes import FleetReport, Outcome, Status
from arcfleet.core.plan import Step
from arcfleet.core.rollout import WaveProgress

STYLES = {
    Status.SUCCEEDED: "green",
    Status.NOOP: "green",
    Status.FAILED: "red",
    Status.TIMED_OUT: "red",
    Status.BLOCKED: "red",
    Status.DEFERRED: "yellow",
    Status.CANCELLED: "yellow",
    Status.SKIPPED: "yellow",
    Status.NOT_STARTED: "dim",
}
BLOCKS = 20
"""How many sites are explained one by one at the end; the report explains all."""


@dataclass(slots=True)
class _Active:
    step: Step
    since: float
    waiting: str = ""


@dataclass(slots=True)
class Watch:
    """`ports.Progress` that a person watches.

    In a terminal it redraws a table; elsewhere it prints a line when a site begins a step or ends.

    Args:
        console: Where to draw.
        title: The fleet's name.
        scale: Seconds of the world per real second, for the times shown.
    """

    console: Console
    title: str
    scale: float = 1.0
    report: FleetReport | None = None
    _run: str = ""
    _sites: list[str] = field(default_factory=list)
    _active: dict[str, _Active] = field(default_factory=dict)
    _ended: list[Outcome] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _live: Live | None = None
    _wave: WaveProgress | None = None

    def __enter__(self) -> Watch:
        if self.console.is_terminal:
            self._live = Live(console=self.console, get_renderable=self._render, refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def begin(self, site: str, step: Step) -> None:
        """A step of a site begins."""
        self._active[site] = _Active(step, self._now())
        if not self._live:
            self.console.print(Text(f"{clock_time(self._now()):>7}  {site}  {step}"))

    def end(self, outcome: Outcome) -> None:
        """A site has ended."""
        self._active.pop(outcome.site, None)
        self._ended.append(outcome)
        # In a line here; the report has the whole of it.
        self.console.print(outcome_line(outcome), no_wrap=True, overflow="ellipsis")

    def finish(self, report: FleetReport) -> None:
        """A run has ended."""
        self.report = report

    def start(self, sites: Sequence[str], run: str) -> None:
        """A run begins."""
        self._sites, self._run, self._began = list(sites), run, time.monotonic()

    def wave(self, progress: WaveProgress) -> None:
        """How far the run is has changed."""
        if not self._live and progress != self._wave:
            self.console.print(Text(f"{clock_time(self._now()):>7}  {progress}"))
        self._wave = progress

    def waiting(self, site: str, finding: Finding | str) -> None:
        """A site waits for something."""
        if site in self._active:
            self._active[site].waiting = finding if isinstance(finding, str) else finding.message

    def _now(self) -> float:
        return (time.monotonic() - self._began) * self.scale

    def _render(self) -> RenderableType:
        if not self._sites:
            return Text(f"{self.title} · starting Prefect", style="dim")
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for heading in ("site", "step", "for", "waiting for"):
            table.add_column(heading, justify="right" if heading == "for" else "left", no_wrap=heading != "waiting for")
        now = self._now()
        for site, active in list(self._active.items()):
            # Text, since a message may hold what Rich would take for markup.
            table.add_row(Text(f"  {site}"), active.step, clock_time(now - active.since), Text(active.waiting))
        return Group(self._header(now), table)

    def _header(self, now: float) -> Text:
        counts = {status: sum(outcome.status is status for outcome in self._ended) for status in Status}
        good, bad = counts[Status.SUCCEEDED] + counts[Status.NOOP], counts[Status.FAILED] + counts[Status.BLOCKED]
        left = len(self._sites) - len(self._ended) - len(self._active)
        where = self._wave
        wave = f" · wave {where.number} of {where.waves} {where.name}" if where and where.waves > 1 else ""
        header = Text(f"{self.title} · {self._run}{wave} · {clock_time(now)}    ")
        header.append(f"✓ {good}  ", "green")
        header.append(f"● {len(self._active)}  ", "cyan")
        header.append(f"… {counts[Status.DEFERRED]}  ", "yellow")
        bound = f" of {where.allowed} allowed" if where and where.allowed is not None else ""
        header.append(f"✗ {bad}{bound}  ", "red" if bad else "dim")
        header.append(f"· {left} to come" if left else "", "dim")
        header.append(f"\n  {where.waiting}" if where and where.waiting else "", "yellow")
        return header


def outcome_line(outcome: Outcome) -> Text:
    """Return the line that a site leaves behind when it ends."""
    line = Text(f"{rendering.MARKS[outcome.status]} ", STYLES[outcome.status])
    line.append(f"{outcome.site:<20}", "bold")
    line.append(f" {outcome.status:<10} {clock_time(outcome.seconds):>7}  ")
    line.append(rendering.summary(outcome), "dim" if outcome.finding is None else "")
    return line


def print_report(console: Console, report: FleetReport) -> None:
    """Print what a person needs after a run: each site that is not well, the run in one line, where it is kept."""
    explained = rendering.explained(report)
    for outcome in explained[:BLOCKS]:
        console.print()
        title = f"{rendering.MARKS[outcome.status]} {outcome.site}  {outcome.status}"
        console.print(Text(title, f"bold {STYLES[outcome.status]}"))
        table = Table.grid(padding=(0, 2))
        for label, text in rendering.block(outcome, report.path):
            table.add_row(Text(f"  {label}", "dim"), Text(text))
        console.print(table)
    if rest := explained[BLOCKS:]:
        console.print(Text(f"\n… and {len(rest)} more, which the report explains as well: {rendering.counted(rest)}"))
    console.print()
    console.print(Text(rendering.headline(report), "bold"))
    for gate in rendering.gate_lines(report):
        console.print(Text(f"gate {gate}", "dim"))
    kept = [f"report: {report.page}"] if report.page else []
    console.print(Text(" · ".join([*kept, f"Prefect: {report.url or 'arcfleet ui'}"])), soft_wrap=True)
