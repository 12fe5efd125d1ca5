"""A run over waves goes on in the wave that it has come to."""

from datetime import UTC, datetime

from arcfleet.core.runs.outcomes import Status
from arcfleet.core.runs.rollout import RunState, Start, Wait, WaveProgress, next_action
from arcfleet.core.runs.run_waves import RunWave

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
WAVES = (RunWave("canary", ("a",), 1, 0), RunWave("prod", ("b", "c", "d"), 2, 0, strict=False))


def test_a_place_that_becomes_free_in_the_second_wave_is_given_to_its_next_site():
    ended = {"a": Status.SUCCEEDED, "b": Status.SUCCEEDED}

    assert next_action(RunState(WAVES, {}, ended, frozenset({"c"})), NOW) == Start("prod", ("d",))


def test_while_the_second_wave_is_full_it_is_the_one_that_is_waited_for():
    state = RunState(WAVES, {}, {"a": Status.SUCCEEDED}, frozenset({"b", "c"}))

    assert next_action(state, NOW) == Wait("prod")


def test_what_a_run_waits_for_is_told_with_what_a_person_does_about_it():
    at = WaveProgress("prod", 2, 2, width=3, waiting="gate prod.before[0]", do="arcfleet approve FLEET --as NAME")

    assert str(at) == "wave 2 of 2 prod: gate prod.before[0]; arcfleet approve FLEET --as NAME"
