"""`arcfleet audit`: what was changed behind our back. Reads only, and needs no Prefect."""

from __future__ import annotations

from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arcfleet.core import fleet_audit as rendering
from arcfleet.core.audit import SiteAudit, when
from arcfleet.core.fleet_audit import FleetAudit
from arcfleet.core.manifest import Fleet
from arcfleet.ports import Gateways
from arcfleet.steps.audit import audit_site
from arcfleet.waiting import each

NAMED = 12
"""How many of the sites of which nothing is to be told are named."""


def exit_code(audit: FleetAudit) -> int:
    """Return 1 where a site could not be audited, 2 where one differs, else 0."""
    if audit.failed:
        return 1
    return 2 if audit.drifted else 0


async def make(gateways: Gateways, fleet: Fleet) -> FleetAudit:
    """Audit every site of a fleet, several at once."""
    sites = await each(fleet.sites, fleet.rollout.max_concurrency, partial(audit_site, gateways, fleet))
    return FleetAudit(fleet.name, await gateways.registries.service_time(), tuple(sites))


def print_audit(console: Console, audit: FleetAudit) -> None:
    """Print an audit: the sites that differ, line by line; the others together; what can't be compared; the sum."""
    head = f"fleet {audit.fleet} · {len(audit.sites)} sites · audited {audit.made_at:%Y-%m-%d %H:%MZ}"
    console.print(Text(head, "bold"), soft_wrap=True)
    console.print()
    fine = [site.site for site in audit.sites if not site.drift and not site.finding]
    if fine:
        names = ", ".join(fine[:NAMED]) + (f", and {len(fine) - NAMED} more" if len(fine) > NAMED else "")
        subject = fine[0] if len(fine) == 1 else f"{len(fine)} sites: {names}"
        console.print(Text.assemble(("  =  ", "dim"), (subject, "bold"), ("  as the file says", "dim")), soft_wrap=True)
    for site in audit.sites:
        _print_site(console, site)
    for (what, why), sites in audit.unknown.items():
        where = f"{len(sites)} sites" if len(sites) > 1 else sites[0]
        console.print(Text(f"  ?  {where}: {what} is unknown: {why}", "dim"), soft_wrap=True)
    console.print()
    console.print(Text(rendering.summary(audit), "bold"), soft_wrap=True)


def _print_site(console: Console, site: SiteAudit) -> None:
    if site.finding:
        told = Text.assemble(("  ✗  ", "red"), (site.site, "bold"), f"  could not be audited: {site.finding.message}")
        console.print(told, soft_wrap=True)
        _print_remedy(console, site.finding.remedy)
    if not site.drift:
        return
    console.print(Text.assemble(("  ≠  ", "yellow"), (site.site, "bold")), soft_wrap=True)
    table = Table.grid(padding=(0, 2, 0, 0))
    for item in site.drift:
        table.add_row("    ", Text(item.kind, "yellow"), Text(rendering.line(item)), Text(when(item.trace), "dim"))
        if item.remedy:
            table.add_row("", "", Text(f"do: {item.remedy}", "dim"), "")
    console.print(table)


def _print_remedy(console: Console, remedy: str) -> None:
    if remedy:
        console.print(Text(f"       do: {remedy}", "dim"), soft_wrap=True)
