"""Killed at any instant, the next run goes on from there: no finished write is made again, and nobody is cut off."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from pathlib import Path

import pytest

from arcfleet.core.planning.plan import Step
from arcfleet.core.runs.outcomes import Result
from tests.conftest import environment_of, fleet_of, fleet_text
from tests.flows import killing
from tests.flows.waves_world import FAST

MINT = "arm POST generateCredentials"
STEPS = [
    Step.OBSERVE, Step.PREFLIGHT, Step.ENSURE, Step.GENERATE_CREDENTIAL, Step.INSTALL_EXTENSION, Step.WAIT_HEALTHY,
    Step.CHECK_SYNC, Step.PULL_SECRET, Step.ROLL_OUT,
]  # fmt: skip
"""Every step of a site that is made from nothing, in their order; the boundary before each is one before the step."""
INSTANTS = [
    *(("begin", step) for step in STEPS),
    *(("waiting", step) for step in (Step.INSTALL_EXTENSION, Step.WAIT_HEALTHY, Step.ROLL_OUT)),
    ("end", None),
]
LOST = {("begin", Step.INSTALL_EXTENSION)}
"""Here a password was made, and its value died with the process: one more is made, into the same slot."""
TEXT = fleet_text(1, ensure=True)


def writes(sim) -> Counter[str]:
    """Return what was written, by kind, where the service accepted it."""
    return Counter(entry["kind"] for entry in sim.audit() if entry["write"] and (entry["status"] or 500) < 400)


def kill(sim, path: Path, instant: str, step: Step | None) -> int:
    """Deploy in another process until it kills itself; return what ended it."""
    # Forked from a process that has imported the flows already, which takes seconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.deploy_fleet", "tests.flows.killing"])
    process = context.Process(target=killing.deploy, args=(str(path), environment_of(sim, path.parent), instant, step))
    process.start()
    process.join(60)
    return process.exitcode or 0


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Counter[str]]:
    """What a run writes that nobody kills; the first test makes it."""
    return {}


@pytest.mark.parametrize(
    ("instant", "step"), [(None, None), *INSTANTS], ids=lambda value: str(value).replace(" ", "-") if value else "never"
)
async def test_killed_at_any_instant_the_next_run_goes_on(simulate, deploy, tmp_path, undisturbed, instant, step):
    sim = simulate(fleet_of(TEXT), **FAST)
    path = tmp_path / "fleet.yaml"
    path.write_text(TEXT)
    if instant:
        assert kill(sim, path, instant, step) == -signal.SIGKILL

    report = await deploy(sim, TEXT)

    assert report.result is Result.COMPLETED
    if not instant:
        undisturbed["writes"] = writes(sim)
        return
    more = writes(sim) - undisturbed["writes"]
    assert more == (Counter({MINT: 1}) if (instant, step) in LOST else Counter())
    assert not undisturbed["writes"] - writes(sim)
