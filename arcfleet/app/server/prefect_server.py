"""The embedded Prefect server: a process of ours, with its files in our folder, for as long as a command uses it.

Prefect's own temporary server makes the client import the whole server, seconds of it; this one starts beside our own
imports. Commands on one folder share it, since two servers on one SQLite file would get in each other's way; it ends
with the last of them (`arcfleet.app.server.keeper`).
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from arcfleet.app.server import keeper, prefect_env
from arcfleet.app.server.processes import APART
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError

START_TIMEOUT = 120.0
"""Seconds; the first start makes the database."""
ANSWER_TIMEOUT = 15.0
"""Seconds for a server that should be running already."""
FLUSH_TIMEOUT = 10.0
TAKEN = 75
"""Exit code of a server whose folder has one already, as sysexits.h has it for "try again"."""
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """A Prefect server that a command uses; an embedded one has a log, and a connection that ends with it."""

    url: str
    log: Path | None = None
    tie: socket.socket | None = None

    def wait_ready(self) -> None:
        """Return when the server answers.

        Raises:
            PermanentError: It does not: at once where our own server has ended, else after a while.
        """
        deadline = time.monotonic() + (START_TIMEOUT if self.tie else ANSWER_TIMEOUT)
        while time.monotonic() < deadline:
            if _answers(self.url):
                return
            if self.tie is None:
                time.sleep(0.05)
            elif keeper.has_ended(self.tie, 0.05):
                break
        remedy = f"its own words: {self.log}" if self.log else "check PREFECT_API_URL, or unset it to do without"
        raise PermanentError(Reason.UNREACHABLE, f"no Prefect server answers at {self.url}", remedy)

    def wait_ended(self) -> None:
        """Return when an embedded server has ended."""
        while self.tie and not keeper.has_ended(self.tie, 1.0):
            pass


_ours: list[PrefectServer] = []
"""The embedded servers that this process has entered, for who enters one once more inside of that."""


_stuck: list[str] = []
"""Which of Prefect's threads could not send what they have, as their server is away."""


def leave(code: int) -> NoReturn:
    """End this process with an exit code, also where Prefect's threads would try for minutes to send what they have."""
    _flush()
    if _stuck:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


@contextlib.contextmanager
def available(folder: Path, *, quiet: bool = True, port: int = 0) -> Iterator[PrefectServer]:
    """Have a Prefect server while the context is open: PREFECT_API_URL's, that of another command, else a new one.

    A new one may still be starting when the context is entered; `wait_ready` waits for it.

    Args:
        folder: arcfleet's home.
        quiet: Keep Prefect off the console.
        port: Of a new one; a free one where 0.

    Raises:
        PermanentError: It ended as it started.
    """
    prefect_env.prepare(folder, quiet=quiet)
    if "PREFECT_API_URL" in os.environ:
        named = os.environ["PREFECT_API_URL"]
        yield next((server for server in _ours if server.url == named), PrefectServer(named))
        return
    with contextlib.ExitStack() as leaving:
        url, tie = leaving.enter_context(_used(folder)) or _started(folder, port, leaving)
        os.environ["PREFECT_API_URL"] = url
        server = PrefectServer(url, _log_of(folder), tie)
        _ours.append(server)
        try:
            yield server
        finally:
            _ours.remove(server)
            _flush()
            del os.environ["PREFECT_API_URL"]


@contextlib.contextmanager
def revived(folder: Path, server: PrefectServer) -> Iterator[None]:
    """Start an embedded server again at its address whenever it ends, however, while the context is open.

    A run goes on then: Prefect's client asks again for about a minute. A server that can't be started again is missed
    by who asks it; one that PREFECT_API_URL names is somebody else's.
    """
    if server.tie is None:
        yield
        return
    over = threading.Event()
    with contextlib.ExitStack() as leaving:
        reviving = threading.Thread(target=_revive, args=(folder, server, over, leaving), daemon=True)
        reviving.start()
        try:
            yield
        finally:
            over.set()
            reviving.join()


@contextlib.contextmanager
def existing(folder: Path) -> Iterator[str]:
    """Have the address of the Prefect server that runs already, PREFECT_API_URL's or ours, while the context is open.

    Prefect must not have been imported yet.

    Raises:
        PermanentError: None is named, and none of ours runs.
    """
    with running(folder) as server:
        if server is None:
            remedy = "start one with arcfleet ui, or name yours in PREFECT_API_URL"
            raise PermanentError(Reason.UNREACHABLE, "no Prefect server runs that could be used", remedy)
        yield server.url


@contextlib.contextmanager
def running(folder: Path) -> Iterator[PrefectServer | None]:
    """Have the Prefect server that is running already while the context is open; None where there is none."""
    with contextlib.ExitStack() as leaving:
        if "PREFECT_API_URL" not in os.environ:
            used = leaving.enter_context(_used(folder))
            if used is None:
                yield None
                return
        yield leaving.enter_context(available(folder))


