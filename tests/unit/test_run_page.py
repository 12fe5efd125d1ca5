"""A run's page: sites on one scale of time, waves, what is to be done."""

from dataclasses import replace

import pytest

from arcfleet.core.planning.plan import Step
from arcfleet.core.reporting import run_page
from arcfleet.core.runs.outcomes import FleetReport, Outcome, Status, StepRecord
from tests.unit.test_report import REPORT, SAME, WAVED

LATE = Outcome("lyon", Status.SUCCEEDED, 50, steps=(StepRecord(Step.OBSERVE, 50, began=150),), wave="b")
EARLY = Outcome("oslo", Status.SUCCEEDED, 100, steps=(StepRecord(Step.ROLL_OUT, 100, began=0),), wave="b")
TIMED = FleetReport("plants", "run", 200, (LATE, replace(SAME, wave="b"), EARLY))


def test_a_step_is_as_long_and_as_far_right_as_its_time():
    (wave,) = run_page.waves(TIMED)

    assert [line.outcome.site for line in wave.lines] == ["oslo", "lyon", "oslo"]
    assert [(bar.left, bar.width, bar.text) for line in wave.lines for bar in line.bars] == [
        (0.0, 50.0, "roll out 1:40 (0:00 to 1:40)"), (75.0, 25.0, "observe 0:50 (2:30 to 3:20)"),
    ]  # fmt: skip
    assert (wave.when, wave.counts) == ("0:00 to 3:20", "2 succeeded, 1 noop")
    assert [line.began_text for line in wave.lines] == ["0:00", "2:30", ""]


def test_the_scale_holds_every_step_also_of_a_run_without_length():
    assert run_page.length(FleetReport("plants", "run", 10, (LATE,))) == 200
    assert run_page.length(FleetReport("plants", "run", 0, ())) == 1


@pytest.mark.parametrize(
    ("seconds", "marks"),
    [
        (0.0, ["0:00"]),
        (59, ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50"]),
        (7200 * 30, ["0:00", "12:00:00"]),
    ],
    ids=["none", "a minute", "days"],
)
def test_the_scale_is_marked_at_round_times_a_handful_of_them(seconds, marks):
    found = run_page.ticks(FleetReport("plants", "run", seconds, ()))

    assert [text for _, text in found][: len(marks)] == marks
    assert len(found) <= run_page.TICKS + 1
    assert all(0 <= at <= 100 for at, _ in found)


def test_each_step_has_a_colour_of_its_own_and_only_those_that_occurred_are_named():
    assert run_page.steps_of(TIMED) == [(0, "observe"), (run_page.STEPS.index(Step.ROLL_OUT), "roll out")]


def test_reasons_are_counted():
    assert run_page.reasons(WAVED) == [("client_token", 2)]


def test_the_markdown_page_holds_headline_waves_gates_causes_and_the_table():
    page = run_page.markdown(WAVED)

    assert page.startswith("# plants · calm-fox\n\n**stopped · ")
    assert "| canary | 0:00 to 1:12 | 1 failed, 1 deferred |" in page
    assert (
        "- gate canary.after[0] approved by anna · plan 4f1c09ab · 2026-11-24 02:06Z · go \\| on".replace("[", "\\[")
        in page
    )
    assert page.index("## berlin: failed") < page.index("## malmo: deferred") < page.index("| site | outcome |")
    assert "## wien" not in page
    assert run_page.markdown(REPORT).count("\n## ") == 1
