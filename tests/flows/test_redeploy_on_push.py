"""A push in the registry becomes a rollout at the sites, through every process that is there in earnest.

Registry, webhook and Event Grid, `arcfleet bridge`, event, automation, flow run, a worker's process, the sites.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, TaskRunFilter

from arcfleet.app import rehearsal
from arcfleet.gateways import connect
from arcfleet.steps.observe import observe
from simulator import Simulator, running
from tests.conftest import fleet_of, fleet_text, settings_of, use
from tests.flows import processes
from tests.flows.processes import process, worker

pytestmark = pytest.mark.stories

SECRET = "the-secret-of-this-story"
NAME = "redeploy-on-push"
TEXT = fleet_text(2, workloads=[{"name": "web", "image": "app/web:stable"}, {"name": "api", "image": "app/api:1"}])
BURST, FEW = 1000, 5


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def until(condition, seconds=240):
    """Return what a condition returns once it is true."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(0.2)
        return found


@dataclass
class Story:
    """What stands in this story, and how to look at it."""

    sim: Simulator
    folder: Path
    fleet: Path
    port: int = field(default_factory=free_port)
    seen: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bridge(self, **environment: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        options = ("--port", str(self.port), "--quiet", "0.7", "--longest", "5")
        here = {"ARCFLEET_BRIDGE_SECRET": SECRET} | environment
        return process(self.folder / "bridge.log", "arcfleet.app.cli", "bridge", str(self.fleet), *options, **here)

    def is_up(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health").status_code in {200, 503}
        return False

    def tell(self, body: bytes, secret: str = SECRET) -> int:
        return httpx.post(f"{self.url}/push", content=body, headers={"X-Arcfleet-Secret": secret}).status_code

    async def runs(self):
        """Return the flow runs of the deployment that were not there when the test began."""
        async with get_client() as client:
            which = DeploymentFilter(name={"any_": [NAME]})
            found = await client.read_flow_runs(deployment_filter=which)
        return [run for run in found if str(run.id) not in self.seen]

    async def ended(self, count: int):
        """Return the runs once there are so many, at least, and all of them have ended."""
        runs = await self.runs()
        return runs if len(runs) >= count and all(run.state.is_final() for run in runs) else None

    async def has_task(self, run, name: str) -> bool:
        async with get_client() as client:
            found = await client.read_task_runs(task_run_filter=TaskRunFilter(flow_run_id={"any_": [run.id]}))
        return any(name in task.name for task in found)

    async def images(self) -> dict[str, set[str]]:
        """Return by workload the images that run at the sites."""
        images: dict[str, set[str]] = {}
        fleet = fleet_of(TEXT)
        async with connect(settings_of(self.sim)) as gateways:
            for site in fleet.sites:
                facts, _ = await observe(gateways, site, fleet.manifests)
                for name, live in facts.workloads.items():
                    images.setdefault(name, set()).update(live.images)
        return images


@pytest.fixture(scope="module")
def deployed(prefect_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Deploy prefect.yaml's own deployment, for a fleet file of ours, and its automation; return that file."""
    folder = tmp_path_factory.mktemp("redeploy")
    (folder / "fleet.yaml").write_text(TEXT)
    processes.deploy(folder, NAME, {"fleet": str(folder / "fleet.yaml")})
    processes.run("arcfleet.app.cli", "automations", "apply", "deployments/automations/image-pushed.yaml")
    return folder / "fleet.yaml"


@pytest.fixture(scope="module")
def world(deployed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Two sites, a bridge and a worker; the registry tells the bridge by a webhook and by Event Grid."""
    folder = tmp_path_factory.mktemp("world")
    made = rehearsal.world_of(fleet_of(TEXT)) | {"timings": {"extensionInstall": 60}}
    with pytest.MonkeyPatch.context() as patch, running(made, speed=300) as sim:
        use(patch, sim, folder)
        story = Story(sim, folder, deployed)
        with story.bridge(), worker(folder / "worker.log", "one"):
            wait_for(story.is_up)
            header = {"X-Arcfleet-Secret": SECRET}
            sim.post("/subscriptions", subscription("hook", "Webhook", f"{story.url}/push", headers=header))
            sim.post("/subscriptions", subscription("grid", "CloudEventSchemaV1_0", f"{story.url}/push?code={SECRET}"))
            wait_for(lambda: {found["state"] for found in sim.get("/subscriptions")} == {"Succeeded"})
            yield story


@pytest.fixture
async def story(world: Story) -> Story:
    """The world of these stories, with the runs of those before told apart."""
    world.seen |= {str(run.id) for run in await world.runs()}
    return world


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


def subscription(name, schema, url, **more):
    return {"name": name, "registry": "acreu1", "url": url, "schema": schema, **more}


def webhook(number: int, *, repository: str = "app/web", tag: str = "stable", registry: str = "acreu1") -> bytes:
    target = {"repository": repository, "tag": tag, "digest": f"sha256:{number:064x}"}
    request = {"host": f"{registry}.azurecr.io"}
    return json.dumps({"id": f"told-{number}", "action": "push", "target": target, "request": request}).encode()


HOSTILE = {
    "jinja": (webhook(1, repository="{{ config.__class__ }}"), SECRET, 400),
    "another registry": (webhook(2, registry="acreu2"), SECRET, 403),
    "1.6 MB": (b" " * 1_600_000, SECRET, 413),
    "another secret": (webhook(3), "a-secret-of-somebody-else", 401),
    "no JSON": (b"\x00\xff", SECRET, 400),
}


async def test_a_burst_of_pushes_is_few_runs_without_a_lost_digest_and_hostile_ones_start_nothing(story):
    for body, secret, status in HOSTILE.values():
        assert story.tell(body, secret) == status
    for _ in range(BURST):
        newest = story.sim.push("acreu1", "app/web", "stable")
    story.sim.push("acreu1", "app/web", "dev")
    story.sim.push("acreu1", "app/unused", "stable")

    # These sites were never deployed, so that the first run is also the one that installs them.
    runs = await until(lambda: story.ended(1))

    assert (await story.images())["web"] == {f"10.96.0.50/app/web@{newest}"}
    assert len(runs) <= FEW, [run.name for run in runs]
    for run in runs:
        assert run.state.is_completed(), run.state.message
        assert run.parameters == {"fleet": str(story.fleet), "registry": "acreu1", "repository": "app/web"}
        assert run.created_by.type == "AUTOMATION"


async def test_a_push_during_a_run_is_met_by_the_next_run(story):
    first = story.sim.push("acreu1", "app/web", "stable")
    (run,) = await until(story.runs)
    # By then it has asked the registry: what is pushed now it can't know.
    await until(lambda: story.has_task(run, "check sync"))
    second = story.sim.push("acreu1", "app/web", "stable")

    runs = await until(lambda: story.ended(2))

    assert first != second
    assert (await story.images())["web"] == {f"10.96.0.50/app/web@{second}"}
    one, other = sorted(((found.start_time, found.end_time) for found in runs), key=lambda times: times[0])
    assert one[1] <= other[0], "two runs at once"


async def test_what_was_told_while_prefect_was_away_is_told_to_it_after_the_bridge_was_killed(story, tmp_path):
    second = Story(story.sim, tmp_path, story.fleet)
    with second.bridge(PREFECT_API_URL="http://127.0.0.1:9/api", ARCFLEET_HOME=str(tmp_path)) as bridge:
        wait_for(second.is_up)
        refused = second.tell(webhook(4, repository="app/api", tag="1"))
        bridge.kill()
    with second.bridge(ARCFLEET_HOME=str(tmp_path)):
        (run,) = await until(lambda: story.ended(1))

    assert refused == 503
    assert run.parameters["repository"] == "app/api"
    # The registry knows of no such digest, so there is nothing to do, whatever was told.
    assert run.state.message == "completed: 2 noop"
