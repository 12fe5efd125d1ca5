"""A server that lives as long as somebody uses it: each user holds a connection to it, which ends with the user.

However a process ends, also by `kill -9`, the operating system closes its connections. So nothing is ever stale: no
process ids, no counters. Loopback sockets are the same on Windows.
"""

from __future__ import annotations

import contextlib
import select
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

HOST = "127.0.0.1"
PATIENCE = 60.0
"""Seconds that a server waits for its first user."""
ANSWER = 5.0
"""Seconds within which a door is answered."""
END = 30.0
"""Seconds that the last user waits for the server's end."""


def lock(place: Path) -> sqlite3.Connection | None:
    """Lock a file until the connection is closed, or this process ends; None where another process has it locked.

    It is SQLite's lock of an empty database: the operating system's own, and the same code on each of them.
    """
    held = sqlite3.connect(place, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        held.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        held.close()
        return None
    return held


def write_note(note: Path, url: str, door: socket.socket) -> None:
    """Note where a server answers, and at which port its door is; a reader sees all of it, or the note before it."""
    new = note.with_suffix(".new")
    new.write_text(f"{url} {door.getsockname()[1]}\n")
    new.replace(note)


def keep(door: socket.socket, url: str) -> list[socket.socket]:
    """Return when the last user has gone, or when nobody has come.

    Args:
        door: A listening socket; closed on return.
        url: Said to each who comes, so that it knows whose door it is.

    Returns:
        The connection of the last user, who takes its end for that of the server.
    """
    users: list[socket.socket] = []
    with door:
        while True:
            ready, _, _ = select.select([door, *users], [], [], None if users else PATIENCE)
            if not ready:
                return []
            if door in ready:
                users += _let_in(door, url)
            for gone in [user for user in users if user in ready and _has_left(user)]:
                if len(users) == 1:
                    return users
                users.remove(gone)
                gone.close()


@contextlib.contextmanager
def using(note: Path) -> Iterator[tuple[str, socket.socket] | None]:
    """Use the server of a note while the context is open; None where there is none.

    Yields its address, and a connection that becomes readable when the server has ended. The last user leaves when the
    server has ended.
    """
    joined = _join(note)
    if joined is None:
        yield None
        return
    with joined[1] as tie:
        try:
            yield joined
        finally:
            with contextlib.suppress(OSError):
                tie.shutdown(socket.SHUT_WR)
                tie.settimeout(END)
                tie.recv(1)


def has_ended(tie: socket.socket, within: float) -> bool:
    """Tell whether a server that is used has ended, or ends within so many seconds."""
    return bool(select.select([tie], [], [], within)[0])


def _join(note: Path) -> tuple[str, socket.socket] | None:
    try:
        url, port = note.read_text().split()
        tie = socket.create_connection((HOST, int(port)), ANSWER)
    except (OSError, ValueError):
        return None
    with contextlib.suppress(OSError), tie.makefile("rb") as words:
        # The port may be anybody's by now.
        if words.readline(1000).decode(errors="replace").strip() == url:
            return url, tie
    tie.close()
    return None


def _let_in(door: socket.socket, url: str) -> list[socket.socket]:
    with contextlib.suppress(OSError):
        user, _ = door.accept()
        user.settimeout(ANSWER)
        user.sendall(f"{url}\n".encode())
        return [user]
    return []


def _has_left(user: socket.socket) -> bool:
    """Tell whether a connection that is readable has ended; a user says nothing."""
    try:
        return user.recv(100) == b""
    except OSError:
        return True
