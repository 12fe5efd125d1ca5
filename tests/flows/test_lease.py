"""A fleet whose holder is dead is anybody's; one whose holder may live is not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed, Running

from arcfleet.core.reasons import Reason
from arcfleet.core.runs.orders import EXPIRY, Lease, lease_key
from arcfleet.core.runs.outcomes import Result
from flows.deploy_fleet import deploy_fleet
from tasks import variables
from tests.conftest import fleet_of, fleet_text


@flow
def other_run() -> None:
    """A run that holds the fleet."""


async def made(state: State) -> UUID:
    """Make a run that is in a state."""
    async with get_client() as client:
        run = await client.create_flow_run(other_run)
        await client.set_flow_run_state(run.id, state, force=True)
        return run.id


def ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


async def held(value: dict[str, Any] | None = None) -> Any:
    """Return what the fleet's lease is, after it was made this one."""
    async with get_client() as client:
        if value:
            await variables.write(client, lease_key("test"), value)
        return await variables.read(client, lease_key("test"))


async def lease(kind: str) -> Lease:
    """Return a lease of somebody else's."""
    now = datetime.now(UTC)
    here, pid = socket.gethostname(), os.getpid()
    match kind:
        case "silent":
            old = now - EXPIRY - timedelta(seconds=1)
            return Lease(str(await made(Running())), "old", "elsewhere", pid, old, old)
        case "its process is gone":
            return Lease(str(await made(Running())), "old", here, ended_process(), now, now)
        case "its run has ended":
            return Lease(str(await made(Completed())), "old", "elsewhere", pid, now, now)
        case "unknown to Prefect, on another machine":
            return Lease(str(uuid4()), "old", "elsewhere", pid, now, now)
    return Lease(str(await made(Running())), "old", "elsewhere", pid, now, now)


@pytest.mark.parametrize("kind", ["silent", "its process is gone", "its run has ended"])
async def test_a_dead_holders_lease_is_taken_over(simulate, deploy, kind):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), extensionInstall=60)
    await held((await lease(kind)).to_json())

    report = await deploy(sim, text)

    assert report.result is Result.COMPLETED
    assert await held() is None


@pytest.mark.parametrize("kind", ["at work", "unknown to Prefect, on another machine"])
async def test_a_holder_that_may_live_keeps_its_lease(tmp_path, prefect_home, kind):
    path = tmp_path / "fleet.yaml"
    path.write_text(fleet_text(1))
    other = (await lease(kind)).to_json()
    await held(other)

    state = await deploy_fleet(str(path), return_state=True)

    error = await state.result(raise_on_failure=False)
    assert error.reason is Reason.BUSY
    assert "held by run old" in error.message
    assert await held() == other
    async with get_client() as client:
        await client.delete_variable_by_name(lease_key("test"))
