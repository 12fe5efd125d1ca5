"""P rules: how a Deployment and the pods of its newest ReplicaSet stand.

Sources: the Deployment's status as kubectl rollout reads it (observedGeneration first), container states as the kubelet
writes them, pull errors in containerd's and the registry's words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from arcfleet.core.facts import ContainerFacts, PodFacts, WorkloadFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.reasons import Reason

MAX_RESTARTS = 3
PULL_STATES = frozenset({"ErrImagePull", "ImagePullBackOff"})
CONFIG_STATES = frozenset(
    {"InvalidImageName", "CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)

# First match wins: the words of a pull error -> rule, reason, remedy. The words are matched in lower case.
PULL_ERRORS: tuple[tuple[re.Pattern[str], str, Reason, str], ...] = (
    (re.compile(r"manifest unknown|not found"), "P4", Reason.IMAGE_NOT_ON_SITE,
     "the image has not arrived: look at the sync check, then wait for the next sync"),
    (re.compile(r"unauthorized|insufficient.?scope|denied|authentication required|authorization failed"), "P5",
     Reason.CLIENT_TOKEN,
     "the pull secret's token must be valid, allow content/read on the repository, and be among the connected "
     "registry's client tokens"),
    (re.compile(r"x509|certificate"), "P6", Reason.TRUST,
     "the node does not trust the registry: keep trustDistribution.enabled and cert-manager on, or install its CA"),
    (re.compile(r"http response to https client"), "P7", Reason.HTTP_REGISTRY,
     "the registry speaks http at this address: enable TLS on the extension, or allow the insecure registry"),
    (re.compile(r"refused|no route|timeout|i/o|unreachable"), "P8", Reason.REGISTRY_UNREACHABLE,
     "nothing answers at the clusterIP: look at the pods of namespace connected-registry"),
)  # fmt: skip


def judge(workload: WorkloadFacts | None, name: str) -> Finding:
    """Return the finding about a workload; None means that its Deployment does not exist."""
    subject = f"workload {name}"
    if workload is None:
        return Finding(Verdict.ABSENT, Reason.OK, subject, "no such Deployment")
    if workload.observed_generation < workload.generation:
        return Finding(Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, subject, "not observed yet", "P14")
    if workload.paused:
        return Finding(Verdict.WAITING, Reason.PAUSED, subject, "the Deployment is paused", "P1")
    # Pods before counters: a container that exits at once is counted available for a moment.
    bad = next((found for pod in workload.pods if (found := _judge_pod(pod, subject))), None)
    if bad and bad.verdict is Verdict.FAILED:
        return bad
    if _complete(workload):
        return Finding(Verdict.HEALTHY, Reason.OK, subject, f"{workload.available}/{workload.desired} available", "P2")
    return bad or _by_conditions(workload, subject)


def _complete(workload: WorkloadFacts) -> bool:
    wanted = workload.desired
    counters = (workload.updated, workload.total, workload.available, workload.ready)
    return all(count == wanted for count in counters)


def _by_conditions(workload: WorkloadFacts, subject: str) -> Finding:
    for condition in workload.conditions:
        if condition.type == "ReplicaFailure" and condition.status == "True":
            return Finding(
                Verdict.FAILED, Reason.QUOTA, subject, condition.message, "P12",
                remedy="raise the namespace's quota, or correct what admission refuses",
            )  # fmt: skip
    progress = f"{workload.updated}/{workload.desired} updated, {workload.available} available"
    return Finding(
        Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, subject, progress, "P14",
        remedy=f"kubectl describe deployment {workload.name}, and its pods",
    )  # fmt: skip


def _judge_pod(pod: PodFacts, subject: str) -> Finding | None:
    if pod.unschedulable:
        return Finding(
            Verdict.PROGRESSING, Reason.UNSCHEDULABLE, subject, f"{pod.name}: {pod.unschedulable}", "P11",
            remedy="give the pod a node it fits on: selectors, taints, resources",
        )  # fmt: skip
    return next((found for c in pod.containers if (found := _judge_container(pod, c, subject))), None)


def _judge_container(pod: PodFacts, container: ContainerFacts, subject: str) -> Finding | None:
    where = f"{pod.name}/{container.name}"
    if container.waiting_reason in PULL_STATES:
        return pull_finding(container, subject, where)
    if container.waiting_reason in CONFIG_STATES:
        return Finding(
            Verdict.FAILED, Reason.POD_CONFIG, subject,
            f"{where}: {container.waiting_reason}: {container.waiting_message}", "P9",
            remedy="correct the workload's manifest",
        )  # fmt: skip
    if container.restarts > 0 and not container.ready:
        return _restarting(container, subject, where)
    return None


def pull_finding(container: ContainerFacts, subject: str, where: str) -> Finding:
    """Return what a failing pull means. It is progressing: whether it lasts, the caller's second look decides."""
    message = container.waiting_message
    for pattern, rule, reason, remedy in PULL_ERRORS:
        if pattern.search(message.lower()):
            return Finding(
                Verdict.PROGRESSING,
                reason,
                subject,
                f"{where} cannot pull {container.image}",
                rule,
                (message,),
                remedy,
            )
    return Finding(
        Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, subject, f"{where} cannot pull {container.image}", "P4",
        (message,) if message else (),
    )  # fmt: skip


