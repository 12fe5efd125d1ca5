"""Running a flow in this process, watched on the console."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from arcfleet.app import tables
from arcfleet.app.live import Watch, print_report
from arcfleet.app.server import prefect_server
from arcfleet.app.server.prefect_server import PrefectServer
from arcfleet.core.fleet.manifest import Fleet
from arcfleet.core.reasons import Reason
from arcfleet.core.reporting import report as rendering
from arcfleet.core.runs.outcomes import FleetReport, Result
from arcfleet.errors import PermanentError, TransientError
from arcfleet.settings import Settings

EXIT = {
    Result.COMPLETED: 0,
    Result.COMPLETED_WITH_FAILURES: 3,
    Result.INCOMPLETE: 4,
    Result.STOPPED: 5,
    Result.REJECTED: 6,
    Result.ABORTED: 7,
}
"""Exit codes of runs; 1 is bad input or a run that could not begin, 2 is kept for `plan` with changes."""
Import = Callable[[], Any]
"""Imports a flow and returns it: Prefect reads its settings at import, when they are set."""


def deploy_fleet() -> Any:
    """Import the deploy flow."""
    from flows.deploy_fleet import deploy_fleet as flow  # noqa: PLC0415

    return flow


def audit_fleet() -> Any:
    """Import the audit flow."""
    from flows.audit_fleet import audit_fleet as flow  # noqa: PLC0415

    return flow


def rotate_credentials() -> Any:
    """Import the rotation flow."""
    from flows.rotate_credentials import rotate_credentials as flow  # noqa: PLC0415

    return flow


def remove_fleet() -> Any:
    """Import the removal flow."""
    from flows.remove_fleet import remove_fleet as flow  # noqa: PLC0415

    return flow


def run(console: Console, path: Path, fleet: Fleet, flow: Import, **parameters: Any) -> FleetReport:
    """Run a flow over the sites of a fleet, watched on the console, and return its report.

    Args:
        console: Where it is watched.
        path: The fleet file.
        fleet: Its chosen sites.
        flow: Imports the flow.
        parameters: The flow's parameters besides fleet and sites.

    Raises:
        PermanentError: There is no Prefect server, or the run ended before it had a report.
        TransientError: The server went away before.
    """
    settings = Settings()
    sites = [site.name for site in fleet.sites]
    with (
        prefect_server.available(settings.home) as server,
        prefect_server.revived(settings.home, server),
        Watch(console, fleet.name, settings.time_scale) as watch,
    ):
        state = asyncio.run(_run(flow, {"fleet": str(path.resolve()), "sites": sites, **parameters}, watch, server))
    if watch.report is None:
        raise PermanentError(Reason.INTERNAL, f"the run ended as {state}, without a report", "its log: arcfleet ui")
    return watch.report


def show(console: Console, report: FleetReport, *, json_output: bool) -> int:
    """Print a run's report, and return the command's exit code."""
    tables.print_json(rendering.to_json(report)) if json_output else print_report(console, report)
    return EXIT[report.result]


async def _run(flow: Import, parameters: dict[str, Any], watch: Watch, server: PrefectServer) -> str:
    if server.log:
        # It may end with this command, and its address with it; `arcfleet ui` shows the run at any time.
        os.environ["PREFECT_UI_ENABLED"] = "0"
    imported = flow()
    from tasks import runtime  # noqa: PLC0415
    from tasks.server import translated  # noqa: PLC0415

    await asyncio.to_thread(server.wait_ready)
    runtime.watcher.set(watch)
    try:
        with translated("the run's end"):
            state: Any = await imported(**parameters, return_state=True)
    except TransientError as error:
        if watch.report is None:
            raise
        return error.message
    return f"{state.name}: {state.message}"
