"""The live view of a run: a line per site that is being worked on, what it waits for, and how long."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from arcfleet.app import tables
from arcfleet.core.durations import clock_time
from arcfleet.core.planning.plan import Step
from arcfleet.core.reporting import report as rendering
from arcfleet.core.reporting.run_view import Active, RunView, Tone
from arcfleet.core.runs.outcomes import FleetReport, Outcome, Status
from arcfleet.core.runs.rollout import WaveProgress

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
TONES = {Tone.GOOD: "green", Tone.NOW: "cyan", Tone.ASIDE: "yellow", Tone.BAD: "bold red", Tone.CALM: "dim"}
REDRAW = 0.25
"""Seconds between two drawings."""
GAP = 4
"""Blanks between the title and the counts in one line, at least."""
LONGEST_NAME = 24
"""Characters of a site's name that are shown, at least where there is little room."""
BLOCKS = 20
"""How many sites are explained one by one at the end; the report explains all."""


class Watch(RunView):
    """`ports.Progress` that a person watches.

    In a terminal it redraws a table; elsewhere it prints a line when a site begins a step or ends.

    Args:
        console: Where to draw.
        title: The fleet's name.
        scale: Seconds of the world per real second, for the times shown.
    """

    def __init__(self, console: Console, title: str, scale: float = 1.0) -> None:
        super().__init__(time.monotonic, scale)
        self.console, self._title = console, title
        self._live: Live | None = None
        self._lines: deque[Text] = deque()
        """Of sites that have ended, to be printed above the table."""
        self._over = threading.Event()
        self._drawing = threading.Thread(target=self._draw_on, daemon=True)

    def __enter__(self) -> Watch:
        if self.console.is_terminal:
            self._live = Live(console=self.console, get_renderable=self._render, auto_refresh=False, transient=True)
            self._live.start()
            self._drawing.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._over.set()
            self._drawing.join()
            self._draw(self._live)
            self._live.stop()

    def _draw_on(self) -> None:
        """Draw until the end. One thread alone writes to the terminal: two would leave parts of old tables behind."""
        while self._live and not self._over.wait(REDRAW):
            self._draw(self._live)

    def _draw(self, live: Live) -> None:
        while self._lines:
            self._print(self._lines.popleft())
        live.refresh()

    def _print(self, line: Text) -> None:
        self.console.print(line, no_wrap=True, overflow="ellipsis")

    def begin(self, site: str, step: Step) -> None:
        """A step of a site begins."""
        super().begin(site, step)
        self._say(f"{site}  {step}")

    def end(self, outcome: Outcome) -> None:
        """A site has ended."""
        super().end(outcome)
        # In a line here; the report has the whole of it.
        if self._live:
            self._lines.append(outcome_line(outcome))
        else:
            self._print(outcome_line(outcome))

    def wave(self, progress: WaveProgress) -> None:
        """How far the run is has changed."""
        if progress != self.where:
            self._say(str(progress))
        super().wave(progress)

    def _say(self, line: str) -> None:
        if not self._live:
            self.console.print(Text(f"{clock_time(self.now):>7}  {line}"))

    def _render(self) -> RenderableType:
        if not self.sites:
            return Text(f"{self._title} · starting Prefect", style="dim")
        header = self._header()
        # The last line of a terminal is the cursor's; one is the table's headings.
        room = self.console.height - len(header) - 2
        sites = self.slowest_first
        if not sites or room < 2:
            return Group(*header)
        shown = sites if len(sites) <= room else sites[: room - 1]
        more = [Text(f"  … and {len(sites) - len(shown)} more", "dim")] if len(shown) < len(sites) else []
        return Group(*header, self._table(shown), *more)

    def _table(self, sites: Sequence[tuple[str, Active]]) -> Table:
        """Return a line per site, none of them folded."""
        table = Table(box=None, expand=True, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        wide = self.console.width >= tables.WIDE
        table.add_column("  site", no_wrap=True, max_width=None if wide else LONGEST_NAME)
        table.add_column("step", no_wrap=True)
        table.add_column("for", no_wrap=True, justify="right")
        table.add_column("waiting for", no_wrap=True, ratio=1)
        for site, active in sites:
            # Text, since a message may hold what Rich would take for markup.
            waiting = Text(active.waiting.replace("\n", " "))
            table.add_row(Text(f"  {site}"), active.step, clock_time(self.now - active.since), waiting)
        return table

    def _header(self) -> list[Text]:
        """Return the lines above the table, none wider than the terminal."""
        title, counts = Text(self.title(self._title), "bold"), Text()
        for tone, part in self.counts():
            counts.append(f"{part}  ", TONES[tone])
        counts.rstrip()
        gap = self.console.width - title.cell_len - counts.cell_len
        lines = [Text.assemble(title, " " * gap, counts)] if gap >= GAP else [title, counts]
        for line in lines:
            line.truncate(self.console.width, overflow="ellipsis")
        at = self.where
        asides = [("waits for", at.waiting), ("do", at.do)] if at else []
        for label, text in asides:
            if text:
                # Folded: a command is to be read, and copied, whole.
                line = Text.assemble((f"  {label}  ", "dim"), (text, "yellow"))
                lines += line.wrap(self.console, self.console.width)
        return lines


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
        for label, text in rendering.block(outcome, report.path, report.command):
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
