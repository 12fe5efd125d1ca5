"""P rules: how a Deployment and its pods stand."""

from dataclasses import replace

import pytest
from examples import container, deployment, pod

from arcfleet.core.facts import Condition
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts.pods import LASTING, Steadiness, Suspicion, judge
from arcfleet.core.verdicts.pods import restarted as count_of_restarts

UNDER_WAY = {"updated": 0, "available": 0, "ready": 0}
QUOTA = Condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: pods=0")
FINE = Condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")


def pulling(message: str, state: str = "ErrImagePull", **counters: int):
    return deployment(pod(container(waiting_reason=state, waiting_message=message)), **(counters or UNDER_WAY))


def restarted(times: int, *, ready: bool = False, **values):
    return deployment(pod(container(restarts=times, ready=ready, **values)))


CASES = {
    "absent": (None, (Verdict.ABSENT, Reason.OK, "")),
    "P14 not observed yet, though the old status is fine": (
        deployment(observed_generation=1),
        (Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, "P14"),
    ),
    "P1 paused": (deployment(paused=True), (Verdict.WAITING, Reason.PAUSED, "P1")),
    "P2 complete": (deployment(pod(container(ready=True))), (Verdict.HEALTHY, Reason.OK, "P2")),
    "P2 none wanted": (
        deployment(desired=0, total=0, updated=0, ready=0, available=0),
        (Verdict.HEALTHY, Reason.OK, "P2"),
    ),
    "P2 a restart from which it recovered": (restarted(3, ready=True), (Verdict.HEALTHY, Reason.OK, "P2")),
    "P14 an old pod is left": (deployment(total=2), (Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, "P14")),
    "P14 not ready": (deployment(ready=0), (Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, "P14")),
    "P14 not available": (deployment(available=0), (Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, "P14")),
    "P14 not updated": (deployment(updated=0), (Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, "P14")),
    "P4 manifest unknown": (pulling("manifest unknown"), (Verdict.PROGRESSING, Reason.IMAGE_NOT_ON_SITE, "P4")),
    "P4 not found": (
        pulling("10.96.0.50/app/web:1: not found", "ImagePullBackOff"),
        (Verdict.PROGRESSING, Reason.IMAGE_NOT_ON_SITE, "P4"),
    ),
    "P4 without a word": (pulling(""), (Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, "P4")),
    "P4 in new words": (pulling("out of luck"), (Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, "P4")),
    "P5 unauthorized": (pulling("401 Unauthorized"), (Verdict.PROGRESSING, Reason.CLIENT_TOKEN, "P5")),
    "P5 scopes": (
        pulling("Insufficient scopes to perform the operation"),
        (Verdict.PROGRESSING, Reason.CLIENT_TOKEN, "P5"),
    ),
    "P5 denied": (pulling("requested access is denied"), (Verdict.PROGRESSING, Reason.CLIENT_TOKEN, "P5")),
    "P6 x509": (
        pulling("x509: certificate signed by unknown authority"),
        (Verdict.PROGRESSING, Reason.TRUST, "P6"),
    ),
    "P7 plain http": (
        pulling("server gave HTTP response to HTTPS client"),
        (Verdict.PROGRESSING, Reason.HTTP_REGISTRY, "P7"),
    ),
    "P8 refused": (
        pulling("dial tcp 10.96.0.50:443: connect: connection refused"),
        (Verdict.PROGRESSING, Reason.REGISTRY_UNREACHABLE, "P8"),
    ),
    "P8 timeout": (pulling("dial tcp: i/o timeout"), (Verdict.PROGRESSING, Reason.REGISTRY_UNREACHABLE, "P8")),
    "P2 before P4: enough pods are there": (pulling("manifest unknown", updated=1), (Verdict.HEALTHY, Reason.OK, "P2")),
    **{
        f"P9 {state}": (
            deployment(pod(container(waiting_reason=state, waiting_message="key missing"))),
            (Verdict.FAILED, Reason.POD_CONFIG, "P9"),
        )
        for state in ("InvalidImageName", "CreateContainerConfigError", "CreateContainerError", "RunContainerError")
    },
    "P10 restarting": (
        deployment(pod(container(restarts=3)), **UNDER_WAY),
        (Verdict.PROGRESSING, Reason.CRASH_LOOP, "P10"),
    ),
    "P2 once too often, but ready": (restarted(4, ready=True), (Verdict.HEALTHY, Reason.OK, "P2")),
    "P10 once too often, though counted available": (restarted(4), (Verdict.FAILED, Reason.CRASH_LOOP, "P10")),
    "P10 once too often": (
        deployment(pod(container(restarts=4)), **UNDER_WAY),
        (Verdict.FAILED, Reason.CRASH_LOOP, "P10"),
    ),
    "P10 the container beside it is ready": (
        deployment(pod(container(ready=True, restarts=9), container(restarts=4))),
        (Verdict.FAILED, Reason.CRASH_LOOP, "P10"),
    ),
    "P11 unschedulable": (
        deployment(pod(unschedulable="0/1 nodes are available"), **UNDER_WAY),
        (Verdict.PROGRESSING, Reason.UNSCHEDULABLE, "P11"),
    ),
    "P12 quota": (deployment(conditions=(FINE, QUOTA), **UNDER_WAY), (Verdict.FAILED, Reason.QUOTA, "P12")),
    "P12 is over": (
        deployment(conditions=(Condition("ReplicaFailure", "False", "", ""),), **UNDER_WAY),
        (Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, "P14"),
    ),
    "the first bad pod tells": (
        deployment(pod(container()), pod(container(waiting_reason="InvalidImageName"))),
        (Verdict.FAILED, Reason.POD_CONFIG, "P9"),
    ),
    "the second container tells": (
        deployment(pod(container(), container(waiting_reason="InvalidImageName"))),
        (Verdict.FAILED, Reason.POD_CONFIG, "P9"),
    ),
}


