"""What a Prefect server keeps about one Azure says nothing of another: a rehearsal can't cut off a real site."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import get_client

from arcfleet.core.passwords import journal
from arcfleet.core.passwords.credentials import SLOTS
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.planning.fleet_plan import FleetPlan
from arcfleet.core.planning.plan import Disposition, SitePlan
from arcfleet.core.runs import approvals
from arcfleet.core.runs.outcomes import Status
from arcfleet.core.runs.run_waves import GateId
from flows.rotate_credentials import rotate_credentials
from tasks import gates
from tasks.journal import opened
from tests.conftest import fleet_of, fleet_text, use
from tests.flows.contact import count_online, installed

NOW = datetime.now(UTC)


@pytest.mark.parametrize("slot", SLOTS)
async def test_a_rehearsal_that_was_killed_says_nothing_about_the_slots_of_real_sites(
    simulate, deploy, tmp_path, monkeypatch, slot
):
    text = fleet_text(1, workloads=[])
    rehearsed, real = (simulate(fleet_of(text), speed=120, change=installed, extensionUpdate=30) for _ in range(2))
    use(monkeypatch, rehearsed, tmp_path)
    async with get_client() as client, opened(client) as kept:
        # As a run leaves it that is killed before it has a password, in a world whose time runs ahead.
        key = journal.key(fleet_of(text).sites[0].registry_ref, "plant1")
        await kept.write(key, Entry(slot, Phase.INTENDED, NOW + timedelta(days=1)))
    seen: Counter[bool] = Counter()

    watching = asyncio.create_task(count_online(real, seen))
    report = await deploy(real, text, flow=rotate_credentials, now=True)
    watching.cancel()

    assert [outcome.status for outcome in report.outcomes] == [Status.SUCCEEDED]
    assert seen[True] > 0
    assert seen[False] == 0


async def test_an_approval_given_in_a_rehearsal_is_none_for_the_real_fleet(
    simulate, prefect_home, tmp_path, monkeypatch
):
    gate, plan = GateId("canary", after=True, index=0), FleetPlan("test", NOW, 5, {"s1": SitePlan(Disposition.CREATE)})
    rehearsed, real = (simulate(fleet_of(fleet_text(1))) for _ in range(2))

    use(monkeypatch, rehearsed, tmp_path)
    await gates.keep("test", gate, approvals.of_plan(plan, "ola", NOW, "go"))
    there = await gates.kept("test", gate, plan)
    use(monkeypatch, real, tmp_path)

    assert there is not None
    assert there.holds(plan)
    assert await gates.kept("test", gate, plan) is None
