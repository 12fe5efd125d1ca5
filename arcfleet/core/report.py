"""A run's report for people and machines: rows, pages, JSON. Rendering never computes what an outcome means."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from arcfleet.core.durations import clock_time
from arcfleet.core.findings import Finding
from arcfleet.core.outcomes import SCHEMA_VERSION, FleetReport, Outcome, Status
from arcfleet.core.reasons import Reason

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


def headline(report: FleetReport) -> str:
    """Return the run in one line, for example `completed · 11 succeeded, 1 deferred · 6:02`."""
    counts = ", ".join(f"{report.counts[status]} {status}" for status in Status if report.counts[status])
    return f"{report.result} · {counts} · {clock_time(report.seconds)}"


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
    return [
        {
            "site": outcome.site,
            "outcome": f"{MARKS[outcome.status]} {outcome.status}",
            "time": clock_time(outcome.seconds),
            "reason": outcome.finding.reason if outcome.finding else "",
            "images": arrivals(outcome.images),
            "what": summary(outcome),
        }
        for outcome in report.outcomes
    ]


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
    lines = "\n".join(f"- **{label}** {_escape(text)}" for label, text in block(outcome, path, command))
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
        "sites": [_outcome_json(outcome, report) for outcome in report.outcomes],
    }


def _outcome_json(outcome: Outcome, report: FleetReport) -> dict[str, Any]:
    return {
        "site": outcome.site,
        "outcome": outcome.status,
        "seconds": round(outcome.seconds, 1),
        "changes": list(outcome.changes),
        "finding": finding_json(outcome.finding) if outcome.finding else None,
        "diagnosis": [{label: text} for label, text in block(outcome, report.path, report.command)],
        "images": [finding_json(finding) for finding in outcome.images],
        "steps": [{"step": record.step, "seconds": round(record.seconds, 1)} for record in outcome.steps],
    }


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


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