def serve(folder: Path, port: int) -> int:
    """Serve Prefect's API on loopback for as long as somebody uses it, unless another process does so for this folder.

    Args:
        folder: arcfleet's home.
        port: A free one where 0.

    Returns:
        The process's exit code.
    """
    lock = keeper.lock(prefect_env.home_of(folder) / "server.lock")
    if lock is None:
        return TAKEN
    os.ftruncate(sys.stderr.fileno(), 0)
    with contextlib.closing(lock), socket.create_server((keeper.HOST, port)) as api:
        # Each answer would wait 40 ms for the acknowledgement of its own first packet: asyncio sees to that only where
        # a socket names its protocol, which this one does not. What it accepts inherits the option.
        api.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        door = socket.create_server((keeper.HOST, 0))
        url = f"http://{keeper.HOST}:{api.getsockname()[1]}/api"
        os.environ["PREFECT_API_URL"] = url
        keeper.write_note(_note_of(folder), url, door)
        _serve_until_left(api, door, url)
    return 0


def _serve_until_left(api: socket.socket, door: socket.socket, url: str) -> None:
    # Takes longer to import than to greet those who wait at the door.
    import uvicorn  # noqa: PLC0415

    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        log_level="error",
        lifespan="on",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    last: list[socket.socket] = []

    def end_with_the_last_user() -> None:
        last.extend(keeper.keep(door, url))
        server.should_exit = True

    threading.Thread(target=end_with_the_last_user, daemon=True).start()
    server.run(sockets=[api])


def _started(folder: Path, port: int, leaving: contextlib.ExitStack) -> tuple[str, socket.socket]:
    """Start a server and use it. Of those who start one at the same time, all use the one that came first.

    Raises:
        PermanentError: It ended as it started.
    """
    deadline = time.monotonic() + START_TIMEOUT
    process = _spawn(folder, port)
    while time.monotonic() < deadline:
        used = leaving.enter_context(_used(folder))
        if used:
            return used
        if process.poll() == TAKEN:
            # Another has just started, and is about to be noted; or it is just ending, and ours is then the next.
            process = _spawn(folder, port)
        elif process.poll() is not None:
            break
        time.sleep(0.05)
    log = _log_of(folder)
    words = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise PermanentError(
        Reason.UNREACHABLE, "; ".join(["the Prefect server did not start", *words]), f"its own words: {log}"
    )


def _revive(folder: Path, server: PrefectServer, over: threading.Event, leaving: contextlib.ExitStack) -> None:
    port, tie = urllib.parse.urlsplit(server.url).port or 0, server.tie
    while tie and not over.is_set():
        if keeper.has_ended(tie, 0.2):
            try:
                tie = _started(folder, port, leaving)[1]
            except PermanentError:
                return


def _spawn(folder: Path, port: int) -> subprocess.Popen[bytes]:
    # Appended to: a server that runs already goes on writing there.
    with _log_of(folder).open("ab") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "arcfleet.app.server.prefect_server", str(folder), str(port)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=_without_credentials(os.environ),
            **APART,
        )
    # It may outlive us; where it does not, somebody must take note of its end.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def _used(folder: Path) -> contextlib.AbstractContextManager[tuple[str, socket.socket] | None]:
    return keeper.using(_note_of(folder))


def _without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out what signs in to Azure and to clusters: the server needs none of it, and lives longer than a step.

    Nor is it to be without a UI where this command does without.
    """
    left_out = ("ARCFLEET_", "AZURE_", "PREFECT_UI_ENABLED")
    return {name: value for name, value in environment.items() if not name.startswith(left_out)}


def _flush() -> None:
    """Send the logs and events that are still queued: the server may be about to end, also when a run was stopped."""
    if "prefect" not in sys.modules:
        return
    # Imported by then, if at all: this module must not be the one that imports Prefect.
    from prefect.events.worker import EventsWorker  # noqa: PLC0415
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415

    for worker in (APILogWorker, EventsWorker):
        # Outside of a loop it is no coroutine.
        _, unsent = cast("tuple[set[Any], set[Any]]", worker.drain_all(timeout=FLUSH_TIMEOUT))
        if unsent:
            _stuck.append(worker.__name__)


def _note_of(folder: Path) -> Path:
    return prefect_env.home_of(folder) / "server.url"


def _log_of(folder: Path) -> Path:
    return prefect_env.home_of(folder) / "server.log"


def _answers(url: str) -> bool:
    with contextlib.suppress(urllib.error.URLError, OSError, ValueError), OPENER.open(f"{url}/health", timeout=5):
        return True
    return False


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), int(sys.argv[2])))
