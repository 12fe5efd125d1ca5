"""`arcfleet audit`: what was changed behind our back. Reads only, and needs no Prefect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arcfleet.core.auditing import fleet_audit as rendering
from arcfleet.core.auditing.audit import SiteAudit, when
from arcfleet.core.auditing.fleet_audit import FleetAudit
from arcfleet.core.counts import some
from arcfleet.core.fleet.manifest import Fleet
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
    head = f"fleet {audit.fleet} · {some(len(audit.sites), 'site')} · audited {audit.made_at:%Y-%m-%d %H:%MZ}"
    console.print(Text(head, "bold"), soft_wrap=True)
    console.print()
    fine = [site.site for site in audit.sites if not site.drift and not site.finding]
    if fine:
        _print_line(console, ("=", "dim"), fine, "as the file says")
    for site in audit.drifted:
        _print_site(console, site)
    for (message, remedy), names in audit.failures.items():
        _print_line(console, ("✗", "red"), names, f"could not be audited: {message}", remedy)
    for (what, why), sites in audit.unknown.items():
        where = f"{len(sites)} sites" if len(sites) > 1 else sites[0]
        console.print(Text(f"  ?  {where}: unknown: {what} ({why})", "dim"), soft_wrap=True)
    console.print()
    console.print(Text(rendering.summary(audit), "bold"), soft_wrap=True)


def _print_line(console: Console, mark: tuple[str, str], names: Sequence[str], message: str, remedy: str = "") -> None:
    """Print what is the same of several sites."""
    more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
    subject = names[0] if len(names) == 1 else f"{len(names)} sites"
    console.print(Text.assemble("  ", mark, "  ", (subject, "bold"), f"  {message}"), soft_wrap=True)
    for text in ((", ".join(names[:NAMED]) + more) if len(names) > 1 else "", f"do: {remedy}" if remedy else ""):
        if text:
            console.print(Text(f"     {text}", "dim"), soft_wrap=True)


def _print_site(console: Console, site: SiteAudit) -> None:
    console.print(Text.assemble(("  ≠  ", "yellow"), (site.site, "bold")), soft_wrap=True)
    table = Table.grid(padding=(0, 2, 0, 0))
    for item in site.drift:
        # Its kind stands before it already.
        said = replace(item, what=item.what.removeprefix(f"{item.kind} "))
        told = Text(rendering.line(said))
        if item.remedy:
            told.append(f"\ndo: {item.remedy}", "dim")
        table.add_row("   ", Text(item.kind, "yellow"), told, Text(when(item.trace), "dim"))
    console.print(table)
