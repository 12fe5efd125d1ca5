"""Schedules and windows of a connected registry."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator.schedule import SyncSchedule, parse_duration, valid_cron


def at(hour, minute=0, second=0):
    return datetime(2026, 11, 24, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "moment", "following", "last", "is_open"),
    [
        (SyncSchedule(), at(2, 0, 30), at(2, 1), at(2), True),
        (SyncSchedule(), at(2), at(2, 1), at(2), True),
        (SyncSchedule("0 9 * * *"), at(10), at(9) + timedelta(days=1), at(9), True),
        (SyncSchedule("0 9 * * *", "PT3H"), at(8), at(9), at(11, 59) - timedelta(days=1), False),
        (SyncSchedule("0 9 * * *", "PT3H"), at(9), at(9, 1), at(9), True),
        (SyncSchedule("0 9 * * *", "PT3H"), at(10, 30, 5), at(10, 31), at(10, 30), True),
        (SyncSchedule("0 9 * * *", "PT3H"), at(12), at(9) + timedelta(days=1), at(11, 59), False),
    ],
)
def test_contacts_follow_schedule_and_window(schedule, moment, following, last, is_open):
    assert schedule.next(moment) == following
    assert schedule.last(moment) == last
    assert schedule.open(moment) is is_open


@pytest.mark.parametrize(("text", "hours"), [("PT3H", 3), ("P1D", 24), ("P1DT1H30M", 25.5), ("PT45M", 0.75)])
def test_durations_are_iso_8601(text, hours):
    assert parse_duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "P", "3h", "PT", "1D"])
def test_other_words_are_no_durations(text):
    with pytest.raises(ValueError, match="no ISO 8601 duration"):
        parse_duration(text)


def test_a_cron_schedule_has_five_fields():
    assert valid_cron("0/10 * * * *")
    assert not valid_cron("0 0 * * * *")
    assert not valid_cron("often")
