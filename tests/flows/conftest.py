"""Flows run on a Prefect server of their own, started as the command line starts it, with a database of its own."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from arcfleet.app.server import prefect_server
from arcfleet.core.runs.outcomes import FleetReport
from arcfleet.core.runs.rollout import WaveProgress
from flows.deploy_fleet import deploy_fleet
from simulator import Simulator
from tasks import runtime
from tests.conftest import use


@dataclass
class Recorder:
    """A watcher that keeps what it is told."""

    reports: list[FleetReport] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)
    waits: list[tuple[str, str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    waves: list[WaveProgress] = field(default_factory=list)

    def begin(self, site, step):
        self.steps.append((site, str(step)))

    def end(self, outcome):
        self.ended.append(outcome.site)

    def finish(self, report):
        self.reports.append(report)

    def start(self, sites, run, throttled):
        pass

    def wave(self, progress):
        self.waves.append(progress)

    def waiting(self, site, finding):
        self.waits.append((site, finding if isinstance(finding, str) else finding.message))


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running Prefect server; yields arcfleet's home with the database in it."""
    home = tmp_path_factory.mktemp("home")
    before = dict(os.environ)
    try:
        with prefect_server.available(home) as server:
            server.wait_ready()
            url, os.environ["ARCFLEET_HOME"] = os.environ["PREFECT_API_URL"], str(home)
            with temporary_settings({PREFECT_API_URL: url, PREFECT_HOME: home / "prefect"}):
                yield home
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def recorder() -> Recorder:
    """The watcher of the test's runs."""
    return Recorder()


@pytest.fixture
def deploy(
    prefect_home: Path, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Awaitable[FleetReport]]:
    """Take a fleet file's text to a simulator, through the flow: the deploy flow where no other is named."""

    async def run(sim: Simulator, text: str, *, flow=deploy_fleet, **parameters) -> FleetReport:
        path = tmp_path / "fleet.yaml"
        path.write_text(text)
        use(monkeypatch, sim, tmp_path)
        token = runtime.watcher.set(recorder)
        try:
            await flow(str(path), **parameters, return_state=True)
        finally:
            runtime.watcher.reset(token)
        return recorder.reports[-1]

    return run
