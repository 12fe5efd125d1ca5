"""`arcfleet remove`: the plan, the typed confirmation, the run."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from arcfleet.app import loading, runs, tables
from arcfleet.app import plan as planning
from arcfleet.app.live import print_report
from arcfleet.app.parameters import FleetPath, Json, Labels, Names, Simulator, Wait, Width
from arcfleet.app.server import prefect_server
from arcfleet.app.tables import print_json
from arcfleet.core.counts import some
from arcfleet.core.findings import of_error
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.planning import fleet_plan
from arcfleet.core.planning.fleet_plan import FleetPlan
from arcfleet.core.planning.plan import Disposition
from arcfleet.core.removing import fleet_removal
from arcfleet.core.removing.removals import Asked, Found, Removal, check_confirmation
from arcfleet.core.reporting import report as rendering
from arcfleet.core.runs.outcomes import Result
from arcfleet.errors import FleetError
from arcfleet.ports import Gateways
from arcfleet.settings import Settings
from arcfleet.steps import removal as steps
from arcfleet.steps.planning import RUN


def remove(
    fleet: FleetPath,
    *,
    site: Names = None,
    label: Labels = None,
    workloads: Annotated[
        bool, Parameter(help="What arcfleet applied in the clusters too, and its logins.", negative="")
    ] = False,
    connected_registry: Annotated[
        bool, Parameter(help="The connected registries of sites without ensure too.", negative="")
    ] = False,
    abandon_offline: Annotated[
        bool, Parameter(help="Let Azure forget extensions on clusters out of contact.", negative="")
    ] = False,
    plan: Annotated[bool, Parameter(help="Show what would be removed, and what is kept.", negative="")] = False,
    calls: Annotated[bool, Parameter(help="Print every write that would be made.", negative="")] = False,
    yes_remove: Annotated[str | None, Parameter(help="Confirm with the fleet's name, instead of typing it.")] = None,
    max_concurrency: Width = None,
    wait: Wait = False,
    simulator: Simulator = None,
    json_output: Json = False,
) -> int:
    """Remove sites: the extension, and with ensure what was made for them in the cloud registry.

    First it shows what goes and what is kept, then the fleet's name has to be typed. What is gone already is passed
    over: a second run does the rest of a first one that was stopped.

    Exit codes: 0 nothing is left to remove; 1 bad input, or not confirmed; 2 a removal was only shown; 3 a site failed;
    4 a site was left out, because its cluster is out of contact.
    """
    console = tables.console_of(stderr=json_output)
    loaded = loading.load(fleet, site, label, simulator)
    asked = Asked(workloads, connected_registry, abandon_offline)
    if yes_remove is not None:
        check_confirmation(loaded.name, yes_remove)
    with prefect_server.available(Settings().home) as server:
        server.wait_ready()
        made = asyncio.run(preview(loaded, asked))
        shown_only = plan or (yes_remove is None and (not made.changing or not sys.stdin.isatty()))
        if json_output and shown_only:
            print_json(fleet_plan.to_json(made))
        else:
            print_plan(console, made, calls=calls)
        if shown_only:
            return exit_code(console, made, asked_for=plan)
        typed = yes_remove or ask(console, loaded.name)
        check_confirmation(loaded.name, typed)
        options = {**asdict(asked), "confirm": typed, "max_concurrency": max_concurrency, "wait": wait}
        report = runs.run(console, fleet, loaded, runs.remove_fleet, **options)
    print_json(rendering.to_json(report)) if json_output else print_report(console, report)
    return runs.EXIT[report.result]


async def preview(fleet: Fleet, asked: Asked) -> FleetPlan:
    """Plan the removal of a fleet's chosen sites. The journal is asked too, so it takes a Prefect server."""
    # Prefect reads its settings when it is imported, and they are set by now.
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    from arcfleet.gateways import connect  # noqa: PLC0415
    from tasks import journal  # noqa: PLC0415

    async with get_client() as client, journal.opened(client) as opened, connect(Settings(), opened) as gateways:
        return await make(gateways, fleet, asked)


