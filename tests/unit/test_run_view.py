"""How a run stands while it goes, as whoever shows it is told."""

from arcfleet.core.planning.plan import Step
from arcfleet.core.reporting.run_view import RunView
from arcfleet.core.runs.outcomes import Outcome, Status
from arcfleet.core.runs.rollout import WaveProgress
from tests.unit.fakes import FakeClock
from tests.unit.test_report import BAD, GOOD

SITES = ("berlin", "lyon", "oslo", "wien")


def viewed(clock: FakeClock | None = None, scale: float = 1.0) -> RunView:
    view = RunView((clock or FakeClock()).monotonic, scale)
    view.start(SITES, "calm-fox", lambda: 0)
    return view


def texts(view: RunView) -> list[str]:
    return [text for _, text in view.counts()]


def test_a_site_that_is_tried_again_is_no_longer_counted_as_ended():
    view = viewed()
    view.end(BAD)
    view.begin("berlin", Step.OBSERVE)

    assert texts(view) == ["✓ 0", "● 1", "… 0", "✗ 0", "3 to come", "429s 0"]


def test_a_site_that_does_not_stay_well_is_counted_once():
    view = viewed()
    view.end(GOOD)
    view.end(Outcome("lyon", Status.FAILED))

    assert texts(view) == ["✓ 0", "● 0", "… 0", "✗ 1", "3 to come", "429s 0"]


def test_every_site_that_ended_is_counted_somewhere():
    view = viewed()
    ends = (Status.BLOCKED, Status.CANCELLED, Status.SKIPPED, Status.NOOP)
    for site, status in zip(SITES, ends, strict=True):
        view.end(Outcome(site, status))

    assert texts(view) == ["✓ 1", "● 0", "… 1", "✗ 1", "‖ 1", "429s 0"]


def test_failures_are_shown_with_what_the_wave_allows_and_its_own_where_they_differ():
    view = viewed()
    view.end(BAD)
    view.wave(WaveProgress("canary", 1, 2, 1, 1))
    first = texts(view)[3]
    view.wave(WaveProgress("prod", 2, 2, 0, 5))

    assert (first, texts(view)[3]) == ("✗ 1 of 1 allowed", "✗ 1, here 0 of 5 allowed")


def test_the_site_that_was_begun_first_is_the_slowest_whatever_its_step():
    clock = FakeClock()
    view = viewed(clock)
    for seconds, site, step in ((1, "oslo", Step.OBSERVE), (2, "lyon", Step.OBSERVE), (3, "oslo", Step.ROLL_OUT)):
        clock.now = seconds
        view.begin(site, step)

    assert [(site, active.step, active.since) for site, active in view.slowest_first] == [
        ("oslo", Step.ROLL_OUT, 3), ("lyon", Step.OBSERVE, 2),
    ]  # fmt: skip


def test_the_table_shows_what_has_ended_what_is_under_way_and_what_is_to_come():
    clock = FakeClock()
    view = viewed(clock, scale=60)
    view.begin("berlin", Step.INSTALL_EXTENSION)
    view.waiting("berlin", "operation Creating")
    view.end(GOOD)
    clock.now = 2

    assert [(row["site"], row["outcome"], row["time"], row["what"]) for row in view.rows()][:3] == [
        ("berlin", "● install extension", "2:00", "operation Creating"),
        ("lyon", "✓ succeeded", "6:02", "extension 1.2.3; workload web; images web (A), api (D)"),
        ("oslo", "· to come", "", ""),
    ]
    assert len({tuple(row) for row in view.rows()}) == 1
