"""Simulated time: order, exactness, cancellation, speed; no test waits long."""

import asyncio
from datetime import UTC, datetime, timedelta

from simulator.clock import Clock

START = datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_events_run_in_order_and_see_their_own_moment():
    clock, seen = Clock(START, manual=True), []
    for seconds in (30, 10, 20):
        clock.after(seconds, lambda: seen.append((clock.now() - START).total_seconds()))

    clock.step(25)

    assert seen == [10, 20]
    assert clock.now() == START + timedelta(seconds=25)


def test_a_chain_keeps_its_distances_within_one_step():
    clock, seen = Clock(START, manual=True), []

    def again():
        seen.append((clock.now() - START).total_seconds())
        clock.after(7, again)

    clock.after(7, again)
    clock.step(30)

    assert seen == [7, 14, 21, 28]


def test_a_cancelled_event_does_not_run():
    clock, seen = Clock(START, manual=True), []
    handle = clock.after(1, lambda: seen.append(1))

    handle.cancel()
    clock.step(5)

    assert seen == []


def test_an_event_in_the_past_runs_at_once_and_time_never_turns_back():
    clock, seen = Clock(START, manual=True), []
    clock.at(START - timedelta(days=1), lambda: seen.append(clock.now()))

    clock.step(0)

    assert len(seen) == 1
    assert clock.now() == START


async def test_running_time_is_as_fast_as_it_is_told():
    clock, done = Clock(START, speed=10_000), asyncio.Event()
    clock.attach(asyncio.get_running_loop())
    clock.after(600, done.set)

    await asyncio.wait_for(done.wait(), 5)
    clock.detach()

    assert clock.now() - START >= timedelta(seconds=600)


async def test_a_waiting_loop_has_one_timer_for_all_events():
    clock = Clock(START)
    loop = asyncio.get_running_loop()
    clock.attach(loop)
    before = len(loop._scheduled)

    for seconds in range(1000, 0, -1):
        clock.after(seconds, lambda: None)

    live = [timer for timer in loop._scheduled[before:] if not timer.cancelled()]
    clock.detach()
    assert len(live) == 1


async def test_a_new_speed_holds_from_now_on():
    clock = Clock(START, speed=0)
    clock.attach(asyncio.get_running_loop())

    still = clock.now()
    clock.set_speed(1_000_000)
    await asyncio.sleep(0.01)
    clock.set_speed(0)
    moved = clock.now()

    assert still == START
    assert moved - START > timedelta(seconds=1000)
    assert clock.now() == moved


async def test_sleep_waits_in_simulated_time():
    clock = Clock(START, manual=True)
    sleeper = asyncio.ensure_future(clock.sleep(3600))
    await asyncio.sleep(0)

    clock.step(3599)
    await asyncio.sleep(0)
    early = sleeper.done()
    clock.step(1)

    await asyncio.wait_for(sleeper, 1)
    assert early is False
