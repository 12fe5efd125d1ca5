"""The keeper: who comes is greeted, however who leaves is noticed, and a lock or a note is never stale."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from arcfleet.app.server import keeper

URL = "http://127.0.0.1:9/api"
USER = """
import sys; from pathlib import Path; from arcfleet.app.server import keeper
with keeper.using(Path(sys.argv[1])) as used:
    print(used[0], flush=True); sys.stdin.read()
"""
LOCKER = """
import sys; from pathlib import Path; from arcfleet.app.server import keeper
held = keeper.lock(Path(sys.argv[1])); print(held is not None, flush=True); sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path):
    """Start processes that run a script; each has said a line, which is returned with it."""
    started: list[subprocess.Popen[str]] = []

    def run(script: str, place) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield run
    for process in started:
        with process:
            process.kill()


@pytest.fixture
def kept(tmp_path) -> Callable[[], bool]:
    """A server that is kept; tells whether it still is."""
    door = socket.create_server((keeper.HOST, 0))
    keeper.write_note(tmp_path / "note", URL, door)
    over: list[socket.socket] = []

    def keep() -> None:
        over.extend(keeper.keep(door, URL))
        for last in over:
            last.close()

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()

    def still() -> bool:
        thread.join(0.3)
        return thread.is_alive()

    return still


def test_it_lives_until_the_last_user_was_killed(start, kept, tmp_path):
    first, said = start(USER, tmp_path / "note")
    second, also = start(USER, tmp_path / "note")
    assert (said, also) == (URL, URL)

    first.kill()
    first.wait()
    assert kept()

    second.kill()
    second.wait()
    assert not kept()


def test_it_ends_with_a_user_that_leaves_of_its_own_accord(start, kept, tmp_path):
    user, _ = start(USER, tmp_path / "note")
    user.stdin.close()
    assert user.wait(timeout=20) == 0
    assert not kept()


def test_a_server_that_nobody_came_to_ends(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(keeper, "PATIENCE", 0.1)
    with socket.create_server((keeper.HOST, 0)) as door:
        assert keeper.keep(door, URL) == []


@pytest.mark.parametrize("text", ["", "nonsense", f"{URL} 99999999", f"{URL} word"])
def test_a_note_that_is_none_is_nobodys(tmp_path, text):
    (tmp_path / "note").write_text(text)
    with keeper.using(tmp_path / "note") as used:
        assert used is None


def test_a_note_whose_port_is_closed_or_anothers_is_stale(tmp_path):
    note = tmp_path / "note"
    with socket.create_server((keeper.HOST, 0)) as other:
        keeper.write_note(note, URL, other)

        def answer() -> None:
            stranger, _ = other.accept()
            with stranger:
                stranger.sendall(b"220 mail.example ready\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with keeper.using(note) as used:
            assert used is None
    with keeper.using(note) as used:
        assert used is None


def test_a_lock_is_one_processs_and_ends_with_it(start, tmp_path):
    holder, said = start(LOCKER, tmp_path / "lock")
    assert said == "True"
    assert keeper.lock(tmp_path / "lock") is None

    holder.kill()
    holder.wait()
    mine = keeper.lock(tmp_path / "lock")
    assert mine is not None
    mine.close()
