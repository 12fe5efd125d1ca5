"""The embedded Prefect server: one for all commands on a folder, told from others, ended with the last."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import httpx
import pytest

from arcfleet.app.server import keeper, prefect_server
from arcfleet.app.server.prefect_server import PrefectServer
from arcfleet.errors import PermanentError

COMMAND = """
import sys; from pathlib import Path; from arcfleet.app.server import prefect_server
with prefect_server.available(Path(sys.argv[1])) as server:
    print(server.url, flush=True); sys.stdin.read()
"""


@pytest.fixture
def without_prefect():
    """The environment without Prefect's variables, put back as it was."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("PREFECT_")]:
        del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


def fastest_answer(url: str) -> float:
    """Return the seconds that the fastest of several answers took, those of a new connection left out."""
    seconds = []
    with httpx.Client() as client:
        for _ in range(25):
            began = time.monotonic()
            client.get(f"{url}/health").raise_for_status()
            seconds.append(time.monotonic() - began)
    return min(seconds[5:])


def test_a_server_that_ends_at_once_is_told_at_once_with_its_log(tmp_path):
    mine, its = socket.socketpair()
    its.close()
    server = PrefectServer("http://127.0.0.1:9/api", tmp_path / "server.log", mine)

    began = time.monotonic()
    with mine, pytest.raises(PermanentError) as caught:
        server.wait_ready()

    assert time.monotonic() - began < 5
    assert "server.log" in caught.value.remedy


def test_a_port_that_is_taken_is_told_at_once_with_the_servers_words(tmp_path, without_prefect):
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PermanentError) as caught:  # noqa: SIM117
        with prefect_server.available(tmp_path, port=other.getsockname()[1]):
            pass

    assert "in use" in caught.value.message


def test_the_users_own_server_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    before = dict(os.environ)

    with prefect_server.available(tmp_path) as server:
        assert server == PrefectServer("http://127.0.0.1:9/api")
        assert os.environ.get("PREFECT_HOME") == before.get("PREFECT_HOME")

    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()


def test_who_enters_once_more_has_the_same_server_which_ends_with_the_command(tmp_path, without_prefect):
    with prefect_server.available(tmp_path) as outer, prefect_server.available(tmp_path) as inner:
        assert inner is outer
        assert inner.log is not None


def test_where_none_is_running_none_is_started_by_who_asks_for_a_running_one(tmp_path, without_prefect):
    with prefect_server.running(tmp_path) as server:
        assert server is None


def test_commands_share_a_server_that_ends_with_the_last_of_them(tmp_path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    commands = [
        subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(3)
    ]
    try:
        addresses = {command.stdout.readline().strip() for command in commands}
        assert len(addresses) == 1, "who starts at the same moment uses the same server"

        commands[0].kill()
        commands[1].stdin.close()
        assert commands[1].wait(timeout=20) == 0, "who is not the last does not wait"
        assert runs(tmp_path)
        with keeper.using(tmp_path / "prefect" / "server.url") as used:
            assert used
            PrefectServer(used[0], None, used[1]).wait_ready()
            assert fastest_answer(used[0]) < 0.03, "an answer waits 40 ms for the acknowledgement of its first packet"
    finally:
        for command in commands:
            with command:
                command.kill()
    deadline = time.monotonic() + 60
    while runs(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not runs(tmp_path)


def runs(home) -> bool:
    """Tell whether a folder's server runs: it holds the lock."""
    lock = keeper.lock(home / "prefect" / "server.lock")
    if lock:
        lock.close()
    return lock is None
