"""A wave's sites handed to Prefect workers, under the budget of the run that hands them over."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

from arcfleet.core.planning.plan import Step
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Outcome, Result, Status, StepRecord
from tasks import batches
from tests.conftest import fleet_of, use
from tests.flows.processes import deploy as make_deployment
from tests.flows.processes import worker
from tests.flows.waves_world import FAST, began, fail, in_waves, statuses

pytestmark = pytest.mark.stories

BATCHES = DeploymentFilter(name=DeploymentFilterName(any_=["deploy-batch"]))


@pytest.fixture(scope="module")
def deployed(prefect_home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Deploy prefect.yaml's own deployment of batches."""
    make_deployment(tmp_path_factory.mktemp("batches"), "deploy-batch")


@pytest.fixture
def sim_and_text(deployed, simulate, tmp_path, monkeypatch):
    """Return a simulator of five sites in two waves, which workers that start now reach too, and the fleet file."""
    text = in_waves(
        1, 4, prod={"maxFailures": 1, "maxConcurrency": 4}, timeouts={"site": "1d"}, execution="workers", batch=2
    )
    sim = simulate(fleet_of(text), speed=300, **FAST)
    use(monkeypatch, sim, tmp_path)
    return sim, text


@pytest.fixture
def two_workers(sim_and_text, tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two workers, each a process."""
    with worker(tmp_path / "one.log", "one") as one, worker(tmp_path / "two.log", "two") as two:
        yield [one, two]


async def test_two_workers_deploy_a_fleet_wave_by_wave(sim_and_text, two_workers, deploy):
    sim, text = sim_and_text

    report = await deploy(sim, text)

    assert set(statuses(report).values()) == {"succeeded"}
    assert [outcome.wave for outcome in report.outcomes] == ["canary", *["prod"] * 4]
    assert all(outcome.steps and outcome.images for outcome in report.outcomes)
    assert min(began(sim), key=began(sim).__getitem__) == "k-s1"


async def test_the_budget_holds_across_workers(sim_and_text, two_workers, deploy):
    sim, text = sim_and_text
    for number in range(2, 6):
        fail(sim, f"s{number}")

    report = await deploy(sim, text)

    found = list(statuses(report).values())
    assert (found.count("failed"), found.count("not_started"), report.result) == (2, 2, Result.STOPPED)
    assert len(began(sim)) == 3
    assert report.outcomes[1].finding.message.endswith("InstallationFailed: no")


async def test_a_batch_whose_process_is_killed_fails_its_site_and_the_next_run_goes_on(
    sim_and_text, two_workers, deploy, recorder
):
    sim, text = sim_and_text

    async def kill() -> None:
        async with get_client() as client:
            for _ in range(600):
                for run in await client.read_flow_runs(deployment_filter=BATCHES):
                    if began(sim) and run.state and run.state.is_running():
                        os.kill(int(str(run.infrastructure_pid).rpartition(":")[2]), signal.SIGKILL)
                        return
                await asyncio.sleep(0.1)

    _, report = await asyncio.gather(kill(), deploy(sim, text))

    assert statuses(report)["s1"] == "failed"
    assert report.outcomes[0].finding.reason is Reason.NO_WORKER
    assert (await deploy(sim, text.replace("execution: workers", "execution: process"))).result is Result.COMPLETED


def test_an_outcome_comes_back_as_it_was():
    outcome = Outcome(
        "s1", Status.TIMED_OUT, 61.5, None, (StepRecord(Step.OBSERVE, 1.5),), ("extension 1.2.3",), wave="w"
    )

    assert batches.from_text(batches.to_text(outcome)) == outcome
