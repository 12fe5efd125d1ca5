"""Deploying a fleet: a fresh one, a healthy one, and what it costs in requests."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from arcfleet.core.runs.outcomes import Result, Status
from arcfleet.steps.health import INTERVAL
from tests.conftest import fleet_of, fleet_text

POLL = "arm GET extensions/operations"
INSTALL = 300.0
LONG = 7200.0
"""An installation that is under way until a test moves time on, however busy the machine is."""


def arm_requests(kinds: dict[str, int]) -> int:
    """Count a site's ARM requests besides the polls of its operation."""
    return sum(count for kind, count in kinds.items() if kind.startswith("arm") and kind != POLL)


async def test_a_fresh_fleet_is_deployed_step_by_step(simulate, deploy, recorder):
    text = fleet_text(3)
    sim = simulate(fleet_of(text))

    report = await deploy(sim, text)

    assert report.result is Result.COMPLETED
    assert [outcome.status for outcome in report.outcomes] == [Status.SUCCEEDED] * 3
    assert [step for site, step in recorder.steps if site == "s1"] == [
        "observe", "preflight", "generate credential", "install extension", "wait healthy", "check sync",
        "pull secret", "roll out",
    ]  # fmt: skip
    assert sim.counters()["unknownRoutes"] == 0


async def test_a_second_run_on_a_healthy_fleet_writes_nothing(simulate, deploy):
    text = fleet_text(3)
    sim = simulate(fleet_of(text))
    await deploy(sim, text)
    minted = sim.secrets()
    sim.post("/counters/reset")

    report = await deploy(sim, text)

    counters = sim.counters()
    assert [outcome.status for outcome in report.outcomes] == [Status.NOOP] * 3
    assert counters["writes"] == 0
    assert sim.secrets() == minted
    assert {site: arm_requests(kinds) for site, kinds in counters["bySite"].items()} == dict.fromkeys(
        ("k-s1", "k-s2", "k-s3"), 2
    )


async def test_a_fresh_site_takes_at_most_8_arm_requests_and_12_polls_and_sees_the_end_in_time(simulate, deploy):
    sites, agent = 4, 5.0
    text = fleet_text(sites)
    # At this speed a request's own few milliseconds are small against the gaps between polls.
    sim = simulate(fleet_of(text), speed=30, extensionInstall=INSTALL, agentPoll=agent)

    await deploy(sim, text)

    counters, audit = sim.counters(), sim.audit()
    # Tokens are the registry's; each site reads two and generates a password for each.
    tokens = sum(counters["byKind"][kind] for kind in ("arm POST generateCredentials", "arm GET tokens")) / sites
    for site, kinds in counters["bySite"].items():
        assert arm_requests(kinds) + tokens <= 8
        assert kinds[POLL] <= 12
        began = min(at(entry) for entry in audit if entry.get("site") == site and entry["kind"] == "arm PUT extensions")
        seen = max(at(entry) for entry in audit if entry.get("site") == site and entry["kind"] == POLL)
        length = agent + INSTALL
        assert length <= (seen - began).total_seconds() <= length * 1.1 + 1


async def test_one_list_of_connected_registries_serves_all_sites_that_wait(simulate, deploy):
    sites, wait = 8, 300.0
    text = fleet_text(sites)
    # Slow enough that each of them could ask as often as it looks.
    sim = simulate(fleet_of(text), speed=60, extensionInstall=20, firstSync=wait)

    report = await deploy(sim, text)

    assert {outcome.status for outcome in report.outcomes} == {Status.SUCCEEDED}
    asked = sim.counters()["byKind"]["arm LIST connectedRegistries"]
    assert wait / INTERVAL / 4 < asked < 1.5 * wait / INTERVAL


def at(entry: dict[str, str]) -> datetime:
    """Return the simulated time of an audited request."""
    return datetime.fromisoformat(entry["time"])


@pytest.mark.parametrize("chosen", [{"sites": ["s2"]}, {"labels": {"ring": "b"}}], ids=["by name", "by label"])
async def test_only_the_chosen_sites_are_touched(simulate, deploy, chosen):
    text = fleet_text(3).replace("name: s2\n", "name: s2\n  labels: {ring: b}\n")
    sim = simulate(fleet_of(text))

    report = await deploy(sim, text, **chosen)

    assert [outcome.site for outcome in report.outcomes] == ["s2"]
    assert set(sim.counters()["bySite"]) == {"k-s2"}


async def test_no_more_sites_than_allowed_are_worked_on_at_once(simulate, deploy, recorder):
    text = fleet_text(5, rollout={"maxConcurrency": 2})
    sim = simulate(fleet_of(text), extensionInstall=60)

    await deploy(sim, text)

    active: set[str] = set()
    for site, step in recorder.steps:
        active.add(site)
        assert len(active) <= 2
        if step == "roll out":
            active.discard(site)


async def test_a_moved_tag_rolls_the_workload_and_leaves_the_registry_alone(simulate, deploy):
    text = fleet_text(1)
    sim = simulate(fleet_of(text))
    await deploy(sim, text)
    digest = sim.push("acreu1", "app/web", "stable", digest="sha256:" + "ab" * 32)
    sim.post("/counters/reset")

    report = await deploy(sim, text)

    kinds = sim.counters()["byKind"]
    assert report.outcomes[0].status is Status.SUCCEEDED
    assert report.outcomes[0].changes == ("workload web",)
    assert kinds["kube PATCH deployments"] == 1
    assert "arm PUT extensions" not in kinds
    assert "arm POST generateCredentials" not in kinds
    assert digest.endswith("ab" * 8)


async def test_a_changed_setting_is_patched_with_a_password_from_the_idle_slot(simulate, deploy):
    text = fleet_text(1)
    sim = simulate(fleet_of(text))
    await deploy(sim, text)
    changed = fleet_text(1, extension={"settings": {"pvc.storageRequest": "300Gi"}})

    report = await deploy(sim, changed)

    outcome = report.outcomes[0]
    assert outcome.status is Status.SUCCEEDED
    assert outcome.changes == ("pvc.storageRequest: unset -> 300Gi",)
    assert sim.counters()["byKind"]["arm PATCH extensions"] == 1
    again = await deploy(sim, changed)
    assert again.outcomes[0].status is Status.NOOP


async def test_a_run_that_was_cut_off_is_continued_without_a_new_password(simulate, deploy, recorder):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), speed=120, extensionInstall=LONG)
    run = asyncio.create_task(deploy(sim, text))
    async with asyncio.timeout(60):
        while "arm PUT extensions" not in sim.counters()["byKind"]:  # noqa: ASYNC110 - the simulator tells nobody
            await asyncio.sleep(0.02)
    # Cut off while Azure installs: what was begun goes on there, but not before the next run has looked.
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert sim.counters()["byKind"]["arm PUT extensions"] == 1

    again = asyncio.create_task(deploy(sim, text))
    async with asyncio.timeout(60):
        while ("s1", "settle extension") not in recorder.steps:  # noqa: ASYNC110 - the recorder tells nobody
            await asyncio.sleep(0.02)
    sim.step(LONG)
    report = await again

    kinds = sim.counters()["byKind"]
    assert report.outcomes[0].status is Status.SUCCEEDED
    assert kinds["arm PUT extensions"] == 1
    assert kinds["arm POST generateCredentials"] == 2  # the registry's, and the pull secret's
    assert [record.step for record in report.outcomes[0].steps][:2] == ["observe", "settle extension"]
