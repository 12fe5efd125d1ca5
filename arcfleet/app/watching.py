"""`arcfleet status --watch`: the fleet's table, looked at again and again until somebody stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from arcfleet.app import status, tables
from arcfleet.app.status import FleetStatus
from arcfleet.core.counts import some

Look = Callable[[], Awaitable[FleetStatus]]


async def watch(
    console: Console, look: Look, show: Callable[[FleetStatus], None], interval: float, *, lines: bool
) -> None:
    """Look every `interval` seconds and show what was found, until cancelled.

    In a terminal the table stays in its place; elsewhere `show` prints each look after the one before.

    Args:
        console: Where to draw.
        look: Reads the fleet anew: each look makes its own lists of the registries, one each.
        show: Prints a look where there is no terminal.
        interval: Seconds from one look's end to the next one's beginning.
        lines: Print in a terminal too.
    """
    if lines or not console.is_terminal:
        while True:
            show(await look())
            await asyncio.sleep(interval)
    first = Text("looking …", "dim")
    with Live(first, console=console, auto_refresh=False, screen=False, vertical_overflow="ellipsis") as live:
        while True:
            live.update(view(await look(), interval), refresh=True)
            await asyncio.sleep(interval)


def view(found: FleetStatus, interval: float) -> RenderableType:
    """Return a look as a person watches it: what is not healthy first, so that a low window hides the rest."""
    worse = sorted(zip(status.fleet_rows(found), found.sites, strict=True), key=lambda pair: pair[1].finding is None)
    bad = sum(item.finding is not None for item in found.sites)
    now: datetime | None = max((item.now for item in found.sites), default=None)
    head = Text(f"{found.fleet} · {some(len(found.sites), 'site')} · ", "bold")
    head.append(f"{bad} not healthy" if bad else "all healthy", "red" if bad else "green")
    head.append(f" · {now:%Y-%m-%d %H:%M:%SZ} · every {interval:g} s · Ctrl-C ends it" if now else "", "dim")
    lines = tables.lines_of_dicts([row for row, _ in worse])
    return Group(head, Text(), *lines)
