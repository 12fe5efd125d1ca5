"""Outcomes: how a site ended, and what that makes of a fleet."""

import asyncio

import pytest

from arcfleet.core.findings import Finding, Grade, Verdict, of_error
from arcfleet.core.planning.plan import Disposition, SitePlan, Step
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import FleetReport, Outcome, Result, Status, StepRecord, Trail, below
from arcfleet.errors import PermanentError, TransientError

FINDING = Finding(Verdict.FAILED, Reason.ARC_OFFLINE, "arc", "is Offline")

ENDINGS = {
    Disposition.CREATE: Status.SUCCEEDED,
    Disposition.UPDATE: Status.SUCCEEDED,
    Disposition.ROTATE: Status.SUCCEEDED,
    Disposition.RETIRE: Status.SUCCEEDED,
    Disposition.REMOVE: Status.SUCCEEDED,
    Disposition.NOOP: Status.NOOP,
    Disposition.DEFERRED: Status.DEFERRED,
    Disposition.BLOCKED: Status.BLOCKED,
}


@pytest.mark.parametrize("disposition", Disposition)
def test_a_plan_that_was_carried_out_decides_the_outcome(disposition):
    finding = FINDING if disposition in {Disposition.DEFERRED, Disposition.BLOCKED} else None
    trail = Trail("berlin", SitePlan(disposition, because=("x",), finding=finding))

    outcome = trail.outcome()

    assert (outcome.status, outcome.finding, outcome.changes) == (ENDINGS[disposition], finding, ("x",))


def test_without_a_plan_nothing_was_done():
    assert Trail("berlin").outcome() == Outcome("berlin", Status.NOOP)


def test_the_newest_finding_about_an_image_is_kept_also_by_a_failure():
    weak, strong, other = (
        Finding(Verdict.HEALTHY, Reason.OK, f"sync {name}", "m", grade=grade)
        for name, grade in (("web", Grade.D), ("web", Grade.A), ("api", Grade.D))
    )
    trail = Trail("berlin")
    trail.saw((weak, other))
    trail.saw((strong,))

    assert trail.outcome().images == (strong, other)
    assert trail.outcome(PermanentError(Reason.DISK, "full")).images == (strong, other)


def test_a_failure_keeps_the_history_and_names_the_step():
    trail = Trail("berlin", SitePlan(Disposition.CREATE, because=("extension newest version",)))
    trail.steps += [StepRecord(Step.OBSERVE, 1.5), StepRecord(Step.INSTALL_EXTENSION, 60.0)]

    outcome = trail.outcome(PermanentError(Reason.HELM_TIMEOUT, "timed out", "look", ("seen",)))

    assert (outcome.status, outcome.seconds, outcome.changes) == (Status.FAILED, 61.5, ("extension newest version",))
    assert outcome.steps == tuple(trail.steps)
    assert outcome.finding == Finding(
        Verdict.FAILED, Reason.HELM_TIMEOUT, Step.INSTALL_EXTENSION, "timed out", evidence=("seen",), remedy="look"
    )


def test_a_failure_before_the_first_step_is_one_of_observing():
    outcome = Trail("berlin").outcome(TransientError(Reason.UNREACHABLE, "no answer"))

    assert outcome.finding
    assert (outcome.finding.subject, outcome.changes) == (Step.OBSERVE, ())


@pytest.mark.parametrize(
    "error", [KeyError("SyncTokenPassword=x"), asyncio.CancelledError("pw")], ids=["key", "cancelled"]
)
def test_a_foreign_error_is_a_defect_of_ours_and_its_text_is_not_repeated(error):
    finding = of_error(error, "observe")

    assert (finding.verdict, finding.reason) == (Verdict.FAILED, Reason.INTERNAL)
    assert finding.message == f"unexpected {type(error).__name__} in arcfleet"
    assert finding.remedy


SETTLED = {Verdict.HEALTHY, Verdict.FAILED, Verdict.DEGRADED}


@pytest.mark.parametrize("verdict", Verdict)
def test_only_a_settled_verdict_ends_waiting_and_only_health_is_good(verdict):
    finding = Finding(verdict, Reason.OK, "x", "y")

    assert finding.settled is (verdict in SETTLED)
    assert finding.ok is (verdict is Verdict.HEALTHY)


RESULTS = {
    "all well": ([Status.SUCCEEDED, Status.NOOP], Result.COMPLETED),
    "one failed": ([Status.SUCCEEDED, Status.FAILED], Result.COMPLETED_WITH_FAILURES),
    "one blocked": ([Status.NOOP, Status.BLOCKED], Result.COMPLETED_WITH_FAILURES),
    "failed and deferred": ([Status.DEFERRED, Status.FAILED], Result.COMPLETED_WITH_FAILURES),
    "one deferred": ([Status.SUCCEEDED, Status.DEFERRED], Result.INCOMPLETE),
    "all deferred": ([Status.DEFERRED], Result.INCOMPLETE),
}


@pytest.mark.parametrize(("statuses", "result"), RESULTS.values(), ids=RESULTS)
def test_a_fleet_is_complete_only_if_every_site_is(statuses, result):
    report = FleetReport("f", "run", 1.0, tuple(Outcome(f"s{i}", status) for i, status in enumerate(statuses)))

    assert report.result is result
    assert report.counts.total() == len(statuses)


@pytest.mark.parametrize("status", [Status.FAILED, Status.BLOCKED, Status.DEFERRED])
def test_a_site_below_one_that_is_not_well_is_blocked_and_names_it(status):
    parent = Outcome("hub", status, finding=FINDING)

    outcome = below("berlin", parent)

    assert (outcome.status, outcome.finding.reason) == (Status.BLOCKED, Reason.PARENT_NOT_READY)
    assert f"site hub, its parent, {status}" in outcome.finding.message
    assert outcome.finding.evidence == ("is Offline",)
    assert not parent.is_well


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.NOOP])
def test_a_site_that_is_as_it_should_be_is_well(status):
    assert Outcome("hub", status).is_well
