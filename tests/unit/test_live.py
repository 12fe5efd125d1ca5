"""The live view and what is printed after a run."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from arcfleet.app.live import BLOCKS, STYLES, Watch, outcome_line, print_report
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.planning.plan import Step
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import FleetReport, Outcome, Status, StepRecord
from arcfleet.core.runs.rollout import WaveProgress
from tests.unit.test_report import WAVED

FINDING = Finding(Verdict.FAILED, Reason.TRUST, "workload web", "x509 [bold]", "P6", ("seen",), "install its CA")
BAD = Outcome("berlin", Status.FAILED, 72, FINDING, (StepRecord(Step.ROLL_OUT, 72),))
WAVE = WaveProgress("prod", 2, 2, 0, 1, 3)
GOOD = Outcome("lyon", Status.SUCCEEDED, 362, None, (), ("workload web",))


def console(*, terminal: bool = False, width: int = 120, height: int = 24) -> Console:
    return Console(file=io.StringIO(), width=width, height=height, force_terminal=terminal, color_system=None)


def lines_of(watch: Watch, **size: int) -> list[str]:
    """Return what the view shows in a terminal of this size."""
    made = watch.console = console(**size)
    made.print(watch._render())
    return [line.rstrip() for line in made.file.getvalue().splitlines()]


def watching(*sites: str, throttled: int = 0) -> Watch:
    watch = Watch(console(), "plants")
    watch.start(sites, "fleet · calm-fox", lambda: throttled)
    return watch


def test_outside_a_terminal_each_wave_step_and_end_is_a_line():
    here = console()

    with Watch(here, "plants") as watch:
        watch.start(["berlin", "lyon"], "calm-fox", lambda: 0)
        for _ in range(2):
            watch.wave(WAVE)
        watch.begin("berlin", Step.OBSERVE)
        watch.waiting("berlin", "operation Creating")
        watch.end(BAD)

    assert here.file.getvalue().splitlines() == [
        "   0:00  wave 2 of 2 prod, 3 at a time, 0 of 1 failures allowed",
        "   0:00  berlin  observe",
        "✗ berlin               failed        1:12  x509 [bold]",
    ]


def test_in_a_terminal_the_table_is_drawn_and_taken_away():
    with Watch(console(terminal=True), "plants") as watch:
        watch.begin("berlin", Step.OBSERVE)
        watch.end(BAD)

    assert "✗ berlin               failed        1:12  x509 [bold]\n" in watch.console.file.getvalue()
    assert not watch._drawing.is_alive()
    assert watch._live
    assert not watch._live.is_started


def test_before_the_run_begins_the_title_is_shown():
    assert lines_of(Watch(console(), "plants")) == ["plants · starting Prefect"]


def test_the_view_shows_each_active_site_what_it_waits_for_and_how_many_are_left():
    watch = watching("berlin", "lyon", "oslo", "wien", throttled=3)
    for site in ("berlin", "oslo"):
        watch.begin(site, Step.WAIT_HEALTHY)
    watch.waiting("berlin", replace(FINDING, message="x509"))
    watch.waiting("nobody", "nothing")
    watch.end(GOOD)
    watch.wave(WAVE)

    header, headings, *lines = lines_of(watch)

    left, right = header.split("     ", 1)
    assert left == 'plants · calm-fox · wave 2 of 2 "prod" · 0:00'
    assert right.strip() == "✓ 1  ● 2  … 0  ✗ 0 of 1 allowed  1 to come  429s 3"
    assert len(header) == 120
    assert headings.split() == ["site", "step", "for", "waiting", "for"]
    assert [line.split() for line in lines] == [
        ["berlin", "wait", "healthy", "0:00", "x509"],
        ["oslo", "wait", "healthy", "0:00"],
    ]


def test_when_all_have_ended_none_is_to_come():
    watch = watching("berlin")
    watch.end(BAD)

    assert lines_of(watch)[0].endswith("… 0  ✗ 1  429s 0")


def test_what_the_run_waits_for_as_a_whole_stands_on_top_and_its_command_is_shown_whole():
    watch = watching("berlin")
    command = "arcfleet approve /home/anna/fleets/plants-eu.yaml --as anna (or reject), or answer in the Prefect UI"
    watch.wave(replace(WAVE, waiting="gate prod.before[0]: approval of plan 4f1c09ab, 2 sites change", do=command))

    lines = lines_of(watch, width=60)

    assert all(len(line) <= 60 for line in lines)
    text = " ".join(" ".join(lines).split())
    assert "waits for gate prod.before[0]: approval of plan 4f1c09ab, 2 sites change" in text
    assert f"do {command}" in text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 10), (200, 50)])
def test_the_view_is_no_larger_than_the_terminal_the_slowest_site_first(width, height):
    names = [f"plant-{number:03}" for number in range(300)]
    watch = watching(*names)
    watch.wave(replace(WAVE, waiting="a soak"))
    for name in names:
        watch.begin(name, Step.INSTALL_EXTENSION)
        watch.waiting(name, "operation Creating, a long line\nand more of it that does not fit " * 5)
    watch.begin(names[0], Step.WAIT_HEALTHY)

    lines = lines_of(watch, width=width, height=height)

    assert len(lines) < height
    assert all(len(line) <= width for line in lines)
    sites = [line.split()[0] for line in lines if line.strip().startswith("plant-")]
    assert sites == names[: len(sites)]
    assert len(sites) >= height - 7
    assert lines[-1] == f"  … and {300 - len(sites)} more"


def test_in_a_terminal_of_a_few_lines_the_counts_are_what_stays():
    watch = watching("berlin")
    watch.begin("berlin", Step.OBSERVE)

    assert [line[:6] for line in lines_of(watch, width=40, height=4)] == ["plants", "✓ 0  ●"]


def test_a_watch_keeps_the_report():
    watch, report = Watch(console(), "plants"), FleetReport("plants", "run", 1, ())

    watch.finish(report)

    assert watch.report is report


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_style_and_a_line(status):
    assert STYLES[status]
    assert f" {status} " in outcome_line(Outcome("berlin", status)).plain


def test_after_a_run_only_the_sites_that_are_not_well_are_explained():
    here = console()

    print_report(here, FleetReport("plants", "run", 400, (BAD, GOOD)))

    lines = [line.rstrip() for line in here.file.getvalue().splitlines() if line.strip()]
    assert lines == [
        "✗ berlin  failed",
        "  cause  x509 [bold]   [P6 trust]",
        "  at     step roll out, after 1:12",
        "  seen   seen",
        "  do     install its CA",
        "  then   arcfleet deploy FLEET --site berlin",
        "completed_with_failures · 1 succeeded, 1 failed · 6:40",
        "Prefect: arcfleet ui",
    ]


def test_the_end_says_who_answered_the_gates_and_where_the_report_is():
    here = console()

    print_report(here, replace(WAVED, page="/home/anna/.arcfleet/runs/calm-fox/report.html", url="http://p/runs/1"))

    assert [line.rstrip() for line in here.file.getvalue().splitlines()[-4:]] == [
        "stopped · 1 succeeded, 1 noop, 1 failed, 1 deferred, 1 not_started · 6:02 · 1 failed of 0 allowed",
        "gate canary.after[0] approved by anna · plan 4f1c09ab · 2026-11-24 02:06Z · go | on",
        "gate rest.before[0] passed · 2026-11-24 02:06Z",
        "report: /home/anna/.arcfleet/runs/calm-fox/report.html · Prefect: http://p/runs/1",
    ]


def test_of_many_sites_that_are_not_well_the_first_are_explained_and_the_others_counted():
    here = console()
    many = tuple(replace(BAD, site=f"site-{number}") for number in range(BLOCKS + 5))

    print_report(here, FleetReport("plants", "run", 400, many))

    text = here.file.getvalue()
    assert text.count("install its CA") == BLOCKS
    assert "… and 5 more, which the report explains as well: 5 failed" in text
