"""Loading a fleet for a command: its file or folder, Azure's inventory where it names one, and the chosen sites."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from arcfleet import fleetfile
from arcfleet.app import rehearsal
from arcfleet.app.server import prefect_server
from arcfleet.core.fleet.manifest import Fleet
from arcfleet.core.fleet.resolve import Discovered
from arcfleet.errors import ManifestError
from arcfleet.ports import Gateways
from arcfleet.settings import Settings

T = TypeVar("T")


def load(path: Path, names: Sequence[str] | None, labels: Sequence[str] | None, simulator: str | None) -> Fleet:
    """Return a fleet with the chosen sites, and point the settings at a simulator, if one is named.

    Args:
        path: The fleet file or folder.
        names: The sites to keep; all where none is given.
        labels: Texts of the form key=value; only sites that carry all of them are kept.
        simulator: The simulator's address.

    Raises:
        ManifestError: The fleet or an argument can't be used.
        FleetError: Azure could not be asked for the fleet's inventory.
    """
    wanted = parse_labels(labels or ())
    fleet = fleetfile.load(path)
    if not fleet.inventories:
        fleet = fleet.choose(names or (), wanted)
    use_simulator(simulator)
    if fleet.inventories:
        fleet = fleetfile.load(path, asyncio.run(discover(fleet))).choose(names or (), wanted)
    return fleet


async def discover(fleet: Fleet) -> Discovered:
    """Return the clusters of a fleet's inventories, asked with the settings of the environment."""
    from arcfleet.steps import inventory  # noqa: PLC0415 - as in read

    return await read(inventory.discover, fleet)


def use_simulator(address: str | None) -> None:
    """Point the settings at a running simulator, if one is named."""
    if address:
        rehearsal.enter(rehearsal.addresses_of(address))


def parse_labels(texts: Sequence[str]) -> Mapping[str, str]:
    """Return labels of the form key=value.

    Raises:
        ManifestError: One is not of that form.
    """
    pairs = [text.partition("=") for text in texts]
    problems = tuple(f"--label {text}  write key=value" for text, pair in zip(texts, pairs, strict=True) if not pair[1])
    if problems:
        raise ManifestError(problems)
    return {key: value for key, _, value in pairs}


async def read(make: Callable[[Gateways, Fleet], Awaitable[T]], fleet: Fleet) -> T:
    """Return what `make` reads of a fleet with the settings of the environment.

    Prefect is asked for what it keeps only where it is running, and no server is started.
    """
    # The Kubernetes client takes a second to import, which --help should not.
    from arcfleet.gateways import connect  # noqa: PLC0415
    from arcfleet.gateways.announcements import ApiAnnouncements  # noqa: PLC0415

    settings = Settings()
    with contextlib.ExitStack() as leaving:

        def prefect() -> str | None:
            server = leaving.enter_context(prefect_server.running(settings.home))
            return server.url if server else None

        async with (
            contextlib.aclosing(ApiAnnouncements(prefect)) as announcements,
            connect(settings, announcements=announcements) as gateways,
        ):
            return await make(gateways, fleet)
