"""Keep a run's report as files, and publish it in the Prefect UI."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

from prefect import get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.runtime import flow_run
from prefect.settings import get_current_settings

from arcfleet import report_files
from arcfleet.core.auditing import fleet_audit
from arcfleet.core.auditing.fleet_audit import FleetAudit
from arcfleet.core.planning import fleet_plan
from arcfleet.core.planning.fleet_plan import FleetPlan
from arcfleet.core.reporting import events, run_page
from arcfleet.core.reporting import report as rendering
from arcfleet.core.runs.outcomes import FleetReport
from arcfleet.settings import Settings
from tasks import runtime
from tasks.board import put_table
from tasks.events import emit


def keep_report(report: FleetReport) -> FleetReport:
    """Write a report's files into arcfleet's home, and return it with where its page is, and where Prefect shows it.

    No task: a run that is told to end has no time for more than this.
    """
    shown = get_current_settings().server.ui.enabled
    report = replace(report, url=(flow_run.ui_url or "") if shown else "")
    try:
        return replace(report, page=str(report_files.write(report, Settings().home)))
    except OSError as error:
        # Its sites have been worked on all the same, and what came of them is told otherwise too.
        get_run_logger().warning("The report could not be kept: %s", error)
        return report


@task(name="publish table", task_run_name="publish table", **runtime.OPTIONS)
async def publish_table(report: FleetReport, table: UUID | None) -> None:
    """Bring the run's table of the fleet to its last state, and tell automations how the run has ended."""
    for event in events.of_report(report):
        emit(event)
    await put_table(table, f"fleet-{report.fleet}", rendering.rows(report), rendering.headline(report))


@task(name="publish report", task_run_name="publish report", **runtime.OPTIONS)
async def publish_report(report: FleetReport) -> None:
    """Write the run's page and its JSON, a page for each site that failed, and one of all that were left out."""
    fleet, headline = report.fleet, rendering.headline(report)
    pages = [(f"report-{fleet}", run_page.overview(report), headline)]
    pages.append((f"report-json-{fleet}", fenced(report), headline))
    failed, left_out = rendering.failed(report), rendering.left_out(report)
    for outcome in failed:
        text = f"{outcome.status}: {rendering.summary(outcome)}"
        pages.append((f"site-{fleet}-{outcome.site}", rendering.markdown(outcome, report.path, report.command), text))
    if left_out:
        text = "\n\n".join(rendering.markdown(outcome, report.path, report.command) for outcome in left_out)
        pages.append((f"left-out-{fleet}", text, rendering.counted(left_out)))
    # One after the other: concurrent small writes starve each other on SQLite.
    for key, page, description in pages:
        await acreate_markdown_artifact(page, key=key, description=description)


def fenced(report: FleetReport) -> str:
    """Return a report's JSON as markdown: Prefect keeps no plain text."""
    return f"```json\n{json.dumps(rendering.to_json(report), default=str)}\n```"


@task(name="publish plan", task_run_name="publish plan", **runtime.OPTIONS)
async def publish_plan(plan: FleetPlan) -> None:
    """Write one table of the plan."""
    due = (f"↻ {', '.join(sites)}: {what}" for what, sites in plan.due.items())
    lines = "\n\n".join((*fleet_plan.summary(plan), *due))
    await acreate_table_artifact(
        fleet_plan.rows(plan), key=f"plan-{plan.fleet}", description=f"plan {plan.id}\n\n{lines}"
    )


@task(name="publish audit", task_run_name="publish audit", **runtime.OPTIONS)
async def publish_audit(audit: FleetAudit) -> None:
    """Write one table of what differs, and a page that says what can't be compared too."""
    told = fleet_audit.summary(audit)
    await acreate_table_artifact(fleet_audit.rows(audit), key=f"audit-{audit.fleet}", description=told)
    await acreate_markdown_artifact(fleet_audit.markdown(audit), key=f"audit-page-{audit.fleet}", description=told)
