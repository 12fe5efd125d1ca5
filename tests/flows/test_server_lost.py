"""The Prefect server is killed while a run goes: the run rides it out or says what happened, and the next goes on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from arcfleet.app.server import keeper, prefect_env
from arcfleet.app.server.prefect_server import PrefectServer
from tests.conftest import fleet_of, fleet_text
from tests.flows import processes

pytestmark = pytest.mark.stories

PATIENT = {"extension": "2d", "online": "2h", "sync": "2d"}
TEXT = fleet_text(2, timeouts=PATIENT)
ONE_BY_ONE = fleet_text(2, timeouts=PATIENT, rollout={"maxConcurrency": 1})
SLOW = {"speed": 60, "extensionInstall": 600.0}
"""An installation takes 10 s."""
LONG = 36000.0
"""An installation that is under way until a test moves time on, however long a run needs to end."""
AWAY = 10.0
"""Seconds for which a server is gone that is started again."""
BOUND = 300.0
"""Seconds within which a run without a server has ended."""


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """arcfleet's home, and an environment that names no server."""
    for name in [name for name in os.environ if name.startswith(("PREFECT_", "ARCFLEET_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "fleet.yaml").write_text(TEXT)
    monkeypatch.setenv("ARCFLEET_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "prefect").mkdir(parents=True)
    return tmp_path / "home"


@contextmanager
def server(home: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a Prefect server on a home's database while the context is open, and yield its process and its address."""
    environment = {"PREFECT_HOME": str(home / "prefect"), **prefect_env.TUNED}
    command = ("arcfleet.app.server.prefect_server", str(home), str(port))
    with ExitStack() as stack:
        started = stack.enter_context(processes.process(home / "own.log", *command, **environment))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            used = stack.enter_context(keeper.using(home / "prefect" / "server.url"))
            if used and used[0].endswith(f":{port}/api"):
                PrefectServer(used[0], tie=used[1]).wait_ready()
                yield started, used[0]
                return
            time.sleep(0.1)
        raise TimeoutError


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def arcfleet(home) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command of arcfleet on the fleet file, at a simulator."""
    with ExitStack() as stack:
        started: list[subprocess.Popen[str]] = []

        def start(command: str, sim, **environment: str) -> subprocess.Popen[str]:
            line = [sys.executable, "-m", "arcfleet.app.cli", command, "fleet.yaml", "--simulator", sim.url]
            process = subprocess.Popen(
                line, cwd=home.parent, env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"}, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            started.append(stack.enter_context(process))
            return process

        yield start
        for process in started:
            process.kill()


def until(process: subprocess.Popen[str], words: str) -> None:
    """Read what a command prints until it says something."""
    printed = []
    for line in process.stdout:
        printed.append(line)
        if words in line:
            return
    raise AssertionError("".join(printed))


def said(process: subprocess.Popen[str], within: float = 120.0) -> tuple[int, str]:
    """Return a command's exit code and what else it printed, in which there is nothing that is not for an operator."""
    printed = process.communicate(timeout=within)[0]
    for foreign in ("Traceback", "Error logging to API", "Exception", "httpx"):
        assert foreign not in printed, printed
    return process.returncode, printed


def writes(sim) -> tuple[int, int]:
    """Return how many passwords were made, and how many extensions were put, in all."""
    kinds = sim.counters()["byKind"]
    return kinds.get("arm POST generateCredentials", 0), kinds.get("arm PUT extensions", 0)


def the_next_run_has_nothing_to_do(arcfleet, sim, **environment: str) -> None:
    before = writes(sim)
    code, printed = said(arcfleet("deploy", sim, **environment))
    assert (code, "completed · 2 noop" in printed) == (0, True), printed
    assert writes(sim) == before


def test_a_run_goes_on_where_its_server_is_back_soon(simulate, arcfleet, home):
    sim, port = simulate(fleet_of(ONE_BY_ONE), **SLOW), free_port()
    (home.parent / "fleet.yaml").write_text(ONE_BY_ONE)
    with server(home, port) as (process, url):
        run = arcfleet("deploy", sim, PREFECT_API_URL=url)
        until(run, "s1  install extension")
        process.kill()
        process.wait()
    time.sleep(AWAY)

    with server(home, port) as (_, url):
        code, printed = said(run)
        assert (code, "completed · 2 succeeded" in printed) == (0, True), printed
        assert writes(sim) == (4, 2)
        the_next_run_has_nothing_to_do(arcfleet, sim, PREFECT_API_URL=url)


def test_the_server_of_a_command_is_started_again_by_it(simulate, arcfleet, home):
    sim = simulate(fleet_of(TEXT), **SLOW)
    run = arcfleet("deploy", sim)
    until(run, "install extension")
    (child,) = servers_of(run.pid)

    os.kill(child, signal.SIGKILL)

    code, printed = said(run)
    assert (code, "completed · 2 succeeded" in printed) == (0, True), printed
    assert writes(sim) == (4, 2)
    the_next_run_has_nothing_to_do(arcfleet, sim)


def servers_of(pid: int) -> list[int]:
    """Return the Prefect servers that a process has started."""
    command = ["pgrep", "-P", str(pid), "-f", "arcfleet.app.server.prefect_server"]
    return [int(word) for word in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()]


def test_a_run_whose_server_stays_away_ends_and_says_so_and_the_next_goes_on(simulate, arcfleet, home):
    sim = simulate(fleet_of(TEXT), speed=60, extensionInstall=LONG)
    with server(home, free_port()) as (process, url):
        run = arcfleet("deploy", sim, PREFECT_API_URL=url)
        processes.until_put(sim, 2)
        process.kill()
        process.wait()

    code, printed = said(run, BOUND)
    assert (code, "aborted · 2 cancelled" in printed) == (7, True), printed
    # Wherever the lines of a terminal end.
    text = " ".join(printed.split())
    for words in (
        "the Prefect server, which does not answer now",
        "cause the Prefect server does not answer, so this run could not hold the fleet any longer [server_lost]",
        "do see that the server runs, then run it again: it continues from here",
    ):
        assert words in text, printed
    assert_the_next_run_goes_on(arcfleet, sim, home)


def test_killed_with_its_server_the_next_run_goes_on(simulate, arcfleet, home):
    sim = simulate(fleet_of(TEXT), speed=60, extensionInstall=LONG)
    with server(home, free_port()) as (process, url):
        run = arcfleet("deploy", sim, PREFECT_API_URL=url)
        processes.until_put(sim, 2)
        for each in (process, run):
            each.kill()
            each.wait()

    assert_the_next_run_goes_on(arcfleet, sim, home)


def assert_the_next_run_goes_on(arcfleet, sim, home: Path) -> None:
    """Deploy with another server on the same database: nothing that was finished is written again."""
    with server(home, free_port()) as (_, url):
        again = arcfleet("deploy", sim, PREFECT_API_URL=url)
        until(again, "settle extension")
        sim.step(LONG)
        code, printed = said(again)
    assert (code, "completed · 2 succeeded" in printed) == (0, True), printed
    assert writes(sim) == (4, 2)
