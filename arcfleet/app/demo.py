"""`make demo`: a simulator, a fleet of twelve sites deployed to it through Prefect, and what came of it."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from rich.text import Text

from arcfleet import fleetfile
from arcfleet.app import loading, rehearsal, runs, status, tables
from arcfleet.app.live import print_report
from arcfleet.app.server import prefect_server
from arcfleet.core.counts import some
from arcfleet.core.runs.outcomes import FleetReport, Status
from arcfleet.settings import Settings

FLEET = Path(__file__).parents[2] / "deployments" / "fleets" / "demo.yaml"
OFFLINE = "oslo"
"""The site whose Arc cluster is out of contact."""
SPEED = 90.0


def main() -> int:
    """Run the demo; return 0 when the fleet came out as the world allows."""
    console, began = tables.console_of(), time.monotonic()
    fleet = fleetfile.load(FLEET)
    console.print(
        Text(
            f"Rehearsal: {some(len(fleet.sites), 'site')} against the simulator on this machine, where time runs "
            f"{SPEED:.0f} times faster. The Arc cluster of {OFFLINE} is out of contact.\n",
            "dim",
        )
    )
    world = rehearsal.world_of(fleet)
    for cluster in world["clusters"]:
        if cluster["name"] == f"k-{OFFLINE}":
            cluster["connectivity"] = "Offline"
    # The Prefect server takes longest to start, so it comes first.
    with prefect_server.available(Settings().home), rehearsal.running(world, speed=SPEED) as running:
        rehearsal.enter(running.addresses)
        report = runs.run(console, FLEET, fleet, runs.deploy_fleet)
        found = asyncio.run(loading.read(status.read, fleet))
    tables.print_article_tables(console, found)
    console.print()
    tables.print_dicts(console, status.fleet_rows(found))
    print_report(console, report)
    console.print(Text(f"{time.monotonic() - began:.0f} s on this machine", "dim"))
    return 0 if as_expected(report) else 1


def as_expected(report: FleetReport) -> bool:
    """Tell whether all sites succeeded but the one that is out of contact."""
    return all(
        outcome.status in ({Status.DEFERRED} if outcome.site == OFFLINE else {Status.SUCCEEDED, Status.NOOP})
        for outcome in report.outcomes
    )


if __name__ == "__main__":
    sys.exit(main())
