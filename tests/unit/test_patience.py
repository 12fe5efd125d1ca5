"""What one look does not decide: lasting errors, and health that must stay."""

from dataclasses import replace

import pytest
from examples import container, deployment, pod

from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts.patience import LASTING, Steadiness, Suspicion
from arcfleet.core.verdicts.patience import restarted as count_of_restarts


def restarted(times: int, *, ready: bool = False):
    return deployment(pod(container(restarts=times, ready=ready)))


def seen_as(rule: str, verdict: Verdict = Verdict.PROGRESSING) -> Finding:
    return Finding(verdict, Reason.TRUST, "workload web", "x", rule)


@pytest.mark.parametrize("rule", sorted(LASTING))
@pytest.mark.parametrize("verdict", [Verdict.PROGRESSING, Verdict.FAILED])
def test_a_lasting_error_fails_only_once_it_has_lasted(rule, verdict):
    suspicion, needed = Suspicion(), LASTING[rule]

    looks = [suspicion.confirm(seen_as(rule, verdict), now).verdict for now in (10, 9.9 + needed, 10 + needed)]

    assert looks == [Verdict.PROGRESSING, Verdict.PROGRESSING, Verdict.FAILED]


def test_a_pull_error_must_hold_on_two_looks_that_are_20_s_apart_and_more():
    assert all(LASTING[rule] >= 20 for rule in ("P5", "P6", "P7", "P8"))


@pytest.mark.parametrize("rule", ["P4", "P9", "P10", "P11", "P14"])
def test_other_rules_are_never_changed_by_lasting(rule):
    suspicion, finding = Suspicion(), seen_as(rule)

    assert all(suspicion.confirm(finding, now) is finding for now in (0, 1e6))


STORIES = {
    "a pause between two tries is no recovery": ([("P6", 0), ("P14", 40), ("P6", 80)], Verdict.FAILED),
    "another error starts anew": ([("P6", 0), ("P5", 80)], Verdict.PROGRESSING),
    "health starts anew": ([("P6", 0), ("P2", 40), ("P6", 80)], Verdict.PROGRESSING),
}


@pytest.mark.parametrize(("story", "verdict"), STORIES.values(), ids=STORIES)
def test_a_suspicion_remembers_since_when(story, verdict):
    suspicion = Suspicion()

    for rule, now in story:
        last = suspicion.confirm(seen_as(rule, Verdict.HEALTHY if rule == "P2" else Verdict.PROGRESSING), now)

    assert last.verdict is verdict


OK = Finding(Verdict.HEALTHY, Reason.OK, "workload web", "1/1 available", "P2")
CRASHED = Finding(Verdict.PROGRESSING, Reason.CRASH_LOOP, "workload web", "x", "P10")
FRESH, AGAIN = restarted(0, ready=True), restarted(1, ready=True)
WATCHES = {
    "healthy for long enough": ([(OK, FRESH, 5), (OK, FRESH, 14.9), (OK, FRESH, 15)], "pph"),
    "a restart starts anew": (
        [(OK, FRESH, 0), (OK, FRESH, 9), (OK, AGAIN, 11), (OK, AGAIN, 20), (OK, AGAIN, 21)],
        "pppph",
    ),
    "restarts before the watch began do not count": ([(OK, AGAIN, 0), (OK, AGAIN, 10)], "ph"),
    "ill health starts anew": ([(OK, FRESH, 0), (CRASHED, FRESH, 5), (OK, FRESH, 11), (OK, FRESH, 21)], "ppph"),
}


@pytest.mark.parametrize(("story", "verdicts"), WATCHES.values(), ids=WATCHES)
def test_a_workload_is_healthy_only_once_it_has_stayed_so(story, verdicts):
    steadiness = Steadiness(needed=10)

    seen = [steadiness.confirm(finding, workload, now) for finding, workload, now in story]

    assert "".join(finding.verdict[0] for finding in seen) == verdicts


def test_a_watched_workload_says_so_and_keeps_its_rule():
    finding = Steadiness(needed=10).confirm(OK, FRESH, 0)

    assert (finding.message, finding.rule) == ("1/1 available, watched for 10 s", "P2")


@pytest.mark.parametrize("finding", [CRASHED, replace(CRASHED, verdict=Verdict.FAILED)], ids=["progressing", "failed"])
def test_what_is_not_healthy_is_told_at_once_and_unchanged(finding):
    assert Steadiness().confirm(finding, FRESH, 0) is finding


def test_restarts_are_counted_over_all_pods_and_containers():
    seen = deployment(pod(container(restarts=1), container(restarts=2)), pod(container(restarts=4)))

    assert (count_of_restarts(seen), count_of_restarts(None)) == (7, 0)