@pytest.mark.parametrize(("seen", "expected"), CASES.values(), ids=CASES)
def test_the_first_rule_that_matches_decides(seen, expected):
    finding = judge(seen, "web")

    assert (finding.verdict, finding.reason, finding.rule) == expected
    assert finding.subject == "workload web"


MESSAGES = {
    "healthy": (deployment(), "1/1 available", ()),
    "under way": (deployment(desired=3, updated=2), "2/3 updated, 1 available", ()),
    "pull": (pulling("manifest unknown"), "web-1/web cannot pull 10.96.0.50/app/web:stable", ("manifest unknown",)),
    "pull in new words": (pulling("odd"), "web-1/web cannot pull 10.96.0.50/app/web:stable", ("odd",)),
    "pull without a word": (pulling(""), "web-1/web cannot pull 10.96.0.50/app/web:stable", ()),
    "crash": (
        restarted(4, exit_code=0, exit_reason="Completed", exit_message="bye"),
        "web-1/web restarted 4 times: Completed, exit code 0",
        ("bye",),
    ),
    "crash of which nothing is known": (restarted(4), "web-1/web restarted 4 times: ended, restarting", ()),
    "unschedulable": (deployment(pod(unschedulable="no node"), **UNDER_WAY), "web-1: no node", ()),
    "quota": (deployment(conditions=(QUOTA,), **UNDER_WAY), "exceeded quota: pods=0", ()),
}


@pytest.mark.parametrize(("seen", "message", "evidence"), MESSAGES.values(), ids=MESSAGES)
def test_the_message_says_what_was_seen_and_quotes_the_evidence(seen, message, evidence):
    finding = judge(seen, "web")

    assert (finding.message, finding.evidence) == (message, evidence)


def test_the_remedy_of_a_crash_names_the_pod():
    assert judge(restarted(4), "web").remedy == "kubectl logs web-1 --previous"


def seen_as(reason: Reason, verdict: Verdict = Verdict.PROGRESSING) -> Finding:
    return Finding(verdict, reason, "workload web", "x")


@pytest.mark.parametrize("reason", sorted(LASTING))
def test_a_lasting_pull_error_fails_only_once_it_has_lasted(reason):
    suspicion = Suspicion(needed=75)

    verdicts = [suspicion.confirm(seen_as(reason), now).verdict for now in (10, 84.9, 85)]

    assert verdicts == [Verdict.PROGRESSING, Verdict.PROGRESSING, Verdict.FAILED]


@pytest.mark.parametrize("reason", [Reason.IMAGE_NOT_ON_SITE, Reason.CRASH_LOOP, Reason.ROLLOUT_PROGRESSING])
def test_an_error_that_time_may_cure_never_fails_by_lasting(reason):
    suspicion, finding = Suspicion(), seen_as(reason)

    assert all(suspicion.confirm(finding, now) is finding for now in (0, 1e6))


STORIES = {
    "a pause between two tries is no recovery": (
        [(Reason.TRUST, 0), (Reason.ROLLOUT_PROGRESSING, 40), (Reason.TRUST, 80)],
        Verdict.FAILED,
    ),
    "another error starts anew": ([(Reason.TRUST, 0), (Reason.CLIENT_TOKEN, 80)], Verdict.PROGRESSING),
    "health starts anew": ([(Reason.TRUST, 0), (Reason.OK, 40), (Reason.TRUST, 80)], Verdict.PROGRESSING),
}


@pytest.mark.parametrize(("story", "verdict"), STORIES.values(), ids=STORIES)
def test_a_suspicion_remembers_since_when(story, verdict):
    suspicion = Suspicion(needed=75)

    for reason, now in story:
        last = suspicion.confirm(seen_as(reason, Verdict.HEALTHY if reason is Reason.OK else Verdict.PROGRESSING), now)

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


@pytest.mark.parametrize("restarts", [1, 4, 99])
def test_a_ready_container_is_not_blamed_for_restarts_long_ago(restarts):
    seen = deployment(pod(container(ready=True, restarts=restarts)))

    assert judge(seen, "web").ok
    assert judge(replace(seen, available=0), "web").rule == "P14"


def test_restarts_are_counted_over_all_pods_and_containers():
    seen = deployment(pod(container(restarts=1), container(restarts=2)), pod(container(restarts=4)))

    assert (count_of_restarts(seen), count_of_restarts(None)) == (7, 0)
