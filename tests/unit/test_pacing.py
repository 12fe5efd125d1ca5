"""Pacing: as many requests as Azure Resource Manager refills, and a pause for all when it says so."""

import asyncio

import pytest
from fakes import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.gateways.pacing import LIMITS, Bucket, Pacer, seconds_of

RETRY = {"Retry-After": "17"}


async def test_a_full_bucket_lets_its_size_through_at_once_and_then_one_per_refill():
    clock = FakeClock(1000.0)
    bucket = Bucket(5, 2, clock)

    for _ in range(5):
        await bucket.take()
    at_once = clock.now
    for _ in range(4):
        await bucket.take()

    assert at_once == 1000.0
    assert clock.now == pytest.approx(1002.0)


async def test_a_bucket_never_holds_more_than_its_size():
    clock = FakeClock()
    bucket = Bucket(2, 1, clock)
    clock.now += 3600

    for _ in range(3):
        await bucket.take()

    assert clock.now == pytest.approx(3601)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.integers(1, 5), st.floats(0.5, 10))
async def test_no_stretch_of_time_sees_more_than_size_and_refill_allow(gaps, size, refill):
    clock, times = FakeClock(), []
    bucket = Bucket(size, refill, clock)

    for gap in gaps:
        clock.now += gap
        await bucket.take()
        times.append(clock.now)

    for i, begin in enumerate(times):
        for j in range(i, len(times)):
            assert j - i + 1 <= size + (times[j] - begin) * refill + 1e-6


async def test_a_pause_holds_everybody_and_a_shorter_one_does_not_shorten_it():
    clock = FakeClock()
    bucket = Bucket(10, 10, clock)
    bucket.pause(30)
    bucket.pause(5)

    await asyncio.gather(*(bucket.take() for _ in range(3)))

    assert clock.now == pytest.approx(30)


async def test_the_service_corrects_the_bucket_downwards_only():
    clock = FakeClock()
    bucket = Bucket(10, 1, clock)
    bucket.correct(50)
    bucket.correct(0)

    await bucket.take()

    assert clock.now == pytest.approx(1)


KINDS = {"GET": "reads", "HEAD": "reads", "PUT": "writes", "PATCH": "writes", "POST": "writes", "DELETE": "deletes"}


@pytest.mark.parametrize(("method", "kind"), KINDS.items(), ids=KINDS)
async def test_each_method_draws_from_its_own_bucket(method, kind):
    clock = FakeClock()
    pacer = Pacer(clock)
    pacer.observe(method, 200, {f"x-ms-ratelimit-remaining-subscription-{kind}": "0"})

    for other in (name for name, its in KINDS.items() if its != kind):
        await pacer.take(other)
    assert clock.now == 0
    await pacer.take(method)

    assert clock.now == pytest.approx(1 / LIMITS[kind][1])


THROTTLES = {
    "seconds": (RETRY, 17),
    "none": ({}, 1),
    "zero": ({"Retry-After": "0"}, 1),
    "a date": ({"Retry-After": "Tue"}, 1),
    "for ever": ({"Retry-After": "inf"}, 1),
    "no number": ({"Retry-After": "nan"}, 1),
    "into the past": ({"Retry-After": "-5"}, 1),
}


@pytest.mark.parametrize(("headers", "seconds"), THROTTLES.values(), ids=THROTTLES)
async def test_a_429_pauses_its_kind_and_is_counted(headers, seconds):
    clock = FakeClock()
    pacer = Pacer(clock)

    pacer.observe("PUT", 429, headers)
    await pacer.take("GET")
    before = clock.now
    await pacer.take("PUT")

    assert (pacer.throttled, before) == (1, 0)
    assert clock.now == pytest.approx(seconds)


async def test_an_ordinary_answer_pauses_nobody():
    clock = FakeClock()
    pacer = Pacer(clock)

    pacer.observe("GET", 200, {"x-ms-ratelimit-remaining-subscription-reads": "many", **RETRY})
    await pacer.take("GET")

    assert (clock.now, pacer.throttled) == (0, 0)


NUMBERS = {"17": 17.0, "1.5": 1.5, "0": 0.0, "-0.0": 0.0}
NO_WAITS = ["Wed, 21 Oct 2026 07:28:00 GMT", "", "-1", "-0.1", "inf", "-inf", "Infinity", "1e999", "nan"]
SECONDS = {**NUMBERS, **dict.fromkeys(NO_WAITS)}


@pytest.mark.parametrize(("text", "seconds"), [*SECONDS.items(), (None, None)])
def test_a_retry_after_is_read_where_it_is_a_number_that_can_be_waited_for(text, seconds):
    assert seconds_of(text) == seconds