async def make(gateways: Gateways, fleet: Fleet, asked: Asked) -> FleetPlan:
    """Plan the removal of every site of a fleet, as one run carries it out: children before their parents."""
    slots = asyncio.Semaphore(fleet.rollout.max_concurrency)

    async def look(site: Site) -> Found | Removal:
        async with slots:
            try:
                return await steps.look(gateways, site, fleet.manifests, asked, max_age=RUN)
            except FleetError as error:
                return _unread(error)

    async def judged(site: Site, made: Mapping[str, Removal]) -> Removal:
        async with slots:
            try:
                return await steps.judged(gateways, site, made[site.name])
            except FleetError as error:
                return _unread(error)

    found = await asyncio.gather(*(look(site) for site in fleet.sites))
    names = [site.name for site in fleet.sites]
    made = fleet_removal.combined(fleet.sites, dict(zip(names, found, strict=True)), asked)
    removals = await asyncio.gather(*(judged(site, made) for site in fleet.sites))
    now = await gateways.registries.service_time()
    plans = {name: removal.plan for name, removal in zip(names, removals, strict=True)}
    return FleetPlan(fleet.name, now, fleet.rollout.max_concurrency, plans)


def _unread(error: FleetError) -> Removal:
    """Return that nothing is removed at a site of which something could not be read."""
    return Removal(finding=of_error(error, "observe"), disposition=Disposition.BLOCKED)


def print_plan(console: Console, plan: FleetPlan, *, calls: bool) -> None:
    """Print what is removed, what stays and why, and what it amounts to."""
    planning.print_head(console, plan, "removal")
    table = Table.grid(padding=(0, 2, 0, 0))
    for names, site in [([name], site) for name, site in plan.sites.items()] if calls else plan.groups:
        planning.add_rows(table, names, site, calls=calls)
    console.print(table)
    planning.print_unchecked(console, plan)
    console.print()
    for line in summary(plan):
        console.print(Text(line, "bold" if not plan.changing else ""), soft_wrap=True)


def summary(plan: FleetPlan) -> list[str]:
    """Return what a removal amounts to, in lines for the end of a page."""
    left = [f"{plan.counts[which]} {which}" for which in (Disposition.DEFERRED, Disposition.BLOCKED)]
    left = [text for text in left if not text.startswith("0 ")]
    if not plan.changing:
        return [" · ".join(["nothing to remove", *left])]
    calls = [call for site in plan.changing for call in site.calls]
    azure = sum(call.is_azure for call in calls)
    extensions = sum("/extensions/" in call.target for call in calls)
    stopped = f"{some(extensions, 'connected registry stops', 'connected registries stop')} for good: pulls fail there"
    return [
        " · ".join([some(len(plan.changing), "site is removed", "sites are removed"), *left]),
        *([stopped] if extensions else []),
        f"{some(azure, 'write')} to Azure, {len(calls) - azure} to the clusters · "
        f"{some(plan.concurrency, 'site')} at a time",
    ]


def ask(console: Console, fleet: str) -> str:
    """Return what a person types to confirm."""
    console.print()
    return console.input(Text.assemble("This can't be undone. Type the fleet's name (", (fleet, "bold"), "): ")).strip()


def exit_code(console: Console, plan: FleetPlan, *, asked_for: bool) -> int:
    """Return the code of a removal that was only shown: as `arcfleet plan` has it, or why nothing was begun.

    Args:
        console: Told how to confirm, where that is what is lacking.
        plan: What was shown.
        asked_for: No more than that was asked for.
    """
    if plan.changing and not asked_for:
        console.print(Text(f"\nnothing was removed; to confirm: --yes-remove {plan.fleet}", "bold"))
    if plan.changing or asked_for:
        return planning.exit_code(plan)
    if plan.counts[Disposition.BLOCKED]:
        return runs.EXIT[Result.COMPLETED_WITH_FAILURES]
    return runs.EXIT[Result.INCOMPLETE if plan.counts[Disposition.DEFERRED] else Result.COMPLETED]
