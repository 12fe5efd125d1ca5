"""The report: the same outcome as a line, a row, a page and JSON."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from arcfleet.core.findings import Finding, Grade, Verdict
from arcfleet.core.planning.plan import Step
from arcfleet.core.reasons import Reason
from arcfleet.core.reporting import report as rendering
from arcfleet.core.runs import outcomes
from arcfleet.core.runs.outcomes import Ended, FleetReport, GateRecord, Outcome, Status, StepRecord

FINDING = Finding(
    Verdict.FAILED,
    Reason.CLIENT_TOKEN,
    "workload web",
    "web-1/web cannot pull <image> | now",
    "P5",
    ("unauthorized: a|b", "HTTP 401"),
    "renew <the> token",
)
BAD = Outcome(
    "berlin",
    Status.FAILED,
    72.34,
    FINDING,
    (StepRecord(Step.OBSERVE, 1.04), StepRecord(Step.ROLL_OUT, 71.3, began=1.04)),
)


def image(name: str, verdict: Verdict, reason: Reason = Reason.OK, grade: Grade | None = None) -> Finding:
    return Finding(verdict, reason, f"sync {name}", "x", grade=grade)


WEB, API = image("app/web:stable", Verdict.HEALTHY, grade=Grade.A), image("app/api:1", Verdict.HEALTHY, grade=Grade.D)
STALE = image("app/db:2", Verdict.PROGRESSING, Reason.STALE, Grade.A)
MISSING = image(f"edge/web@sha256:{'a' * 64}", Verdict.PROGRESSING, Reason.IMAGE_NOT_ON_SITE)
GOOD = Outcome("lyon", Status.SUCCEEDED, 361.6, None, (), ("extension 1.2.3", "workload web"), (WEB, API))
SAME = Outcome("oslo", Status.NOOP, 0.5)
REPORT = FleetReport("plants", "calm-fox", 362.04, (BAD, GOOD, SAME))


def test_the_headline_counts_only_what_occurred_in_a_fixed_order():
    assert rendering.headline(REPORT) == "completed_with_failures · 1 succeeded, 1 noop, 1 failed · 6:02"


SUMMARIES = [(BAD, FINDING.message), (GOOD, "extension 1.2.3; workload web; images web (A), api (D)"),
             (SAME, "nothing to do, healthy")]  # fmt: skip


@pytest.mark.parametrize(("outcome", "text"), SUMMARIES, ids=["finding", "changes", "noop"])
def test_a_site_is_summed_up_in_one_line(outcome, text):
    assert rendering.summary(outcome) == text


def test_the_table_has_a_row_per_site():
    assert rendering.rows(REPORT)[0] == {
        "site": "berlin",
        "outcome": "✗ failed",
        "time": "1:12",
        "reason": "client_token",
        "images": "",
        "what": FINDING.message,
    }
    assert rendering.rows(REPORT)[1]["images"] == "web (A), api (D)"
    assert [row["reason"] for row in rendering.rows(REPORT)[1:]] == ["", ""]


IN_SHORT = {
    "all by their pods": ((WEB,), "1/1 (A)"),
    "of two grades": ((WEB, API), "2/2 (A, D)"),
    "one is late": ((WEB, STALE), "1/2 (A) db: stale"),
    "two names end alike": ((WEB, MISSING), "1/2 (A) edge/web: missing"),
    "none": ((MISSING,), "0/1 web: missing"),
    "not looked at": ((), ""),
}


@pytest.mark.parametrize(("findings", "text"), IN_SHORT.values(), ids=IN_SHORT)
def test_images_are_summed_up_with_their_grades_and_what_is_wrong(findings, text):
    assert rendering.arrivals_in_short(findings) == text


def test_images_are_listed_with_their_grade_or_what_is_wrong():
    pending = image("app/x:1", Verdict.PROGRESSING, Reason.SYNC_PENDING)

    assert rendering.arrivals((WEB, MISSING, pending)) == "app/web:stable (A), edge/web (missing), x (pending)"


def test_every_status_has_a_mark():
    assert rendering.MARKS.keys() == set(Status)


def test_a_site_that_is_not_well_reads_cause_first_and_remedy_last():
    assert rendering.block(BAD, "my fleet.yaml") == [
        ("cause", "web-1/web cannot pull <image> | now   [P5 client_token]"),
        ("at", "step roll out, after 1:12"),
        ("seen", "unauthorized: a|b"),
        ("seen", "HTTP 401"),
        ("do", "renew <the> token"),
        ("then", "arcfleet deploy 'my fleet.yaml' --site berlin"),
    ]


def test_what_is_not_known_is_left_out_of_the_block():
    bare = Outcome("berlin", Status.BLOCKED, finding=Finding(Verdict.FAILED, Reason.REFUSED, "x", "no"))

    assert rendering.block(bare, "f.yaml") == [
        ("cause", "no   [refused]"),
        ("then", "arcfleet deploy f.yaml --site berlin"),
    ]
    assert rendering.block(GOOD, "f.yaml") == []


def test_a_page_cannot_be_broken_by_the_texts_of_others():
    page = rendering.markdown(BAD, "f.yaml")

    assert page.startswith("## berlin: failed\n\n- **cause** web-1/web cannot pull &lt;image> \\| now")
    assert "| roll out | 1:11 |" in page
    assert "<image>" not in page


def test_texts_of_others_make_no_link_and_no_line_in_markdown():
    assert rendering.escape("![x](http://a)\n| `b` \\|") == "!\\[x](http://a) \\| \\`b\\` \\\\\\|"


def test_json_is_plain_and_carries_its_schema():
    plain = json.loads(json.dumps(rendering.to_json(REPORT)))

    assert (plain["schema"], plain["fleet"], plain["run"], plain["seconds"]) == (1, "plants", "calm-fox", 362.0)
    assert plain["result"] == "completed_with_failures"
    assert {name: count for name, count in plain["counts"].items() if count} == {
        "succeeded": 1, "noop": 1, "failed": 1,
    }  # fmt: skip
    assert set(plain["counts"]) == set(Status)
    assert plain["sites"][1]["changes"] == ["extension 1.2.3", "workload web"]
    assert plain["sites"][1]["finding"] is None
    assert plain["sites"][0]["steps"] == [
        {"step": "observe", "began": 0.0, "seconds": 1.0},
        {"step": "roll out", "began": 1.0, "seconds": 71.3},
    ]
    assert plain["sites"][0]["finding"] == {
        "verdict": "failed",
        "reason": "client_token",
        "rule": "P5",
        "subject": "workload web",
        "message": FINDING.message,
        "evidence": ["unauthorized: a|b", "HTTP 401"],
        "remedy": "renew <the> token",
        "grade": None,
    }
    assert plain["sites"][0]["diagnosis"][-1] == {"then": "arcfleet deploy FLEET --site berlin"}
    assert plain["sites"][0]["images"] == []
    assert [image["grade"] for image in plain["sites"][1]["images"]] == ["A", "D"]


AT = datetime(2026, 11, 24, 2, 6, tzinfo=UTC)
WAVED = replace(
    REPORT,
    outcomes=(
        replace(SAME, wave="rest"), replace(BAD, wave="canary"), outcomes.not_started("wien", "1 failed of 0 allowed"),
        Outcome("malmo", Status.DEFERRED, wave="canary", finding=FINDING), replace(GOOD, wave="rest"),
    ),
    began=AT, ended=Ended.STOPPED, because="1 failed of 0 allowed", waves=("canary", "rest", "last"),
    gates=(GateRecord("canary.after[0]", "approved", AT, "anna", "go | on", "4f1c09ab"),
           GateRecord("rest.before[0]", "passed", AT)),
)  # fmt: skip


def test_sites_are_explained_the_worst_first_and_those_not_come_to_not_at_all():
    assert [outcome.site for outcome in rendering.explained(WAVED)] == ["berlin", "malmo"]


def test_waves_come_in_the_order_of_the_run_and_without_those_that_have_no_site():
    assert [(name, [o.site for o in found]) for name, found in rendering.waves(WAVED)] == [
        ("canary", ["berlin", "malmo"]), ("rest", ["oslo", "lyon"]), ("", ["wien"]),
    ]  # fmt: skip


def test_the_headline_says_what_ended_the_run():
    assert rendering.headline(WAVED).startswith("stopped · ")
    assert rendering.headline(WAVED).endswith(" · 6:02 · 1 failed of 0 allowed")


def test_gates_are_told_with_who_answered_for_which_plan_and_when():
    assert rendering.gate_lines(WAVED) == [
        "canary.after[0] approved by anna · plan 4f1c09ab · 2026-11-24 02:06Z · go | on",
        "rest.before[0] passed · 2026-11-24 02:06Z",
    ]
    plain = json.loads(json.dumps(rendering.to_json(WAVED)))
    assert plain["gates"][0] == {
        "gate": "canary.after[0]", "answer": "approved", "at": "2026-11-24T02:06:00+00:00", "by": "anna",
        "comment": "go | on", "plan": "4f1c09ab",
    }  # fmt: skip
    assert [(wave["wave"], wave["counts"]["failed"]) for wave in plain["waves"]] == [
        ("canary", 1),
        ("rest", 0),
        ("", 0),
    ]
    assert (plain["began"], plain["because"]) == ("2026-11-24T02:06:00+00:00", "1 failed of 0 allowed")
    assert [site["wave"] for site in plain["sites"]] == ["rest", "canary", "", "canary", "rest"]
