"""Durations: what people write, and what they read."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core.durations import ago, clock_time, duration_text, iso8601, parse_duration

ACCEPTED = {
    "90s": timedelta(seconds=90),
    "30m": timedelta(minutes=30),
    "2h": timedelta(hours=2),
    "1h30m": timedelta(minutes=90),
    "1h 30m": timedelta(minutes=90),
    "90d": timedelta(days=90),
    "1d2h3m4s": timedelta(days=1, hours=2, minutes=3, seconds=4),
}
REFUSED = {
    "nothing": ("", "is no duration"),
    "no unit": ("90", "is no duration"),
    "a number": (90, "is no duration"),
    "a truth": (True, "is no duration"),
    "negative": ("-5m", "is no duration"),
    "fraction": ("1.5h", "is no duration"),
    "unknown unit": ("3w", "is no duration"),
    "capital unit": ("3M", "is no duration"),
    "text after": ("3m!", "is no duration"),
    "text before": ("in 3m", "is no duration"),
    "zero": ("0s", "is no time at all"),
    "zeros": ("0h0m", "is no time at all"),
    "full-width digits": ("９0s", "is no duration"),  # noqa: RUF001
    "longer than anybody writes": ("1m" * 51, "is no duration"),
    "beyond time": ("99999999999d", "is longer than time goes"),
    "beyond time in sum": ("999999999d999999999d", "is longer than time goes"),
}


@pytest.mark.parametrize(("text", "expected"), ACCEPTED.items(), ids=ACCEPTED)
def test_a_duration_is_read(text, expected):
    assert parse_duration(text) == expected


@pytest.mark.parametrize(("value", "why"), REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused_with_the_reason(value, why):
    with pytest.raises(ValueError, match=why):
        parse_duration(value)


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=10**6)))
def test_writing_and_reading_a_duration_gives_the_same(length):
    whole = timedelta(days=length.days, seconds=length.seconds)
    hours, rest = divmod(whole.seconds, 3600)

    assert parse_duration(f"{whole.days}d{hours}h{rest // 60}m{rest % 60}s") == whole
    assert parse_duration(whole) is whole
    assert parse_duration(duration_text(whole)) == whole


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=90), "90d"),
        (timedelta(seconds=61), "1m1s"),
        (timedelta(), "0s"),
    ],
)
def test_a_duration_is_written_as_people_do(length, text):
    assert duration_text(length) == text


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.lists(st.text())))
def test_no_value_raises_anything_but_value_error(value):
    with suppress(ValueError):
        assert parse_duration(value) > timedelta()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (0.4, "0:00"), (59.6, "1:00"), (72, "1:12"), (3599, "59:59"), (3600, "1:00:00"), (90061, "25:01:01")],
)
def test_a_length_is_shown_as_a_clock_shows_it(seconds, text):
    assert clock_time(seconds) == text


@given(st.integers(min_value=0, max_value=10**7))
def test_a_shown_length_is_the_length(seconds):
    total = 0
    for part in clock_time(seconds).split(":"):
        total = total * 60 + int(part)

    assert total == seconds


AGES = {0: "0 s", -3: "0 s", 12.9: "12 s", 89: "89 s", 90: "1 min", 120: "2 min", 7199: "119 min", 7200: "2 h"}
AGES |= {172_799: "47 h", 172_800: "2 d", 10**7: "115 d"}


@pytest.mark.parametrize(("seconds", "text"), AGES.items(), ids=AGES.values())
def test_an_age_is_shown_in_its_largest_unit(seconds, text):
    assert ago(seconds) == text


WRITTEN = {
    "PT4H": timedelta(hours=4),
    "P2D": timedelta(days=2),
    "P1DT12H": timedelta(days=1, hours=12),
    "PT1H30M": timedelta(minutes=90),
    "PT1M30S": timedelta(seconds=90),
    "P0D": timedelta(),
}


@pytest.mark.parametrize(("text", "value"), WRITTEN.items(), ids=WRITTEN)
def test_azure_reads_iso_8601(text, value):
    assert iso8601(value) == text
