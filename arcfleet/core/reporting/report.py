"""A run's report for people and machines: rows, pages, JSON. Rendering never computes what an outcome means."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from arcfleet.core.durations import clock_time
from arcfleet.core.findings import Finding
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import SCHEMA_VERSION, FleetReport, GateRecord, Outcome, Status, StepRecord

MARKS = {
    Status.SUCCEEDED: "✓",
    Status.NOOP: "=",
    Status.FAILED: "✗",
    Status.TIMED_OUT: "✗",
    Status.BLOCKED: "✗",
    Status.DEFERRED: "…",
    Status.CANCELLED: "‖",
    Status.SKIPPED: "-",
    Status.NOT_STARTED: "·",
}
MARKDOWN = str.maketrans({"<": "&lt;", "\n": " ", "\r": " ", **{sign: f"\\{sign}" for sign in "\\|[`"}})
BAD = frozenset({Status.FAILED, Status.TIMED_OUT, Status.BLOCKED})
FIRST = (Status.FAILED, Status.TIMED_OUT, Status.BLOCKED, Status.CANCELLED, Status.DEFERRED)
"""Which sites are explained one by one, the worst first. Of the others the run itself says why."""


def headline(report: FleetReport) -> str:
    """Return the run in one line, for example `completed · 11 succeeded, 1 deferred · 6:02`."""
    because = f" · {report.because}" if report.because else ""
    return f"{report.result} · {counted(report.outcomes)} · {clock_time(report.seconds)}{because}"


def counted(outcomes: Sequence[Outcome]) -> str:
    """Return how many sites ended how, for example `11 succeeded, 1 deferred`."""
    return ", ".join(
        f"{count} {status}" for status in Status if (count := sum(outcome.status is status for outcome in outcomes))
    )


def explained(report: FleetReport) -> list[Outcome]:
    """Return the sites that are not as they should be, and of which a person can do something, the worst first."""
    found = [outcome for outcome in report.outcomes if outcome.finding and outcome.status in FIRST]
    return sorted(found, key=lambda outcome: FIRST.index(outcome.status))


def failed(report: FleetReport) -> list[Outcome]:
    """Return the sites that failed, or were not begun as something is in their way."""
    return [outcome for outcome in explained(report) if outcome.status in BAD]


def left_out(report: FleetReport) -> list[Outcome]:
    """Return the other sites that are explained."""
    return [outcome for outcome in explained(report) if outcome.status not in BAD]


def waves(report: FleetReport) -> list[tuple[str, list[Outcome]]]:
    """Return the sites by wave, in the order of the run."""
    names = list(dict.fromkeys([*report.waves, *(outcome.wave for outcome in report.outcomes)]))
    grouped = groupby(sorted(report.outcomes, key=lambda o: names.index(o.wave)), key=lambda o: o.wave)
    return [(name, list(outcomes)) for name, outcomes in grouped]


def gate_lines(report: FleetReport) -> list[str]:
    """Return a line per gate that was passed or not, for example `canary.after[0] approved by anna · plan 4f1c09ab`."""
    return [_gate_line(record) for record in report.gates]


def _gate_line(record: GateRecord) -> str:
    by = f" by {record.by}" if record.by else ""
    parts = (
        f"{record.gate} {record.answer}{by}", f"plan {record.plan}" if record.plan else "",
        f"{record.at:%Y-%m-%d %H:%M}Z", record.comment,
    )  # fmt: skip
    return " · ".join(filter(None, parts))


def summary(outcome: Outcome) -> str:
    """Return why a site ended as it did, in one line."""
    if outcome.finding:
        return outcome.finding.message
    parts = list(outcome.changes) or (["nothing to do, healthy"] if outcome.status is Status.NOOP else [])
    return "; ".join([*parts, *([f"images {arrivals(outcome.images)}"] if outcome.images else [])])


def arrivals(findings: Sequence[Finding]) -> str:
    """Return images with the grade of what says that they arrived, for example `web (A), api (D)`."""
    return ", ".join(f"{name} ({finding.grade or _word(finding)})" for name, finding in _named(findings))


def arrivals_in_short(findings: Sequence[Finding]) -> str:
    """Return how many images have arrived by which evidence, and which have not: `2/2 (A)`, `1/2 (A) web: stale`."""
    if not findings:
        return ""
    good = [finding for finding in findings if finding.ok]
    grades = ", ".join(sorted({str(finding.grade) for finding in good}))
    late = ", ".join(f"{name}: {_word(finding)}" for name, finding in _named(findings) if not finding.ok)
    return " ".join(filter(None, (f"{len(good)}/{len(findings)}", f"({grades})" if grades else "", late)))


def _named(findings: Sequence[Finding]) -> list[tuple[str, Finding]]:
    """Return image findings by the last part of their repository, or by the whole of it where that is not clear."""
    repositories = [finding.subject.removeprefix("sync ").partition("@")[0] for finding in findings]
    short = [text.rpartition("/")[2].partition(":")[0] for text in repositories]
    return [
        (name if short.count(name) == 1 else whole, finding)
        for name, whole, finding in zip(short, repositories, findings, strict=True)
    ]


def _word(finding: Finding) -> str:
    missing = finding.reason is Reason.IMAGE_NOT_ON_SITE
    return "missing" if missing else finding.reason.removeprefix("sync_").replace("_", " ")


def rows(report: FleetReport) -> list[dict[str, str]]:
    """Return the table of the fleet, a row per site."""
    return [row(outcome) for outcome in report.outcomes]


def row(outcome: Outcome) -> dict[str, str]:
    """Return a site's row in the table of the fleet."""
    ended = f"{MARKS[outcome.status]} {outcome.status}"
    return bare_row(outcome.site, ended, clock_time(outcome.seconds), summary(outcome)) | {
        "reason": str(outcome.finding.reason) if outcome.finding else "",
        "images": arrivals(outcome.images),
    }


