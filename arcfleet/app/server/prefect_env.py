"""Prefect's environment: its own server with its files in our folder, tuned, and silent on the console.

Prefect reads its settings when it is imported, so `prepare` comes before the first import of a flow.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

# An untuned server drops task-run records under load: its recorder takes one at a time from a queue of 10,000.
TUNED = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "2",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "200",
}
PRIVATE = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "0",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "0",
    "DO_NOT_TRACK": "1",
}
QUIET = {
    # The run's log goes to the server and its UI; the console belongs to the live view.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLI_COLORS": "0",
}


def home_of(folder: Path) -> Path:
    """Return Prefect's folder inside arcfleet's."""
    return folder / "prefect"


def spare_loopback() -> None:
    """Keep a proxy of the environment out of what stays on this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"]))


def prepare(folder: Path, *, quiet: bool) -> None:
    """Set Prefect's environment for this process. What the user has set stays.

    Args:
        folder: arcfleet's home. Unused where PREFECT_API_URL names a server: that one is used.
        quiet: Keep Prefect off the console.
    """
    spare_loopback()
    values = dict(QUIET) if quiet else {}
    if quiet:
        # Else Prefect writes to the console what it could not send to a server that is away.
        logging.raiseExceptions = False
    if "PREFECT_API_URL" not in os.environ:
        home = home_of(folder)
        home.mkdir(parents=True, exist_ok=True)
        values |= {**TUNED, **PRIVATE}
        # Not a default: the user's own Prefect, its profiles and its database, must not be touched.
        os.environ["PREFECT_HOME"] = str(home)
        os.environ["PREFECT_PROFILES_PATH"] = str(home / "profiles.toml")
    for name, value in values.items():
        os.environ.setdefault(name, value)
