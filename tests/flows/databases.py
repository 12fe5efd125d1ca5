"""Prefect's databases for the stories that search them: SQLite, and PostgreSQL where it is installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TOOLS = ("initdb", "postgres", "pg_dump", "pg_isready")
FAST = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
SETTING = "PREFECT_API_DATABASE_CONNECTION_URL"


@dataclass(frozen=True)
class Database:
    """A database: the environment that makes Prefect use it, and the command that writes all of it out."""

    environment: Mapping[str, str] = field(default_factory=dict)
    dump_command: tuple[str, ...] = ()

    def dump(self) -> dict[str, bytes]:
        """Return every row of every table; of SQLite nothing, whose file lies in the home."""
        if not self.dump_command:
            return {}
        return {"pg_dump": subprocess.run(self.dump_command, capture_output=True, check=True, timeout=60).stdout}


def lacking() -> list[str]:
    """Return what a PostgreSQL server would need and is not here."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    # The server refuses to be root.
    if os.getuid() == 0 and not any(entry.pw_name == "postgres" for entry in pwd.getpwall()):
        missing.append("a user postgres")
    return missing


@contextlib.contextmanager
def postgresql() -> Iterator[Database]:
    """Run a PostgreSQL server on loopback."""
    user = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="arcfleet-pg-") as folder:
        if user:
            shutil.chown(folder, user)
        yield from _serve(Path(folder), user)


def _serve(folder: Path, user: str | None) -> Iterator[Database]:
    data, port = folder / "data", free_port()
    initialise = ["initdb", "--auth=trust", "--username=prefect", "--no-sync", f"--pgdata={data}"]
    subprocess.run(initialise, user=user, cwd=folder, check=True, capture_output=True, timeout=60)
    command = ["postgres", "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), *FAST]
    with subprocess.Popen(command, user=user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as it:
        try:
            address = ["-h", "127.0.0.1", "-p", str(port), "-U", "prefect"]
            _await(["pg_isready", *address, "-d", "postgres"])
            url = f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
            yield Database({SETTING: url}, ("pg_dump", *address, "postgres"))
        finally:
            it.terminate()


def _await(command: list[str]) -> None:
    for _ in range(300):
        if subprocess.run([*command, "-t", "1"], capture_output=True, check=False, timeout=30).returncode == 0:
            return
        time.sleep(0.05)
    raise TimeoutError("PostgreSQL does not answer")


def free_port() -> int:
    """Return a port of loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
