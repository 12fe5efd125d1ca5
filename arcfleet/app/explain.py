"""`arcfleet explain`: the effective values of a site, and where each comes from."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from arcfleet import fleetfile
from arcfleet.app import loading
from arcfleet.core.fleet.explain import DEFAULT, Explained, explain
from arcfleet.core.fleet.manifest import no_such_site
from arcfleet.core.fleet.resolve import resolve
from arcfleet.errors import ManifestError

WIDEST = 46
"""Columns; a longer value moves its own origin to the right, not everybody's."""


def values_of(path: Path, name: str, simulator: str | None) -> tuple[str, tuple[Explained, ...]]:
    """Return a fleet's name and the effective values of a site; Azure is asked only where the fleet says `sitesFrom`.

    Raises:
        ManifestError: The fleet can't be used, or has no such site.
        FleetError: Azure could not be asked.
    """
    sources = fleetfile.read(path)
    resolution = resolve(sources)
    if resolution.fleet.inventories:
        loading.use_simulator(simulator)
        resolution = resolve(sources, asyncio.run(loading.discover(resolution.fleet)))
    found = next(((draft, site) for draft, site in resolution.sites if site.name == name), None)
    if found is None:
        raise ManifestError((no_such_site(name, [site.name for _, site in resolution.sites]),))
    return resolution.fleet.name, explain(*found, sources)


def print_values(console: Console, values: Sequence[Explained]) -> None:
    """Print values as YAML has them, each with its origin beside it."""
    lines = list(_lines(values))
    width = min(WIDEST, max(len(left) for left, _ in lines))
    places = [_place(value) for _, value in lines if value]
    for left, value in lines:
        text = Text(left)
        if value:
            text.stylize("dim", 0, len(left) if value.source == DEFAULT else 0)
            text.pad_right(max(0, width - len(left)) + 2)
            text.append(f"{_place(value):<{max(map(len, places))}}  {_origin(value)}", "dim")
            text.rstrip()
        console.print(text, soft_wrap=True)


def to_json(fleet: str, name: str, values: Sequence[Explained]) -> dict[str, Any]:
    """Return the values as plain ones."""
    return {
        "schema": 1,
        "fleet": fleet,
        "site": name,
        "values": [
            {
                "key": value.key,
                "value": value.value,
                "source": value.source,
                "place": value.place or None,
                "deleted": value.deleted,
            }
            for value in values
        ],
    }


def _lines(values: Sequence[Explained]) -> Iterator[tuple[str, Explained | None]]:
    """Yield the lines of a YAML file of these values; the ones that only open a map or list have no value."""
    above: tuple[str | int, ...] = ()
    for value in values:
        path = value.path
        common = next((i for i, (a, b) in enumerate(zip(above, path, strict=False)) if a != b), len(above))
        for depth in range(common, len(path) - 1):
            yield f"{'  ' * depth}{_key(path[depth])}", None
        yield f"{'  ' * (len(path) - 1)}{_key(path[-1])} {_text(value)}", value
        above = path[:-1]


def _key(part: str | int) -> str:
    return f"[{part}]" if isinstance(part, int) else f"{part}:"


def _text(value: Explained) -> str:
    if value.value is None:
        return "(deleted)" if value.deleted else "-"
    if isinstance(value.value, bool):
        return str(value.value).lower()
    return str(value.value)


def _place(value: Explained) -> str:
    return value.place.rpartition(":")[0]


def _origin(value: Explained) -> str:
    return f"deleted by null in {value.source}" if value.deleted else value.source
