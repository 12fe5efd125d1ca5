"""Schedules: when the registry syncs next, and whether it rests."""

from datetime import UTC, datetime

import pytest
from examples import NOW, cr, minutes
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core.schedule import next_sync, rests_between_syncs, synced_since, until_next_sync

DAILY = {"schedule": "0 8 * * *", "sync_window": "PT2H"}
TICK = datetime(2026, 11, 24, 8, tzinfo=UTC)

NEXT = {
    "daily": ("0 8 * * *", NOW, datetime(2026, 11, 25, 8, tzinfo=UTC)),
    "later today": ("30 20 * * *", NOW, datetime(2026, 11, 24, 20, 30, tzinfo=UTC)),
    "at a tick it is the one after": ("0 12 * * *", NOW, datetime(2026, 11, 25, 12, tzinfo=UTC)),
    "no schedule is every minute": (None, NOW, NOW + minutes(1)),
    "an empty one too": ("", NOW, NOW + minutes(1)),
}


@pytest.mark.parametrize(("schedule", "now", "tick"), NEXT.values(), ids=NEXT)
def test_the_next_sync_is_the_next_tick(schedule, now, tick):
    assert next_sync(cr(schedule=schedule), now) == tick


SINCE = {
    "never": ({"last_sync": None}, False),
    "before": ({"last_sync": NOW - minutes(1)}, False),
    "within the same minute": ({"last_sync": NOW + minutes(0.9)}, False),
    "at the next tick": ({"last_sync": NOW + minutes(1)}, True),
    "before the next tick of a rare schedule": ({"schedule": "0 13 * * *", "last_sync": NOW + minutes(59)}, False),
    "at the next tick of a rare schedule": ({"schedule": "0 13 * * *", "last_sync": NOW + minutes(60)}, True),
    "inside a window": ({**DAILY, "last_sync": NOW + minutes(1)}, True),
    "too early inside a window": ({**DAILY, "last_sync": NOW + minutes(0.5)}, False),
}


@pytest.mark.parametrize(("values", "expected"), SINCE.values(), ids=SINCE)
def test_only_a_sync_that_began_later_can_have_brought_something(values, expected):
    assert synced_since(cr(**values), NOW) is expected


RESTS = {
    "after the window": ({}, TICK + minutes(121), True),
    "at the window's last moment": ({}, TICK + minutes(120), False),
    "inside the window": ({}, TICK + minutes(5), False),
    "at the very tick": ({"last_sync": TICK - minutes(1430)}, TICK, False),
    "no contact in the last window": ({"last_sync": TICK - minutes(1)}, TICK + minutes(121), False),
    "never any contact": ({"last_sync": None}, TICK + minutes(121), False),
    "no window: always in contact": ({"sync_window": None}, TICK + minutes(121), False),
    "no schedule": ({"schedule": None}, TICK + minutes(121), False),
    "a window of a day never closes": ({"sync_window": "P1D"}, TICK + minutes(1000), False),
}


@pytest.mark.parametrize(("values", "now", "rests"), RESTS.values(), ids=RESTS)
def test_a_registry_rests_outside_its_window_if_it_was_in_contact_inside(values, now, rests):
    seen = cr(**{**DAILY, "last_sync": TICK + minutes(1), **values})

    assert rests_between_syncs(seen, now) is rests


@given(st.integers(0, 59), st.integers(0, 23), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001
def test_the_next_sync_is_within_a_day_of_a_daily_schedule(minute, hour, now):
    now = now.replace(tzinfo=UTC)

    tick = next_sync(cr(schedule=f"{minute} {hour} * * *"), now)

    assert (tick.hour, tick.minute) == (hour, minute)
    assert minutes(0) < tick - now <= minutes(24 * 60)


UNTIL = {
    "after the window": ({}, TICK + minutes(121), 1319 * 60),
    "inside the window": ({}, TICK + minutes(5), 1435 * 60),
    "just before a tick": ({}, TICK - minutes(1), 60),
    "at a tick": ({}, TICK, 1440 * 60),
    "no schedule is every minute": ({"schedule": None}, TICK, 60),
    "no window: always in contact": ({"sync_window": None}, TICK + minutes(121), 0),
    "an empty window is none": ({"sync_window": ""}, TICK + minutes(121), 0),
}


@pytest.mark.parametrize(("values", "now", "seconds"), UNTIL.values(), ids=UNTIL)
def test_only_a_registry_with_windows_is_waited_for_until_its_next_sync(values, now, seconds):
    assert until_next_sync(cr(**{**DAILY, **values}), now) == seconds
