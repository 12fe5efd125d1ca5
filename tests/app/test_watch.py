"""Watching a fleet: each look is a new one, which takes one list per registry; Ctrl-C is its ordinary end."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from arcfleet.app import watching
from arcfleet.app.status import read
from arcfleet.gateways import connect
from tests.conftest import fleet_of, fleet_text, settings_of


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Have processes hear Ctrl-C, as in a terminal: what a shell starts in the background does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_watch_looks_anew_each_time_and_ends_well_with_ctrl_c(simulate, tmp_path, interruptible):
    sim = simulate(fleet_of(fleet_text(2)), speed=1)
    path = tmp_path / "fleet.yaml"
    path.write_text(fleet_text(2))
    command = ["status", str(path), "--watch", "--interval", "1", "--json", "--simulator", sim.url]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ARCFLEET_", "PREFECT_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "arcfleet.app.cli", *command],
        env={**environment, "ARCFLEET_HOME": str(tmp_path)}, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            first = look(process)
            sim.site("k-s2", connectivity="Offline")
            second = look(process)
            lists = sim.counters()["byKind"]["arm LIST connectedRegistries"]
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()

    assert [site["arc"].split()[0] for site in first["sites"]] == ["Connected", "Connected"]
    assert [site["arc"].split()[0] for site in second["sites"]] == ["Connected", "Offline"]
    assert lists in {2, 3}  # One per look; the third may have begun.


def look(process) -> dict:
    """Return the next look that a watch prints."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            return json.loads("".join(lines))
    raise AssertionError("the watch has ended")


async def test_what_is_not_healthy_comes_first_and_no_line_is_folded(simulate):
    fleet = fleet_of(fleet_text(3))
    sim = simulate(fleet)
    sim.site("k-s3", connectivity="Offline")
    async with connect(settings_of(sim)) as gateways:
        found = await read(gateways, fleet)
    well = replace(found, sites=(*(replace(site, finding=None) for site in found.sites[:2]), found.sites[2]))
    out = io.StringIO()

    Console(file=out, width=60).print(watching.view(well, 15))

    lines = out.getvalue().splitlines()
    assert lines[0].startswith("test · 3 sites · 1 not healthy · ")
    assert [line.split()[0] for line in lines[-3:]] == ["s3", "s1", "s2"]
    assert max(map(len, lines[2:])) <= 60


class StopWatchingError(Exception):
    """Ends a watch in a test."""


async def test_without_a_terminal_each_look_is_printed(simulate):
    fleet = fleet_of(fleet_text(1))
    sim = simulate(fleet)
    shown = []

    async def looking():
        async with connect(settings_of(sim)) as gateways:
            return await read(gateways, fleet)

    def show(found):
        shown.append(found.fleet)
        if len(shown) == 2:
            raise StopWatchingError

    with pytest.raises(StopWatchingError):
        await watching.watch(Console(file=io.StringIO()), looking, show, 0.01, lines=False)

    assert shown == ["test", "test"]
