"""The embedded Prefect server: a process of ours for the time of one command, with its files in our folder.

Prefect's own temporary server makes the client import the whole server, seconds of it; this one starts beside our own
imports, and ends with us even when we are killed, since it watches the pipe that ties it to its parent.
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
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from arcfleet.app import prefect_env
from arcfleet.app.processes import APART
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError

START_TIMEOUT = 120.0
"""Seconds; the first start makes the database."""
ANSWER_TIMEOUT = 15.0
"""Seconds for a server that should be running already."""
FLUSH_TIMEOUT = 10.0
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """A Prefect server that a command uses; an embedded one is a process of ours, with a log."""

    url: str
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None

    def wait_ready(self) -> None:
        """Return when the server answers.

        Raises:
            PermanentError: It does not: at once where our own process has ended, else after a while.
        """
        deadline = time.monotonic() + (START_TIMEOUT if self.process else ANSWER_TIMEOUT)
        while time.monotonic() < deadline:
            if _answers(self.url):
                return
            if self.process and self.process.poll() is not None:
                break
            time.sleep(0.05)
        remedy = f"its own words: {self.log}" if self.log else "check PREFECT_API_URL, or unset it to do without"
        raise PermanentError(Reason.UNREACHABLE, f"no Prefect server answers at {self.url}", remedy)


@contextlib.contextmanager
def available(folder: Path, *, quiet: bool = True) -> Iterator[PrefectServer]:
    """Have a Prefect server while the context is open: PREFECT_API_URL's, that of `arcfleet ui`, else an embedded one.

    An embedded one may still be starting when the context is entered; `wait_ready` waits for it.

    Args:
        folder: arcfleet's home.
        quiet: Keep Prefect off the console.
    """
    running = noted(folder)
    prefect_env.prepare(folder, quiet=quiet)
    if running:
        # Two servers on one SQLite file would get in each other's way.
        os.environ.setdefault("PREFECT_API_URL", running)
    if "PREFECT_API_URL" in os.environ:
        yield PrefectServer(os.environ["PREFECT_API_URL"])
        return
    url, log = f"http://127.0.0.1:{(port := _free_port())}/api", prefect_env.home_of(folder) / "server.log"
    os.environ["PREFECT_API_URL"] = url
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "arcfleet.app.prefect_server", str(port)],
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=sink,
            env=without_credentials(os.environ) | {"PREFECT_UI_ENABLED": "0"},
            **APART,
        )
        try:
            yield PrefectServer(url, process, log)
        finally:
            _flush()
            del os.environ["PREFECT_API_URL"]
            if process.stdin:
                process.stdin.close()
            process.wait(timeout=30)


def existing(folder: Path) -> str:
    """Return the address of the Prefect server that runs already, PREFECT_API_URL's or that of `arcfleet ui`.

    The environment is set for it; Prefect must not have been imported yet.

    Raises:
        PermanentError: None is named, and none of ours runs.
    """
    running = noted(folder)
    prefect_env.prepare(folder, quiet=True)
    if running:
        os.environ.setdefault("PREFECT_API_URL", running)
    if "PREFECT_API_URL" not in os.environ:
        remedy = "start one with arcfleet ui, or name yours in PREFECT_API_URL"
        raise PermanentError(Reason.UNREACHABLE, "no Prefect server runs that could be used", remedy)
    return os.environ["PREFECT_API_URL"]


@contextlib.contextmanager
def note(folder: Path, url: str) -> Iterator[None]:
    """Note, while the context is open, that a server with the data of `folder` answers at `url`."""
    place = _note_of(folder)
    place.write_text(url)
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


def noted(folder: Path) -> str | None:
    """Return the address of a server that was noted and answers; None without one."""
    place = _note_of(folder)
    url = place.read_text().strip() if place.exists() else ""
    return url if url and _answers(url) else None


def serve(port: int) -> None:
    """Serve Prefect's API on loopback until standard input ends."""
    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="on",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)

    def end_with_parent() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=end_with_parent, daemon=True).start()
    server.run()


def without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out what signs in to Azure and to clusters: the server needs none of it, and lives longer than a step."""
    return {name: value for name, value in environment.items() if not name.startswith(("ARCFLEET_", "AZURE_"))}


def _flush() -> None:
    """Send the logs and events that are still queued: the server is about to end, also when a run was stopped."""
    if "prefect" not in sys.modules:
        return
    # Imported by then, if at all: this module must not be the one that imports Prefect.
    from prefect.events.worker import EventsWorker  # noqa: PLC0415
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415

    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=FLUSH_TIMEOUT)


def _note_of(folder: Path) -> Path:
    return prefect_env.home_of(folder) / "server.url"


def _answers(url: str) -> bool:
    with contextlib.suppress(urllib.error.URLError, OSError, ValueError), OPENER.open(f"{url}/health", timeout=5):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    serve(int(sys.argv[1]))
