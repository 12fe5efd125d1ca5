"""The live view and what is printed after a run."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from arcfleet.app.live import BLOCKS, STYLES, Watch, outcome_line, print_report
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.outcomes import FleetReport, Outcome, Status, StepRecord
from arcfleet.core.plan import Step
from arcfleet.core.reasons import Reason
from tests.unit.test_report import WAVED

FINDING = Finding(Verdict.FAILED, Reason.TRUST, "workload web", "x509 [bold]", "P6", ("seen",), "install its CA")
BAD = Outcome("berlin", Status.FAILED, 72, FINDING, (StepRecord(Step.ROLL_OUT, 72),))
GOOD = Outcome("lyon", Status.SUCCEEDED, 362, None, (), ("workload web",))


def console(*, terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), width=120, force_terminal=terminal, color_system=None)


def text_of(watch: Watch) -> str:
    made = console()
    made.print(watch._render())
    return made.file.getvalue()


def test_outside_a_terminal_each_step_and_each_end_is_a_line():
    here = console()

    with Watch(here, "plants") as watch:
        watch.start(["berlin", "lyon"], "calm-fox")
        watch.begin("berlin", Step.OBSERVE)
        watch.waiting("berlin", "operation Creating")
        watch.end(BAD)

    assert here.file.getvalue().splitlines() == [
        "   0:00  berlin  observe",
        "✗ berlin               failed        1:12  x509 [bold]",
    ]


def test_in_a_terminal_the_table_is_drawn_and_taken_away():
    with Watch(console(terminal=True), "plants") as watch:
        watch.begin("berlin", Step.OBSERVE)

    assert watch._live
    assert not watch._live.is_started


def test_before_the_run_begins_the_title_is_shown():
    assert text_of(Watch(console(), "plants")) == "plants · starting Prefect\n"


def test_the_view_shows_each_active_site_what_it_waits_for_and_how_many_are_left():
    watch = Watch(console(), "plants")
    watch.start(["berlin", "lyon", "oslo", "wien"], "calm-fox")
    for site in ("berlin", "oslo"):
        watch.begin(site, Step.WAIT_HEALTHY)
    watch.waiting("berlin", replace(FINDING, message="x509"))
    watch.waiting("nobody", "nothing")
    watch.end(GOOD)

    header, headings, *lines = text_of(watch).splitlines()

    assert header == "plants · calm-fox · 0:00    ✓ 1  ● 2  … 0  ✗ 0  · 1 to come"
    assert headings.split() == ["site", "step", "for", "waiting", "for"]
    assert [line.split() for line in lines] == [
        ["berlin", "wait", "healthy", "0:00", "x509"],
        ["oslo", "wait", "healthy", "0:00"],
    ]


def test_when_all_have_begun_none_is_to_come():
    watch = Watch(console(), "plants")
    watch.start(["berlin"], "calm-fox")
    watch.end(BAD)

    assert text_of(watch).splitlines()[0].rstrip().endswith("✗ 1")


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
