"""The embedded Prefect server: it starts, it is told apart from others, and it does not outlive its command."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arcfleet.app import prefect_server
from arcfleet.app.prefect_server import PrefectServer
from arcfleet.errors import PermanentError


def test_a_server_that_ends_at_once_is_told_at_once_with_its_log(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait()
    server = PrefectServer("http://127.0.0.1:9/api", process, tmp_path / "server.log")

    began = time.monotonic()
    with pytest.raises(PermanentError) as caught:
        server.wait_ready()

    assert time.monotonic() - began < 5
    assert "server.log" in caught.value.remedy


def test_the_users_own_server_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    before = dict(os.environ)

    with prefect_server.available(tmp_path) as server:
        assert server == PrefectServer("http://127.0.0.1:9/api")
        assert os.environ.get("PREFECT_HOME") == before.get("PREFECT_HOME")

    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()


def test_a_server_that_was_noted_but_is_gone_is_not_used(tmp_path):
    (tmp_path / "prefect").mkdir()

    with prefect_server.note(tmp_path, "http://127.0.0.1:9/api"):
        assert prefect_server.noted(tmp_path) is None

    assert list((tmp_path / "prefect").iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads processes from /proc")
def test_the_embedded_server_ends_when_its_command_is_killed(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from arcfleet.app import prefect_server\n"
        f"with prefect_server.available(Path({str(tmp_path)!r})) as server:\n"
        "    print(server.process.pid, flush=True); time.sleep(60)\n"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as command:
        server = int(command.stdout.readline())
        command.kill()

    deadline = time.monotonic() + 60
    while alive(server) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(server)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
