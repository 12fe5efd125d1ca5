"""deploy-fleet of prefect.yaml in a worker's process: begun by its schedule, and cancelled in the Prefect UI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    DeploymentFilter,
    DeploymentFilterName,
)
from prefect.states import Cancelling

from arcfleet.app import rehearsal
from simulator import Simulator, running
from tasks import steering
from tests.conftest import fleet_of, fleet_text, use
from tests.flows import processes
from tests.flows.test_redeploy_on_push import until
from tests.flows.test_steering import minted

pytestmark = pytest.mark.stories

NAME = "deploy-fleet"
DEPLOYMENT = f"{NAME}/{NAME}"
TEXT = fleet_text(2, rollout={"maxConcurrency": 1}).replace("name: test\n", "name: deployed\n")
RUNS = DeploymentFilter(name=DeploymentFilterName(any_=[NAME]))


@pytest.fixture(scope="module")
def deployed(prefect_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Deploy prefect.yaml's own deployment, for a fleet file of ours; return that file."""
    folder = tmp_path_factory.mktemp("deployed")
    (folder / "fleet.yaml").write_text(TEXT)
    processes.deploy(folder, NAME, {"fleet": str(folder / "fleet.yaml")})
    return folder / "fleet.yaml"


@pytest.fixture
def world(deployed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """Two sites that were never deployed, whose installation takes 10 s of ours, and a worker that reaches them."""
    made = rehearsal.world_of(fleet_of(TEXT)) | {"timings": {"extensionInstall": 600}}
    with running(made, speed=60) as sim:
        use(monkeypatch, sim, tmp_path)
        with processes.worker(tmp_path / "worker.log", "one"):
            yield sim


async def runs():
    """Return the deployment's runs, the newest first."""
    async with get_client() as client:
        found = await client.read_flow_runs(deployment_filter=RUNS)
    return sorted(found, key=lambda run: run.expected_start_time, reverse=True)


async def ended(run):
    async with get_client() as client:
        found = await client.read_flow_run(run.id)
    return found if found.state.is_final() else None


async def schedule_of(slug: str):
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(DEPLOYMENT)
    return next(found for found in deployment.schedules if found.slug == slug)


async def outcomes(run) -> list[str]:
    """Return the outcomes that a run's table in Prefect shows."""
    async with get_client() as client:
        (table,) = await client.read_artifacts(
            artifact_filter=ArtifactFilter(
                key=ArtifactFilterKey(any_=["fleet-deployed"]), flow_run_id=ArtifactFilterFlowRunId(any_=[run.id])
            )
        )
    return [row["outcome"] for row in json.loads(table.data)]


async def switched_off() -> None:
    """Remove the deployment's schedules, and with them the runs that have not begun."""
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(DEPLOYMENT)
        for schedule in deployment.schedules:
            await client.delete_deployment_schedule(deployment.id, schedule.id)


async def begun():
    return [run for run in await runs() if run.start_time]


async def test_a_schedule_that_is_switched_on_deploys_the_fleet_when_it_falls_due(world):
    nightly = await schedule_of("nightly")
    assert not nightly.active
    assert await runs() == []
    processes.run("prefect", "deployment", "schedule", "resume", DEPLOYMENT, str(nightly.id))
    nights = await until(runs)
    times = {run.expected_start_time.astimezone(ZoneInfo("Europe/Berlin")).strftime("%H:%M") for run in nights}
    assert (times, {run.state_name for run in nights}) == ({"02:00"}, {"Scheduled"})
    await switched_off()

    try:
        processes.run("prefect", "deployment", "schedule", "create", DEPLOYMENT, "--cron", "* * * * *")
        (run,) = await until(begun)
    finally:
        await switched_off()
    run = await until(lambda: ended(run))

    assert (run.state_name, run.state.message) == ("Completed", "completed: 2 succeeded")
    assert run.auto_scheduled
    assert run.expected_start_time.second == 0
    assert await outcomes(run) == ["✓ succeeded", "✓ succeeded"]


async def test_a_run_that_is_cancelled_in_the_ui_is_drained_by_its_worker_and_the_next_continues(world):
    async def under_way():
        return minted(world) and await steering.under_way("deployed")

    async with get_client() as client:
        deployment = await client.read_deployment_by_name(DEPLOYMENT)
        run = await client.create_flow_run_from_deployment(deployment.id)
        await until(under_way)
        # As the UI's button does.
        await client.set_flow_run_state(run.id, Cancelling())
        told = datetime.now(UTC)
    run = await until(lambda: ended(run))

    assert run.state.is_cancelled()
    assert run.state.message.startswith("aborted: 1 cancelled, 1 not_started")
    assert run.end_time - told < timedelta(seconds=15)
    assert await outcomes(run) == ["‖ cancelled", "· not_started"]
    assert await steering.under_way("deployed") is None

    async with get_client() as client:
        again = await client.create_flow_run_from_deployment(deployment.id)
    again = await until(lambda: ended(again))
    assert again.state.message == "completed: 2 succeeded"
    assert minted(world) == 4
