"""The project's own programs as processes of their own: Prefect's deployments, and workers that take their runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
GRACE = 30.0
"""Seconds in which a process that was told to end does so."""


def run(*command: str) -> None:
    """Run a module with its arguments to its end."""
    environment = {**os.environ, "ARCFLEET_PROJECT": str(ROOT)}
    command = (sys.executable, "-m", *command)
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120)


def until_put(sim: Any, extensions: int) -> None:
    """Return once so many extensions were put: a step is told of before what it writes."""
    for _ in range(600):
        if sim.counters()["byKind"].get("arm PUT extensions", 0) >= extensions:
            return
        time.sleep(0.05)
    raise TimeoutError


@contextmanager
def process(log: Path, *command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module with its arguments while the context is open."""
    with (
        log.open("ab") as sink,
        subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, stdout=sink, stderr=sink, env={**os.environ, **environment}
        ) as started,
    ):
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(GRACE)
            except subprocess.TimeoutExpired:
                # Prefect's worker stays where SIGINT is ignored, as it is in the background of a shell.
                started.kill()


@contextmanager
def worker(log: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have a worker of the pool `fleet` while the context is open."""
    command = ("prefect", "worker", "start", "--pool", "fleet", "--type", "process", "--name", name)
    with process(log, *command, PREFECT_WORKER_QUERY_SECONDS="1") as started:
        yield started


def deploy(folder: Path, name: str, parameters: dict[str, str] | None = None) -> None:
    """Deploy one of prefect.yaml's deployments, with other parameters where some are given."""
    file = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    file["deployments"] = [item for item in file["deployments"] if item["name"] == name]
    if parameters:
        file["deployments"][0]["parameters"] = parameters
    (folder / "prefect.yaml").write_text(yaml.safe_dump(file))
    run("prefect", "work-pool", "create", "fleet", "--type", "process", "--overwrite")
    run("prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(folder / "prefect.yaml"))
