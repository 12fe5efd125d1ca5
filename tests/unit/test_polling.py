"""Polling: few looks at a long operation, and its end is seen soon."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core.polling import EARLY, next_delay, usual_length

usuals = st.floats(min_value=1, max_value=7200)


def looks(length: float, usual: float) -> list[float]:
    """Return the times of all looks at an operation, the last one at or after its end."""
    times = [0.0]
    while times[-1] < length:
        times.append(times[-1] + next_delay(times[-1], usual))
    return times[1:]


def test_an_operation_of_five_minutes_takes_at_most_twelve_looks():
    assert len(looks(300, 284)) <= 12


def test_while_the_end_is_far_only_the_early_looks_are_taken():
    assert [time for time in looks(300, 100) if time <= 60] == pytest.approx([fraction * 100 for fraction in EARLY])


@given(usuals, st.floats(min_value=0.6, max_value=4))
def test_the_end_is_seen_within_a_tenth_of_the_length_and_a_second(usual, factor):
    length = usual * factor

    assert length <= looks(length, usual)[-1] <= length * 1.1 + 1 + 1e-6


@given(usuals, st.floats(min_value=0, max_value=1))
def test_a_much_shorter_operation_is_seen_within_a_quarter_of_the_usual_length(usual, factor):
    length = usual * factor

    assert looks(length, usual)[-1] <= length + max(0.25 * usual, 0.1 * length + 1) + 1e-6 if length else True


@given(st.floats(min_value=0, max_value=1e6), st.floats(min_value=1e-3, max_value=1e5))
def test_every_delay_is_longer_than_nothing(elapsed, usual):
    assert next_delay(elapsed, usual) > 0


def test_a_look_that_comes_a_hair_early_is_not_repeated_at_once():
    assert next_delay(EARLY[0] * 284 * (1 - 1e-6), 284) > 30


def test_before_anything_was_seen_the_prior_is_the_usual_length():
    assert usual_length([], 284) == 284


@pytest.mark.parametrize(
    ("seen", "middle"), [([300], 300), ([500, 100, 300], 300), (iter([100, 200]), 150)], ids=["one", "odd", "even"]
)
def test_the_usual_length_is_just_below_the_median_seen(seen, middle):
    assert usual_length(seen, 284) == pytest.approx(middle * 0.95)
