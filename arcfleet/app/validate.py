"""`arcfleet validate`: what a fleet's files say, or everything that is wrong with them. Sends nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console

from arcfleet import fleetfile
from arcfleet.core.counts import some
from arcfleet.core.fleet.manifest import Fleet
from arcfleet.core.fleet.resolve import Resolution, resolve
from arcfleet.errors import ManifestError


def summary_of(path: Path) -> dict[str, Any]:
    """Return what a fleet's files say, in numbers.

    Raises:
        ManifestError: With every problem found.
    """
    resolution = resolve(fleetfile.read(path))
    return _summary(resolution, fleetfile.complete(resolution.fleet, path))


def problems_of(error: ManifestError) -> dict[str, Any]:
    """Return what is wrong with a fleet's files as plain values."""
    return {"schema": 1, "valid": False, "problems": list(error.problems), "more": error.more}


def print_summary(console: Console, summary: dict[str, Any]) -> None:
    """Print a summary: a line per kind of thing, with its number and how many sites each of them has."""
    console.print(f"fleet {summary['fleet']} is valid", style="bold", markup=False)
    for key in ("sites", "registries", "groups", "inventories", "workloads"):
        entries = summary[key]
        if isinstance(entries, int):
            console.print(f"  {key:<12} {entries}")
        elif entries:
            told = ", ".join(f"{name} ({count})" if count is not None else name for name, count in entries.items())
            console.print(f"  {key:<12} {len(entries):<4} {told}", markup=False, soft_wrap=True)
    count = len(summary["inventories"])
    if count:
        which = some(count, "inventory", "inventories")
        console.print(f"{which} not asked: sites may be added; arcfleet plan asks Azure")


def _summary(resolution: Resolution, fleet: Fleet) -> dict[str, Any]:
    registries = Counter({registry.name: 0 for registry in resolution.file.registries})
    registries.update(site.registry_ref.name for site in fleet.sites)
    groups = Counter({_group(resolution, i): 0 for i in range(len(resolution.file.groups))})
    groups.update(
        _group(resolution, int(place[1]))
        for draft, _ in resolution.sites
        for place, _ in draft.layers
        if place[0] == "groups"
    )
    workloads = Counter(workload.name for site in fleet.sites for workload in site.workloads)
    return {
        "schema": 1,
        "valid": True,
        "fleet": fleet.name,
        "sites": len(fleet.sites),
        "registries": dict(registries),
        "groups": dict(groups),
        "inventories": {resolution.sources.show(("sitesFrom", index)): None for index in fleet.inventories},
        "workloads": dict(workloads),
    }


def _group(resolution: Resolution, index: int) -> str:
    labels = resolution.file.groups[index].match.labels
    shown = resolution.sources.show(("groups", index))
    return " ".join([shown, *(f"{key}={value}" for key, value in labels.items())])
