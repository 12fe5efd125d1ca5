"""Publish a run's report in the Prefect UI."""

from __future__ import annotations

from prefect import task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from arcfleet.core import events, fleet_plan
from arcfleet.core import report as rendering
from arcfleet.core.fleet_plan import FleetPlan
from arcfleet.core.outcomes import FleetReport
from tasks import runtime
from tasks.events import emit


@task(name="publish report", task_run_name="publish report", **runtime.OPTIONS)
async def publish_report(report: FleetReport) -> None:
    """Write one table of the fleet, and a page for each site that failed or was left out; tell of the run's end."""
    for event in events.of_report(report):
        emit(event)
    await acreate_table_artifact(
        rendering.rows(report), key=f"fleet-{report.fleet}", description=rendering.headline(report)
    )
    # One after the other: concurrent small writes starve each other on SQLite.
    for outcome in report.outcomes:
        if outcome.finding:
            await acreate_markdown_artifact(
                rendering.markdown(outcome, report.path, report.command),
                key=f"site-{report.fleet}-{outcome.site}",
                description=f"{outcome.status}: {rendering.summary(outcome)}",
            )


@task(name="publish plan", task_run_name="publish plan", **runtime.OPTIONS)
async def publish_plan(plan: FleetPlan) -> None:
    """Write one table of the plan."""
    due = (f"↻ {', '.join(sites)}: {what}" for what, sites in plan.due.items())
    lines = "\n\n".join((*fleet_plan.summary(plan), *due))
    await acreate_table_artifact(
        fleet_plan.rows(plan), key=f"plan-{plan.fleet}", description=f"plan {plan.id}\n\n{lines}"
    )
