"""`arcfleet plan`: what a deploy would do now. Reads only, and needs no Prefect."""

from __future__ import annotations

from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arcfleet.core.counts import some
from arcfleet.core.fleet.manifest import Fleet
from arcfleet.core.planning import fleet_plan as rendering
from arcfleet.core.planning import nesting
from arcfleet.core.planning.fleet_plan import FleetPlan
from arcfleet.core.planning.plan import Disposition, SitePlan
from arcfleet.core.reasons import Reason
from arcfleet.ports import Gateways
from arcfleet.steps.planning import plan_site
from arcfleet.waiting import each

STYLES = {
    Disposition.CREATE: "green",
    Disposition.UPDATE: "yellow",
    Disposition.ROTATE: "cyan",
    Disposition.RETIRE: "cyan",
    Disposition.REMOVE: "red",
    Disposition.NOOP: "dim",
    Disposition.DEFERRED: "yellow",
    Disposition.BLOCKED: "red",
}
NAMED = 12
"""How many sites of a group, and how many passwords that are due, are named."""


def exit_code(plan: FleetPlan) -> int:
    """Return 2 where there are changes, 1 where there are none but a site is blocked, else 0; as Terraform has it."""
    if plan.changing:
        return 2
    return 1 if plan.counts[Disposition.BLOCKED] else 0


async def make(gateways: Gateways, fleet: Fleet) -> FleetPlan:
    """Plan every site of a fleet, several at once."""
    plans = await each(fleet.sites, fleet.rollout.max_concurrency, partial(plan_site, gateways, fleet))
    sites = nesting.combined(fleet.sites, plans)
    now = await gateways.registries.service_time()
    return FleetPlan(fleet.name, now, fleet.rollout.max_concurrency, sites)


def print_plan(console: Console, plan: FleetPlan, *, calls: bool = False) -> None:
    """Print a plan: a line per site that is touched or can't be, those with nothing to do together, then the sum."""
    print_head(console, plan)
    table = Table.grid(padding=(0, 2, 0, 0))
    # With its calls every site is told alone, as each has its own.
    for names, site in [([name], site) for name, site in plan.sites.items()] if calls else plan.groups:
        add_rows(table, names, site, calls=calls)
    console.print(table)
    due = [f"{', '.join(sites)}: {what}" for what, sites in plan.due.items()]
    for line in (*due[:NAMED], *([f"… and {len(due) - NAMED} more"] if len(due) > NAMED else [])):
        console.print(Text(f"  ↻ {line}: arcfleet rotate", "cyan"), soft_wrap=True)
    print_unchecked(console, plan)
    console.print()
    for line in rendering.summary(plan) if plan.changing else ():
        console.print(Text(line), soft_wrap=True)
    if not plan.changing:
        console.print(Text(_nothing(plan), "bold"))


def print_head(console: Console, plan: FleetPlan, what: str = "plan") -> None:
    """Print which plan of which fleet this is."""
    count = some(len(plan.sites), "site")
    head = f"fleet {plan.fleet} · {count} · {what} {plan.id} · {plan.made_at:%Y-%m-%d %H:%MZ}"
    console.print(Text(head, "bold"), soft_wrap=True)
    console.print()


def print_unchecked(console: Console, plan: FleetPlan) -> None:
    """Print what could not be checked, and why."""
    for (what, why), sites in plan.unchecked.items():
        where = f"{len(sites)} sites" if len(sites) > 1 else sites[0]
        console.print(Text(f"  ? {where}: {what} ({why})", "dim"), soft_wrap=True)


def add_rows(table: Table, names: list[str], plan: SitePlan, *, calls: bool) -> None:
    """Add what is said of sites with the same plan: a line, their names, what to do, what is kept, each write."""
    style = STYLES[plan.disposition]
    text = Text(rendering.what(plan))
    if effect := rendering.effect(plan) if plan.changes else "":
        text.append(f"   {effect}", "magenta")
    subject = names[0] if len(names) == 1 else f"{len(names)} sites"
    table.add_row(
        Text(f"  {rendering.MARKS[plan.disposition]}", style),
        Text(subject, "bold"),
        Text(plan.disposition, style),
        text,
    )
    if len(names) > 1:
        more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
        table.add_row("", "", "", Text(", ".join(names[:NAMED]) + more, "dim"))
    for finding in (plan.finding, *plan.notes) if plan.finding else ():
        if finding.reason is Reason.ROTATION_DUE:
            continue  # told below, with those of all sites
        if finding is not plan.finding and finding.remedy:
            table.add_row("", "", "", Text(f"and: {finding.message}"))
        if finding.remedy:
            table.add_row("", "", "", Text(f"do: {finding.remedy}", "dim"))
    for line in plan.kept:
        table.add_row("", "", "", Text(f"kept: {line}", "dim"))
    for call in plan.calls if calls and plan.changes else ():
        table.add_row("", "", "", Text(str(call), "cyan"))


def _nothing(plan: FleetPlan) -> str:
    left = sum(plan.counts[which] for which in (Disposition.DEFERRED, Disposition.BLOCKED))
    due = plan.counts[Disposition.ROTATE]
    if due and not left:
        return f"nothing to deploy; passwords of {some(due, 'site')} are due: arcfleet rotate"
    return f"{left} of {some(len(plan.sites), 'site')} can't be deployed now" if left else "nothing to do"
