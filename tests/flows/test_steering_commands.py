"""The commands that talk to a run, as an operator uses them: another process's run, exit codes, what they print."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import fleet_of, fleet_text
from tests.flows import processes
from tests.flows.test_steering import ONE_BY_ONE, SLOW, minted

pytestmark = pytest.mark.stories

TEXT = fleet_text(2, rollout=ONE_BY_ONE, timeouts={"extension": "2d", "online": "2h"})
LONG = 7200.0
"""An installation that is under way until a test moves time on, however long a command takes."""
DRAINED = 10.0
"""Seconds within which a run that is told to end has ended."""


@pytest.fixture
def arcfleet(prefect_home, tmp_path):
    """Start commands of arcfleet on one fleet file."""
    (tmp_path / "fleet.yaml").write_text(TEXT)

    def start(command: str, *arguments: str, **options) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "arcfleet.app.cli", command, "fleet.yaml", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ARCFLEET_")}
        environment |= {"ARCFLEET_HOME": str(prefect_home), "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            line, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
        )

    return start


def said(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return a command's exit code and all that it printed."""
    printed = "".join(process.communicate(timeout=120))
    return process.returncode, printed


def until(process: subprocess.Popen[str], words: str) -> None:
    """Read what a command prints until it says something."""
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(process.stderr.read())


def test_a_run_is_shown_paused_resumed_and_aborted_and_what_it_left_is_tried_again(arcfleet, simulate):
    sim = simulate(fleet_of(TEXT), **(SLOW | {"extensionInstall": LONG}))
    address = ("--simulator", sim.url)
    assert said(arcfleet("pause"))[0] == 1

    with arcfleet("deploy", *address) as run:
        until(run, "install extension")
        code, printed = said(arcfleet("pause", "--as", "kim"))
        assert (code, "pauses: nothing new is begun" in printed) == (0, True)
        until(run, "paused")
        code, printed = said(arcfleet("runs"))
        assert "is paused by kim; go on: arcfleet resume fleet.yaml" in printed
        assert f"by process {run.pid} on" in printed
        code, printed = said(arcfleet("approve"))
        assert (code, "waits at no gate" in printed) == (1, True)
        code, printed = said(arcfleet("skip", "s9"))
        assert (code, "s9  the fleet has no such site" in printed) == (1, True)
        assert said(arcfleet("abort"))[0] == 0
        # The step that was under way ends now; the site is paused behind it, if it has not heard of the end by then.
        sim.step(LONG)
        code, printed = said(run)
    assert code == 7
    assert "aborted · 1 cancelled, 1 not_started" in printed

    code, printed = said(arcfleet("retry", "--failed", *address))
    assert (code, "nothing to try again" in printed) == (0, True)
    with arcfleet("retry", *address) as again:
        until(again, "a new one takes s1, s2")
        until(again, "s2  install extension")
        processes.until_put(sim, 2)
        sim.step(LONG)
        code, printed = said(again)
    assert (code, "completed · 2 succeeded" in printed) == (0, True)


def test_sigterm_drains_a_run_and_the_next_continues(arcfleet, simulate):
    sim = simulate(fleet_of(TEXT), **(SLOW | {"extensionInstall": 1200.0}))
    with arcfleet("deploy", "--json", "--simulator", sim.url) as run:
        for line in run.stderr:
            if "install extension" in line:
                break
        run.send_signal(signal.SIGTERM)
        began = time.monotonic()
        printed = run.communicate(timeout=60)[0]
        took = time.monotonic() - began

    assert took < DRAINED
    assert run.returncode == 7
    report = json.loads(printed)
    assert [(site["site"], site["outcome"]) for site in report["sites"]] == [("s1", "cancelled"), ("s2", "not_started")]
    assert report["sites"][0]["finding"]["reason"] == "interrupted"

    sim.step(1200)
    code, printed = said(arcfleet("deploy", "--simulator", sim.url))
    assert code == 0, printed
    assert minted(sim) == 4
