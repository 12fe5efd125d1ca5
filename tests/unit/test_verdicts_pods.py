"""P rules: how a Deployment and its pods stand."""

from dataclasses import replace

import pytest
from examples import DIGEST, NOW, container, deployment, minutes, pod

from arcfleet.core.facts import Condition
from arcfleet.core.findings import Verdict
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts.pods import judge

UNDER_WAY = {"updated": 0, "available": 0, "ready": 0}
QUOTA = Condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: pods=0")
LATE = Condition("Progressing", "False", "ProgressDeadlineExceeded", 'ReplicaSet "web-1" has timed out progressing.')
PINNED = f"10.96.0.50/app/web@{DIGEST}"
OTHER = f"sha256:{'cd' * 32}"
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
    "P2 the pinned digest runs": (
        deployment(pod(container(ready=True, image=PINNED, image_id=PINNED))),
        (Verdict.HEALTHY, Reason.OK, "P2"),
    ),
    "P2 an image id without a digest": (
        deployment(pod(container(ready=True, image=PINNED, image_id="sha256"))),
        (Verdict.HEALTHY, Reason.OK, "P2"),
    ),
    "P2 of another name of the same content nothing is said": (
        deployment(pod(container(ready=True, image=PINNED, image_id=f"mirror.example.com/web@{OTHER}"))),
        (Verdict.HEALTHY, Reason.OK, "P2"),
    ),
    "P3 another digest runs": (
        deployment(pod(container(ready=True, image=PINNED, image_id=f"docker-pullable://10.96.0.50/app/web@{OTHER}"))),
        (Verdict.DEGRADED, Reason.DRIFT, "P3"),
    ),
    "P13 a pod's own reason": (
        replace(pulling("401 unauthorized"), conditions=(FINE, LATE)),
        (Verdict.FAILED, Reason.CLIENT_TOKEN, "P13"),
    ),
    "P13 no pod tells": (
        deployment(conditions=(LATE,), **UNDER_WAY),
        (Verdict.FAILED, Reason.PROGRESS_DEADLINE, "P13"),
    ),
    "P12 before P13": (
        deployment(conditions=(LATE, QUOTA), **UNDER_WAY),
        (Verdict.FAILED, Reason.QUOTA, "P12"),
    ),
    "P2 though the condition is still there": (
        deployment(pod(container(ready=True)), conditions=(LATE,)),
        (Verdict.HEALTHY, Reason.OK, "P2"),
    ),
    "P10 an init container": (
        deployment(pod(container(name="init", restarts=4), container()), **UNDER_WAY),
        (Verdict.FAILED, Reason.CRASH_LOOP, "P10"),
    ),
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
    "old ones left": (deployment(total=3, updated=2), "2/1 updated, 1 old, 1 available", ()),
    "out of time": (
        replace(pulling("401 unauthorized"), conditions=(LATE,)),
        "web-1/web cannot pull 10.96.0.50/app/web:stable",
        ("401 unauthorized", 'ProgressDeadlineExceeded: ReplicaSet "web-1" has timed out progressing.'),
    ),
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
    assert judge(restarted(4), "web").remedy == "kubectl logs web-1 --container web --previous"


PLACED = {
    "at first": (59, Verdict.PROGRESSING),
    "for a minute": (60, Verdict.PROGRESSING),
    "for more": (61, "degraded"),
}


@pytest.mark.parametrize(("seconds", "verdict"), PLACED.values(), ids=PLACED)
def test_a_pod_without_a_place_degrades_its_workload_after_a_minute(seconds, verdict):
    seen = deployment(pod(unschedulable="no node", unschedulable_since=NOW - minutes(seconds / 60)), **UNDER_WAY)

    finding = judge(seen, "web", NOW)

    assert (finding.verdict, finding.rule) == (verdict, "P11")
    assert judge(seen, "web").verdict is Verdict.PROGRESSING


@pytest.mark.parametrize("restarts", [1, 4, 99])
def test_a_ready_container_is_not_blamed_for_restarts_long_ago(restarts):
    seen = deployment(pod(container(ready=True, restarts=restarts)))

    assert judge(seen, "web").ok
    assert judge(replace(seen, available=0), "web").rule == "P14"
