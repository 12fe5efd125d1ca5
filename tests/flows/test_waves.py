"""Waves: a canary stops the fleet, budgets hold under parallel starts, soaks and windows are kept, offline sites."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Ended, Result
from tests.conftest import fleet_of
from tests.flows.waves_world import FAST, began, fail, in_waves, soon, statuses, until


async def test_a_canary_that_fails_stops_the_fleet_before_wave_two(simulate, deploy):
    text = in_waves(1, 3)
    sim = simulate(fleet_of(text), **FAST)
    fail(sim, "s1")

    report = await deploy(sim, text)

    assert statuses(report) == {"s1": "failed", "s2": "not_started", "s3": "not_started", "s4": "not_started"}
    assert (report.result, report.ended, report.because) == (Result.STOPPED, Ended.STOPPED, "1 failed of 0 allowed")
    assert report.outcomes[1].finding.reason is Reason.STOPPED
    assert set(began(sim)) == {"k-s1"}

    # Once the cause is gone, the next run takes the whole fleet through.
    sim.clear_faults()
    assert statuses(await deploy(sim, text)) == dict.fromkeys(("s1", "s2", "s3", "s4"), "succeeded")


async def test_a_strict_budget_holds_under_parallel_starts(simulate, deploy):
    text = in_waves(1, 8, prod={"maxConcurrency": 8, "maxFailures": 2})
    sim = simulate(fleet_of(text), **FAST)
    for number in range(2, 10):
        fail(sim, f"s{number}")

    report = await deploy(sim, text)

    found = list(statuses(report).values())
    # Three start at once, since no more than three could fail before the bound of two is broken.
    assert (found.count("failed"), found.count("not_started"), found.count("succeeded")) == (3, 5, 1)
    assert len(began(sim)) == 4
    assert report.result is Result.STOPPED


async def test_a_soft_budget_starts_as_many_as_it_may(simulate, deploy):
    text = in_waves(1, 4, prod={"maxConcurrency": 4, "maxFailures": 1}, concurrencyMode="soft")
    sim = simulate(fleet_of(text), **FAST)
    for number in range(2, 6):
        fail(sim, f"s{number}")

    report = await deploy(sim, text)

    assert list(statuses(report).values()) == ["succeeded", *["failed"] * 4]
    assert report.result is Result.COMPLETED_WITH_FAILURES


async def test_a_site_that_falls_in_its_soak_has_failed(simulate, deploy, recorder):
    text = in_waves(1, 1, canary={"soak": "30m"})
    sim = simulate(fleet_of(text), **FAST)

    async def fall() -> None:
        await until(lambda: any("soak" in progress.waiting for progress in recorder.waves))
        sim.site("k-s1", connectivity="Offline")

    _, report = await asyncio.gather(fall(), deploy(sim, text))

    assert statuses(report) == {"s1": "failed", "s2": "not_started"}
    assert report.outcomes[0].finding.message.startswith("was well, then in its soak: ")
    assert report.result is Result.STOPPED
    assert set(began(sim)) == {"k-s1"}


async def test_a_soak_takes_its_time_and_writes_nothing(simulate, deploy):
    text = in_waves(1, 1, canary={"soak": "30m"})
    sim = simulate(fleet_of(text), **FAST)

    report = await deploy(sim, text)

    assert report.result is Result.COMPLETED
    assert began(sim)["k-s2"] - began(sim)["k-s1"] > timedelta(minutes=30)


async def test_the_second_run_neither_soaks_nor_waits(simulate, deploy):
    text = in_waves(1, 1, canary={"soak": "30d"}, prod={"before": [{"notBefore": "2099-01-01T00:00:00Z"}]})
    sim = simulate(fleet_of(text), **FAST)
    plain = in_waves(1, 1)
    await deploy(sim, plain)

    report = await deploy(sim, text)

    assert statuses(report) == {"s1": "noop", "s2": "noop"}
    assert [(gate.gate, gate.answer) for gate in report.gates] == [("prod.before[0]", "skipped")]


@pytest.mark.parametrize(("offline", "status"), [("defer", "deferred"), ("fail", "failed")])
async def test_a_site_out_of_contact_is_what_the_fleet_file_says(simulate, deploy, offline, status):
    text = in_waves(1, 1, canary={"maxFailures": 1}, offline=offline)
    sim = simulate(fleet_of(text), **FAST)
    sim.site("k-s1", connectivity="Offline")

    report = await deploy(sim, text)

    assert statuses(report)["s1"] == status
    assert set(began(sim)) == ({"k-s2"} if offline == "defer" else set())


async def test_a_site_that_comes_back_is_waited_for_where_the_file_says_so(simulate, deploy, recorder):
    text = in_waves(1, 1, offline="wait")
    sim = simulate(fleet_of(text), **FAST)
    sim.site("k-s1", connectivity="Offline")

    async def come_back() -> None:
        await until(lambda: bool(recorder.steps))
        sim.site("k-s1", connectivity="Connected")

    _, report = await asyncio.gather(come_back(), deploy(sim, text))

    assert statuses(report) == {"s1": "succeeded", "s2": "succeeded"}


async def test_an_offline_site_that_comes_back_is_deployed_by_the_next_run(simulate, deploy):
    text = in_waves(1, 1)
    sim = simulate(fleet_of(text), **FAST)
    sim.site("k-s2", connectivity="Offline")
    first = await deploy(sim, text)
    sim.site("k-s2", connectivity="Connected")

    second = await deploy(sim, text)

    assert (statuses(first), first.result) == ({"s1": "succeeded", "s2": "deferred"}, Result.INCOMPLETE)
    assert (statuses(second), second.result) == ({"s1": "noop", "s2": "succeeded"}, Result.COMPLETED)


async def test_a_site_that_takes_too_long_has_timed_out_and_counts(simulate, deploy):
    text = in_waves(1, 1, timeouts={"site": "10m"})
    sim = simulate(fleet_of(text), extensionInstall=3600.0)

    report = await deploy(sim, text)

    assert statuses(report) == {"s1": "timed_out", "s2": "not_started"}
    assert report.outcomes[0].finding.reason is Reason.SITE_DEADLINE
    assert report.outcomes[0].steps[-1].step == "install extension"


async def test_sites_are_begun_inside_their_window(simulate, deploy):
    sim = simulate(fleet_of(in_waves(1, 1)), speed=1800, **FAST)
    opens = soon(sim)
    text = in_waves(
        1, 1, prod={"window": {"opens": f"{opens.minute} {opens.hour} * * *", "for": "4h"}}, timeouts={"site": "1d"}
    )

    report = await deploy(sim, text)

    assert report.result is Result.COMPLETED
    assert began(sim)["k-s1"] < opens <= began(sim)["k-s2"] < opens + timedelta(hours=4)
