"""Moments of a rollout, as people write them and as windows open."""

from datetime import UTC, datetime, timedelta

import pytest

from arcfleet.core import moments

TUESDAY = datetime(2026, 11, 24, 12, tzinfo=UTC)
READ = {
    "a moment": ("2026-12-01T20:00:00Z", datetime(2026, 12, 1, 20, tzinfo=UTC)),
    "a moment with its offset": ("2026-12-01T20:00:00+01:00", datetime(2026, 12, 1, 19, tzinfo=UTC)),
    "later this week": ("Sat 20:00 UTC", datetime(2026, 11, 28, 20, tzinfo=UTC)),
    "of another zone": ("sat 20:00 Europe/Berlin", datetime(2026, 11, 28, 19, tzinfo=UTC)),
    "earlier this week": ("Mon 08:00", datetime(2026, 11, 30, 8, tzinfo=UTC)),
    "later today": ("20:00", datetime(2026, 11, 24, 20, tzinfo=UTC)),
    "earlier today": ("8:30", datetime(2026, 11, 25, 8, 30, tzinfo=UTC)),
    "now": ("Tue 12:00", TUESDAY),
    "earlier on this weekday": ("Tue 11:59", datetime(2026, 12, 1, 11, 59, tzinfo=UTC)),
}
REFUSED = {
    "no offset": ("2026-12-01T20:00:00", "has no offset"),
    "no moment": ("soon", "is no moment"),
    "no time of day": ("Sat 25:00", "is no time of day"),
    "no zone": ("Sat 20:00 Mars/Olympus", "is no time zone"),
    "a way out of the zones": ("Sat 20:00 ../../etc/passwd", "is no time zone"),
}


@pytest.mark.parametrize(("text", "moment"), READ.values(), ids=READ)
def test_a_moment_is_the_first_from_the_start_on(text, moment):
    assert moments.first_after(text, TUESDAY) == moment


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_moment_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        moments.check(text)


def test_a_window_is_open_from_its_tick_for_its_length():
    opens = datetime(2026, 11, 28, 19, tzinfo=UTC)
    window = ("0 20 * * 6", timedelta(hours=8), "Europe/Berlin")

    assert moments.opens_at(*window, TUESDAY) == opens
    assert moments.opens_at(*window, opens) is None
    assert moments.opens_at(*window, opens + timedelta(hours=7, minutes=59)) is None
    assert moments.opens_at(*window, opens + timedelta(hours=8)) == opens + timedelta(days=7)


def test_a_window_keeps_its_hour_of_the_day_when_the_clocks_change():
    # Until 28 March 2027 Berlin is one hour ahead of UTC, then two.
    friday = datetime(2027, 3, 26, 12, tzinfo=UTC)

    assert moments.opens_at("0 20 * * *", timedelta(hours=1), "Europe/Berlin", friday).hour == 19
    assert moments.opens_at("0 20 * * *", timedelta(hours=1), "Europe/Berlin", friday + timedelta(days=3)).hour == 18
