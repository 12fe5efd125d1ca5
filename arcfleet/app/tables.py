"""Tables on the console, in the shape that `az --output table` has."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from arcfleet.app import status as reading
from arcfleet.app.status import FleetStatus
from arcfleet.core.findings import Finding, Grade
from arcfleet.core.reporting.report import finding_lines
from arcfleet.steps.standing import Standing

WIDE = 160
NAMED = 12
"""How many passwords that are due are named."""
COLOURS = {"Online": "green", "Syncing": "green", "Offline": "yellow", "Unhealthy": "red", "Connected": "green"}


def console_of(*, stderr: bool = False) -> Console:
    """Return a console; as wide as the terminal, and wide enough for a report where there is none."""
    found = Console(stderr=stderr, highlight=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = WIDE
    return found


def print_json(value: Any, indent: int | None = 2) -> None:
    """Print a value as JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=indent, default=str) + "\n")
    sys.stdout.flush()


def print_table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table as az does: a line under the headings, no cell cut or folded, however narrow the terminal."""
    _print(console, lines_of(columns, rows))


def _print(console: Console, lines: Iterable[Text]) -> None:
    for number, line in enumerate(lines):
        # The line under the headings alone may be cut.
        console.print(line, no_wrap=True, overflow="crop" if number == 1 else "ignore", crop=number == 1)


def lines_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[Text]:
    """Return a table's lines."""
    lines = [tuple(columns), *(tuple(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for number, line in enumerate(lines):
        text = Text(no_wrap=True, overflow="ellipsis")
        for cell, width in zip(line, widths, strict=True):
            style = "bold" if number == 0 else COLOURS.get(cell.split(" ")[0], "")
            text.append(f"{cell:<{width}}  ", style)
        text.rstrip()
        yield text
        if number == 0:
            yield Text("  ".join("-" * width for width in widths), "dim", no_wrap=True, overflow="ellipsis")


def print_dicts(console: Console, rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows that carry their column names; columns that are empty throughout are left out."""
    _print(console, lines_of_dicts(rows))


def lines_of_dicts(rows: Sequence[Mapping[str, str]]) -> Iterator[Text]:
    """Return the lines of such a table."""
    columns = [key for key in rows[0] if any(row[key] for row in rows)] if rows else []
    return lines_of(columns, [[row[key] for key in columns] for row in rows])


def print_weak(console: Console, status: FleetStatus) -> None:
    """Print why images are shown by the weakest evidence, and at which sites; of many reasons the first ones."""
    for why, sites in list(status.weak.items())[:NAMED]:
        names = ", ".join(sites[:NAMED]) + (f" and {len(sites) - NAMED} more" if len(sites) > NAMED else "")
        console.print(Text(f"(D) {names}: {why}", "dim"), soft_wrap=True)


def print_due(console: Console, status: FleetStatus) -> None:
    """Print a line for each password that ends soon and is not told in its site's row; of many the first ones."""
    for site, found in status.due[:NAMED]:
        console.print(Text(f"↻ {site}: {found.subject}: {found.message}: arcfleet rotate", "cyan"), soft_wrap=True)
    if more := status.due[NAMED:]:
        console.print(Text(f"↻ … and {len(more)} more: arcfleet rotate", "cyan"))


def print_chain(console: Console, item: Standing) -> None:
    """Print every part of one site, the deepest first, and what is wrong with it."""
    rows = [(found.subject, found.verdict, found.rule, _graded(found)) for found in item.chain]
    print_table(console, ("PART", "VERDICT", "RULE", "WHAT"), rows)
    if item.finding:
        console.print(Text(f"\n✗ {item.site}", "bold red"))
        for label, text in finding_lines(item.finding):
            console.print(Text.assemble((f"  {label:<6} ", "dim"), text), soft_wrap=True)


def _graded(found: Finding) -> str:
    """Return a finding's message with its grade, and of the weakest why there is no better evidence."""
    why = found.evidence if found.grade is Grade.D else ()
    return "; ".join((f"{found.message} ({found.grade})" if found.grade else found.message, *why))


def print_article_tables(console: Console, status: FleetStatus) -> None:
    """Print the article's two tables for every cloud registry of the fleet."""
    for registry, items in status.registries.items():
        console.print(Text(f"\naz acr connected-registry list --registry {registry}", "dim"))
        print_table(console, reading.LIST_COLUMNS, reading.list_rows(items))
        console.print(Text(f"\naz acr connected-registry show --registry {registry} --name …", "dim"))
        print_table(console, reading.SHOW_COLUMNS, reading.show_rows(items))


def print_status(console: Console, found: FleetStatus, *, chains: bool) -> None:
    """Print how a fleet stands: its table, with `chains` every part of each site, and the article's tables."""
    print_dicts(console, reading.fleet_rows(found))
    print_due(console, found)
    if not chains:
        print_weak(console, found)
    for item in found.sites if chains else ():
        console.print()
        print_chain(console, item)
    print_article_tables(console, found)
