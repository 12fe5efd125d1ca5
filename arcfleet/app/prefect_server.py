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
from collections.abc import Iterator
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


@contextlib.contextmanager
def available(folder: Path, *, quiet: bool = True) -> Iterator[float]:
    """Have a Prefect server while the context is open: PREFECT_API_URL's, that of `arcfleet ui`, else an embedded one.

    Yields the seconds for which `wait_ready` should wait: an embedded server is still starting by then.

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
        yield ANSWER_TIMEOUT
        return
    port = _free_port()
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    with (folder / "prefect" / "server.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "arcfleet.app.prefect_server", str(port)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, "PREFECT_UI_ENABLED": "0"},
            **APART,
        )
        try:
            yield START_TIMEOUT
        finally:
            _flush()
            del os.environ["PREFECT_API_URL"]
            if process.stdin:
                process.stdin.close()
            process.wait(timeout=30)


@contextlib.contextmanager
def note(folder: Path, url: str) -> Iterator[None]:
    """Note, while the context is open, that a server with the data of `folder` answers at `url`."""
    place = folder / "prefect" / "server.url"
    place.write_text(url)
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


def noted(folder: Path) -> str | None:
    """Return the address of a server that was noted and answers; None without one."""
    place = folder / "prefect" / "server.url"
    url = place.read_text().strip() if place.exists() else ""
    with contextlib.suppress(urllib.error.URLError, OSError, ValueError), OPENER.open(f"{url}/health", timeout=2):
        return url
    return None


def wait_ready(timeout: float) -> None:
    """Return when the server of PREFECT_API_URL answers.

    Raises:
        PermanentError: It does not within `timeout` seconds.
    """
    url = f"{os.environ['PREFECT_API_URL']}/health"
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError), OPENER.open(url, timeout=5):
            return
        time.sleep(0.05)
    raise PermanentError(
        Reason.UNREACHABLE, f"no Prefect server answers at {url}", "check PREFECT_API_URL, or unset it to do without"
    )


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


def _flush() -> None:
    """Send the logs and events that are still queued: the server is about to end, also when a run was stopped."""
    if "prefect" not in sys.modules:
        return
    # Imported by then, if at all: this module must not be the one that imports Prefect.
    from prefect.events.worker import EventsWorker  # noqa: PLC0415
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415

    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=FLUSH_TIMEOUT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    serve(int(sys.argv[1]))
