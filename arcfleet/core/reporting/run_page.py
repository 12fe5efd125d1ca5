"""What a run's page shows: its sites' steps on one scale of time, and everything else as lines to be laid out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from arcfleet.core.durations import clock_time
from arcfleet.core.planning.plan import Step
from arcfleet.core.reporting import report as rendering
from arcfleet.core.runs.outcomes import COUNTED, FleetReport, Outcome, Status, StepRecord

STEPS = tuple(Step)
TICKS = 6
"""How many spaces between marks a scale has at most."""
ROUND = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
"""Seconds that people count in."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A step on the scale: where it begins and how long it is, in percent of the run."""

    kind: int
    """The step's number, which its colour goes by."""
    left: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A site on the page."""

    outcome: Outcome
    mark: str
    began: float | None
    """Seconds since the run began; None where it never was."""
    bars: tuple[Bar, ...]
    what: str
    images: str

    @property
    def failed(self) -> bool:
        """Tell whether its last step is the one that failed."""
        return self.outcome.status in COUNTED

    @property
    def began_text(self) -> str:
        """Return when it was begun, counted from the run's beginning."""
        return "" if self.began is None else clock_time(self.began)


@dataclass(frozen=True, slots=True)
class WavePart:
    """A wave on the page."""

    name: str
    counts: str
    lines: tuple[Line, ...]
    when: str
    """From its first step to its last one."""
    begun: bool


def waves(report: FleetReport) -> list[WavePart]:
    """Return the waves of a run with their sites, in the order in which they were begun."""
    whole = length(report)
    return [_wave(name, outcomes, whole) for name, outcomes in rendering.waves(report)]


def _wave(name: str, outcomes: Sequence[Outcome], whole: float) -> WavePart:
    lines = sorted((line_of(outcome, whole) for outcome in outcomes), key=lambda line: (line.began is None, line.began))
    begins = [line.began for line in lines if line.began is not None]
    ends = [record.began + record.seconds for outcome in outcomes for record in outcome.steps]
    when = f"{clock_time(min(begins))} to {clock_time(max(ends))}" if begins else "not begun"
    return WavePart(name, rendering.counted(outcomes), tuple(lines), when, bool(begins))


def line_of(outcome: Outcome, whole: float) -> Line:
    """Return a site's line on a scale of `whole` seconds."""
    bars = tuple(_bar(record, whole) for record in outcome.steps)
    began = outcome.steps[0].began if outcome.steps else None
    images = rendering.arrivals(outcome.images)
    # The images have a column of their own.
    what = outcome.finding.message if outcome.finding else "; ".join(outcome.changes)
    return Line(
        outcome, rendering.MARKS[outcome.status], began, bars, what or rendering.summary(outcome), images
    )  # fmt: skip


def _bar(record: StepRecord, whole: float) -> Bar:
    span = f"{clock_time(record.began)} to {clock_time(record.began + record.seconds)}"
    return Bar(
        STEPS.index(record.step), round(100 * record.began / whole, 2), round(100 * record.seconds / whole, 2),
        f"{record.step} {clock_time(record.seconds)} ({span})",
    )  # fmt: skip


def length(report: FleetReport) -> float:
    """Return the seconds that the scale is of: the run's, and no less than its steps'."""
    ends = (record.began + record.seconds for outcome in report.outcomes for record in outcome.steps)
    return max(report.seconds, 1.0, *ends)


def ticks(report: FleetReport) -> list[tuple[float, str]]:
    """Return the marks of the scale: where, in percent, and which time."""
    whole = length(report)
    space = next((size for size in ROUND if whole / size <= TICKS), ROUND[-1])
    return [(round(100 * at / whole, 2), clock_time(at)) for at in range(0, int(whole) + 1, space) if at < 0.96 * whole]


def steps_of(report: FleetReport) -> list[tuple[int, str]]:
    """Return the steps that occurred, each with the number that its colour goes by."""
    seen = {record.step for outcome in report.outcomes for record in outcome.steps}
    return [(number, str(step)) for number, step in enumerate(STEPS) if step in seen]


def statuses(report: FleetReport) -> list[tuple[Status, str, int]]:
    """Return how many sites ended how, the statuses that occurred, each with its mark."""
    return [(status, rendering.MARKS[status], report.counts[status]) for status in Status if report.counts[status]]


def reasons(report: FleetReport) -> list[tuple[str, int]]:
    """Return how often each reason is the one of a site that is explained, the most frequent first."""
    found = rendering.explained(report)
    return Counter(str(outcome.finding.reason) for outcome in found if outcome.finding).most_common()


def markdown(report: FleetReport) -> str:
    """Return the run as a page of markdown: what came of it, its waves and gates, what is to be done, every site."""
    causes = (rendering.markdown(outcome, report.path) for outcome in rendering.explained(report))
    return "\n\n".join([overview(report), *causes, _table(report)])


def overview(report: FleetReport) -> str:
    """Return what came of a run, its waves and its gates, as markdown."""
    rows = [f"| {wave.name} | {wave.when} | {wave.counts} |" for wave in waves(report)]
    parts = [
        f"# {report.fleet} · {report.run}", f"**{rendering.escape(rendering.headline(report))}**",
        f"Began {report.began:%Y-%m-%d %H:%M}Z" if report.began else "",
        "\n".join(["| wave | when | sites |", "|---|---|---|", *rows]),
        "\n".join(f"- gate {rendering.escape(line)}" for line in rendering.gate_lines(report)),
        f"The report is kept as {rendering.escape(report.page)}" if report.page else "",
    ]  # fmt: skip
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(report: FleetReport) -> str:
    rows = rendering.rows(report)
    lines = ["| " + " | ".join(rendering.escape(cell) for cell in row.values()) + " |" for row in rows]
    heads = list(rows[0]) if rows else []
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *lines])