def _restarting(container: ContainerFacts, subject: str, where: str) -> Finding:
    ended = f"exit code {container.exit_code}" if container.exit_code is not None else "restarting"
    verdict = Verdict.PROGRESSING if container.restarts <= MAX_RESTARTS else Verdict.FAILED
    return Finding(
        verdict, Reason.CRASH_LOOP, subject,
        f"{where} restarted {container.restarts} times: {container.exit_reason or 'ended'}, {ended}", "P10",
        (container.exit_message,) if container.exit_message else (),
        f"kubectl logs {pod_of(where)} --previous",
    )  # fmt: skip


def restarted(workload: WorkloadFacts | None) -> int:
    """Return how often the containers of a workload's pods were restarted."""
    return sum(container.restarts for pod in workload.pods for container in pod.containers) if workload else 0


def pod_of(where: str) -> str:
    """Return the pod's name of a `pod/container` place."""
    return where.partition("/")[0]


LASTING = frozenset({Reason.CLIENT_TOKEN, Reason.TRUST, Reason.HTTP_REGISTRY, Reason.REGISTRY_UNREACHABLE})
"""Pull errors that waiting does not cure."""


@dataclass(slots=True)
class Suspicion:
    """Remembers since when a lasting pull error is seen, so that only one which stays becomes a failure."""

    needed: float = 75.0
    """Seconds for which it must last: a password that replaced another needs a minute until it is known."""
    reason: Reason | None = None
    since: float = 0.0

    def confirm(self, finding: Finding, now: float) -> Finding:
        """Return the finding; as a failure where the same lasting error was first seen long enough ago.

        Args:
            finding: What the present look found.
            now: Seconds of a clock that only grows.
        """
        if finding.reason not in LASTING:
            # Between two tries of a pull the kubelet shows nothing; that is no sign of recovery.
            if finding.ok:
                self.reason = None
            return finding
        if finding.reason != self.reason:
            self.reason, self.since = finding.reason, now
        lasted = now - self.since >= self.needed
        return replace(finding, verdict=Verdict.FAILED) if lasted else finding


@dataclass(slots=True)
class Steadiness:
    """Lets a workload that was just applied be healthy only once it has stayed so.

    A container that exits at once is available for a moment, and its Deployment says so.
    """

    needed: float = 10.0
    """Seconds for which it must stay healthy, without a restart."""
    since: float | None = None
    restarts: int = 0

    def confirm(self, finding: Finding, workload: WorkloadFacts | None, now: float) -> Finding:
        """Return the finding; progressing still where it is healthy for less than the seconds needed.

        Args:
            finding: What the present look found.
            workload: What it looked at.
            now: Seconds of a clock that only grows.
        """
        if not finding.ok or workload is None:
            self.since = None
            return finding
        restarts = restarted(workload)
        if self.since is None or restarts != self.restarts:
            self.since, self.restarts = now, restarts
        if now - self.since >= self.needed:
            return finding
        return replace(
            finding, verdict=Verdict.PROGRESSING, message=f"{finding.message}, watched for {self.needed:.0f} s"
        )
