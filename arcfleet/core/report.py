"""A run's report for people and machines: rows, pages, JSON. Rendering never computes what an outcome means."""

from __future__ import annotations

from typing import Any

from arcfleet.core.durations import clock_time
from arcfleet.core.findings import Finding
from arcfleet.core.outcomes import SCHEMA_VERSION, FleetReport, Outcome, Status

MARKS = {
    Status.SUCCEEDED: "✓",
    Status.NOOP: "=",
    Status.FAILED: "✗",
    Status.BLOCKED: "✗",
    Status.DEFERRED: "…",
}


def headline(report: FleetReport) -> str:
    """Return the run in one line, for example `completed · 11 succeeded, 1 deferred · 6:02`."""
    counts = ", ".join(f"{report.counts[status]} {status}" for status in Status if report.counts[status])
    return f"{report.result} · {counts} · {clock_time(report.seconds)}"


def summary(outcome: Outcome) -> str:
    """Return why a site ended as it did, in one line."""
    if outcome.finding:
        return outcome.finding.message
    if outcome.status is Status.NOOP:
        return "nothing to do, healthy"
    return "; ".join(outcome.changes)


def rows(report: FleetReport) -> list[dict[str, str]]:
    """Return the table of the fleet, a row per site."""
    return [
        {
            "site": outcome.site,
            "outcome": f"{MARKS[outcome.status]} {outcome.status}",
            "time": clock_time(outcome.seconds),
            "reason": outcome.finding.reason if outcome.finding else "",
            "what": summary(outcome),
        }
        for outcome in report.outcomes
    ]


def block(outcome: Outcome) -> list[tuple[str, str]]:
    """Return what an operator reads about a site that is not well: labelled lines, the remedy last."""
    finding = outcome.finding
    if finding is None:
        return []
    rule = f"{finding.rule} " if finding.rule else ""
    lines = [("cause", f"{finding.message}   [{rule}{finding.reason}]")]
    lines += [("seen", text) for text in finding.evidence]
    if outcome.steps:
        lines.append(("at", f"step {outcome.steps[-1].step}, after {clock_time(outcome.seconds)}"))
    if finding.remedy:
        lines.append(("do", finding.remedy))
    return lines


def markdown(outcome: Outcome) -> str:
    """Return a page about a site that is not well."""
    lines = "\n".join(f"- **{label}** {_escape(text)}" for label, text in block(outcome))
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
        "sites": [_outcome_json(outcome) for outcome in report.outcomes],
    }


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "site": outcome.site,
        "outcome": outcome.status,
        "seconds": round(outcome.seconds, 1),
        "changes": list(outcome.changes),
        "finding": finding_json(outcome.finding) if outcome.finding else None,
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
    }


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
