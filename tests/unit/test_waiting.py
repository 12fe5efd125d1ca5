"""The wait loop: looks until something is settled, tells what changed, and ends at the deadline."""

import asyncio
from dataclasses import replace

import pytest
from fakes import FakeClock, Script

from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError, TransientError
from arcfleet.waiting import as_error, each, timed_out, until_settled

HEALTHY = Finding(Verdict.HEALTHY, Reason.OK, "extension", "1.2.3")
PROGRESSING = Finding(
    Verdict.PROGRESSING, Reason.EXTENSION_IN_PROGRESS, "extension", "Creating", "E9", ("seen",), "wait"
)
GONE = TransientError(Reason.UNREACHABLE, "no answer")


async def wait(*answers, clock=None, deadline=100.0, delay=lambda _: 10.0, told=None):
    changes = told if told is not None else []
    look, clock = Script(*answers), clock or FakeClock(1000.0)
    finding = await until_settled(look, clock=clock, deadline=deadline, delay=delay, on_change=changes.append)
    return finding, look, clock


async def test_a_healthy_thing_is_looked_at_once_and_nobody_sleeps():
    finding, look, clock = await wait(HEALTHY)

    assert (finding, len(look.calls), clock.slept) == (HEALTHY, 1, [])


async def test_only_changes_are_told_and_the_first_finding_is_one():
    told = []
    other = replace(PROGRESSING, message="Updating")

    await wait(PROGRESSING, PROGRESSING, other, other, PROGRESSING, HEALTHY, told=told)

    assert told == [PROGRESSING, other, PROGRESSING, HEALTHY]


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.DEGRADED])
async def test_a_failure_ends_the_wait_with_its_reason_evidence_and_remedy(verdict):
    with pytest.raises(PermanentError) as failed:
        await wait(PROGRESSING, replace(PROGRESSING, verdict=verdict))

    assert str(failed.value) == "extension_in_progress: extension: Creating"
    assert (failed.value.evidence, failed.value.remedy, failed.value.rule) == (("seen",), "wait", "E9")


@pytest.mark.parametrize("verdict", [Verdict.PROGRESSING, Verdict.WAITING, Verdict.ABSENT])
async def test_at_the_deadline_what_is_not_settled_fails_with_its_own_reason(verdict):
    clock = FakeClock(1000.0)

    with pytest.raises(PermanentError) as failed:
        await wait(replace(PROGRESSING, verdict=verdict), clock=clock, deadline=95)

    assert failed.value.reason is Reason.EXTENSION_IN_PROGRESS
    assert failed.value.message == "extension: still so after 95 s: Creating"
    assert clock.now == pytest.approx(1095)


async def test_a_state_that_nobody_knows_fails_as_such_at_the_deadline():
    with pytest.raises(PermanentError) as failed:
        await wait(replace(PROGRESSING, verdict=Verdict.UNKNOWN))

    assert failed.value.reason is Reason.UNKNOWN_STATE


@pytest.mark.parametrize("verdict", [Verdict.ABSENT, Verdict.PROGRESSING, Verdict.WAITING, Verdict.UNKNOWN])
def test_no_failure_at_the_deadline_has_the_reason_ok(verdict):
    failure = timed_out(Finding(verdict, Reason.OK, "workload web", "no such Deployment", "P0"), 60)

    assert (failure.verdict, failure.reason) == (Verdict.FAILED, Reason.UNKNOWN_STATE)
    assert (failure.message, failure.rule) == ("still so after 60 s: no such Deployment", "P0")


async def test_the_last_look_is_at_the_deadline_and_counts():
    clock = FakeClock()

    finding, *_ = await wait(*[PROGRESSING] * 4, HEALTHY, clock=clock, deadline=31)

    assert finding is HEALTHY
    assert clock.slept == [10.0, 10.0, 10.0, 1.0]


async def test_a_look_without_an_answer_is_told_and_taken_again():
    told = []

    finding, *_ = await wait(GONE, GONE, HEALTHY, told=told)

    assert finding is HEALTHY
    assert [(change.verdict, change.reason) for change in told] == [
        (Verdict.WAITING, Reason.UNREACHABLE),
        (Verdict.HEALTHY, Reason.OK),
    ]


async def test_a_service_that_never_answers_is_the_reason_at_the_deadline():
    with pytest.raises(PermanentError) as failed:
        await wait(GONE)

    assert failed.value.reason is Reason.UNREACHABLE


@pytest.mark.parametrize("error", [PermanentError(Reason.FORBIDDEN, "no"), KeyError("x")], ids=["permanent", "defect"])
async def test_any_other_error_ends_the_wait_at_once(error):
    with pytest.raises(type(error)) as failed:
        await wait(PROGRESSING, error, HEALTHY)

    assert failed.value is error


async def test_the_delay_is_asked_with_the_seconds_passed():
    asked = []

    await wait(PROGRESSING, PROGRESSING, PROGRESSING, HEALTHY, delay=lambda elapsed: asked.append(elapsed) or 7.0)

    assert asked == [0.0, 7.0, 14.0]


def test_a_finding_and_its_error_carry_the_same():
    error = as_error(timed_out(PROGRESSING, 1800.4))

    assert (error.reason, error.evidence, error.remedy) == (
        PROGRESSING.reason,
        PROGRESSING.evidence,
        PROGRESSING.remedy,
    )
    assert (error.rule, error.message) == ("E9", "extension: still so after 1800 s: Creating")


async def test_so_many_and_no_more_are_under_way_at_once_and_answers_keep_their_order():
    running, most = set(), []

    async def one(item):
        running.add(item)
        most.append(len(running))
        await asyncio.sleep(0)
        running.discard(item)
        return item * 10

    assert await each([3, 1, 2], 2, one) == [30, 10, 20]
    assert max(most) == 2