def bare_row(site: str, outcome: str, time: str = "", what: str = "") -> dict[str, str]:
    """Return a row of the table of a fleet about a site that has not ended."""
    return {"site": site, "outcome": outcome, "time": time, "reason": "", "images": "", "what": what}


def block(outcome: Outcome, path: str, command: str = "deploy") -> list[tuple[str, str]]:
    """Return what an operator reads about a site that is not well: labelled lines, what to type last.

    Args:
        outcome: How the site ended.
        path: The fleet file.
        command: arcfleet's command that it ended under.
    """
    if outcome.finding is None:
        return []
    cause, *rest = finding_lines(outcome.finding)
    at = [("at", f"step {outcome.steps[-1].step}, after {clock_time(outcome.seconds)}")] if outcome.steps else []
    verb, *options = command.split()
    again = ("then", " ".join(["arcfleet", verb, shlex.quote(path), "--site", outcome.site, *options]))
    return [cause, *at, *rest, again]


def finding_lines(finding: Finding) -> list[tuple[str, str]]:
    """Return a finding's cause, what was seen, and what to do, a labelled line each."""
    rule = f"{finding.rule} " if finding.rule else ""
    lines = [("cause", f"{finding.message}   [{rule}{finding.reason}]")]
    lines += [("seen", text) for text in finding.evidence]
    return [*lines, *([("do", finding.remedy)] if finding.remedy else [])]


def markdown(outcome: Outcome, path: str, command: str = "deploy") -> str:
    """Return a page about a site that is not well."""
    lines = "\n".join(f"- **{label}** {escape(text)}" for label, text in block(outcome, path, command))
    steps = "\n".join(f"| {record.step} | {clock_time(record.seconds)} |" for record in outcome.steps)
    return f"## {outcome.site}: {outcome.status}\n\n{lines}\n\n| step | time |\n|---|---|\n{steps}\n"


def to_json(report: FleetReport) -> dict[str, Any]:
    """Return the report as plain values. `schema` rises when a field changes its meaning."""
    return {
        "schema": SCHEMA_VERSION,
        "fleet": report.fleet,
        "run": report.run,
        "result": report.result,
        "seconds": round(report.seconds, 1),
        "counts": {status: report.counts[status] for status in Status},
        "began": report.began.isoformat() if report.began else None,
        "because": report.because,
        "page": report.page,
        "url": report.url,
        "waves": [
            {"wave": name, "counts": {status: sum(o.status is status for o in outcomes) for status in Status}}
            for name, outcomes in waves(report)
        ],
        "gates": [
            {
                "gate": record.gate,
                "answer": record.answer,
                "at": record.at.isoformat(),
                "by": record.by,
                "comment": record.comment,
                "plan": record.plan,
            }
            for record in report.gates
        ],
        "sites": [_outcome_json(outcome, report) for outcome in report.outcomes],
    }


def _outcome_json(outcome: Outcome, report: FleetReport) -> dict[str, Any]:
    return {
        "site": outcome.site,
        "outcome": outcome.status,
        "wave": outcome.wave,
        "seconds": round(outcome.seconds, 1),
        "changes": list(outcome.changes),
        "finding": finding_json(outcome.finding) if outcome.finding else None,
        "diagnosis": [{label: text} for label, text in block(outcome, report.path, report.command)],
        "images": [finding_json(finding) for finding in outcome.images],
        "steps": [_step_json(record) for record in outcome.steps],
    }


def _step_json(record: StepRecord) -> dict[str, Any]:
    return {"step": record.step, "began": round(record.began, 1), "seconds": round(record.seconds, 1)}


def finding_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain values."""
    return {
        "verdict": finding.verdict,
        "reason": finding.reason,
        "rule": finding.rule,
        "subject": finding.subject,
        "message": finding.message,
        "evidence": list(finding.evidence),
        "remedy": finding.remedy,
        "grade": finding.grade,
    }


def escape(text: str) -> str:
    """Return a text that means nothing in markdown: no cell, tag, link or line begins or ends by it."""
    return text.translate(MARKDOWN)
