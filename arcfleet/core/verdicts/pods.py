"""P rules: how a workload and the pods of its newest revision stand.

Sources: the status of Deployments, DaemonSets and StatefulSets as kubectl rollout reads it (observedGeneration first),
container states as the kubelet writes them, pull errors in containerd's and the registry's words.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from arcfleet.core.counts import some
from arcfleet.core.facts import ContainerFacts, PodFacts, WorkloadFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.pulled import digest_of, place_of
from arcfleet.core.reasons import Reason

MAX_RESTARTS = 3
UNSCHEDULABLE_FOR = timedelta(seconds=60)
"""An edge node that restarts is back within this time."""
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
     "registry's client tokens: az acr token show --registry {registry} --name {token}; az acr connected-registry show "
     "--registry {registry} --name {cr} --query clientTokenIds"),
    (re.compile(r"x509|certificate"), "P6", Reason.TRUST,
     "the node does not trust the registry: keep trustDistribution.enabled and cert-manager on, or install its CA"),
    (re.compile(r"http response to https client"), "P7", Reason.HTTP_REGISTRY,
     "the registry speaks http at this address: enable TLS on the extension, or allow the insecure registry"),
    (re.compile(r"refused|no route|timeout|i/o|unreachable"), "P8", Reason.REGISTRY_UNREACHABLE,
     "nothing answers at the clusterIP: look at the pods and the service of namespace connected-registry"),
)  # fmt: skip


def judge(workload: WorkloadFacts | None, name: str, now: datetime | None = None) -> Finding:
    """Return the finding about a workload.

    Args:
        workload: As the cluster shows it; None where it does not exist.
        name: Its name.
        now: The time of this look; without it a pod that can't be placed is only on its way.
    """
    subject = f"workload {name}"
    if workload is None:
        return Finding(Verdict.ABSENT, Reason.OK, subject, "does not exist")
    if workload.observed_generation < workload.generation:
        return Finding(Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, subject, "not observed yet", "P14")
    if workload.paused:
        return Finding(Verdict.WAITING, Reason.PAUSED, subject, f"the {workload.kind} is paused", "P1")
    # Pods before counters: a container that exits at once is counted available for a moment.
    bad = next((found for pod in workload.pods if (found := of_pod(pod, subject, now))), None)
    if bad and bad.verdict is Verdict.FAILED:
        return bad
    if _complete(workload):
        message = f"{workload.available}/{workload.desired} available"
        return other_digest(workload, subject) or Finding(Verdict.HEALTHY, Reason.OK, subject, message, "P2")
    return _out_of_time(workload, bad, subject) or bad or _by_conditions(workload, subject)


def _complete(workload: WorkloadFacts) -> bool:
    wanted = workload.desired
    counters = (workload.updated, workload.total, workload.available, workload.ready)
    return all(count == wanted for count in counters)


def other_digest(workload: WorkloadFacts, subject: str) -> Finding | None:
    """P3: a container that is pinned to a digest runs another one of the same repository."""
    for pod in workload.pods:
        for container in pod.containers:
            wanted, runs = digest_of(container.image), digest_of(container.image_id)
            same = place_of(container.image_id) == place_of(container.image)
            if wanted and runs and same and wanted != runs:
                return Finding(
                    Verdict.DEGRADED, Reason.DRIFT, subject, f"{pod.name}/{container.name} runs {runs}, not {wanted}",
                    "P3", (f"imageID {container.image_id}",),
                    f"kubectl delete pod {pod.name}, so that it is pulled again",
                )  # fmt: skip
    return None


def _out_of_time(workload: WorkloadFacts, bad: Finding | None, subject: str) -> Finding | None:
    """P13: Kubernetes gave up on the rollout. The pod's own reason is the cause, the condition only its echo."""
    gave_up = next((c for c in workload.conditions if c.reason == "ProgressDeadlineExceeded"), None)
    if gave_up is None:
        return None
    if bad is None:
        found = _by_conditions(workload, subject)
        if found.verdict is Verdict.FAILED:
            return found
        bad = replace(found, reason=Reason.PROGRESS_DEADLINE)
    evidence = (*bad.evidence, f"{gave_up.reason}: {gave_up.message}")
    return replace(bad, verdict=Verdict.FAILED, rule="P13", evidence=evidence)


def _by_conditions(workload: WorkloadFacts, subject: str) -> Finding:
    for condition in workload.conditions:
        if condition.type == "ReplicaFailure" and condition.status == "True":
            return Finding(
                Verdict.FAILED, Reason.QUOTA, subject, condition.message, "P12",
                remedy="raise the namespace's quota, or correct what admission refuses",
            )  # fmt: skip
    old = workload.total - workload.updated
    left = f"{old} old, " if old > 0 else ""
    progress = f"{workload.updated}/{workload.desired} updated, {left}{workload.available} available"
    return Finding(
        Verdict.PROGRESSING, Reason.ROLLOUT_PROGRESSING, subject, progress, "P14",
        remedy=f"kubectl describe {workload.kind.lower()} {workload.name}, and its pods",
    )  # fmt: skip


def of_pod(pod: PodFacts, subject: str, now: datetime | None = None) -> Finding | None:
    """Return what is wrong with a pod, or None; init containers come first, as they start first."""
    if pod.unschedulable:
        since = pod.unschedulable_since
        lasts = now is not None and since is not None and now - since > UNSCHEDULABLE_FOR
        return Finding(
            Verdict.DEGRADED if lasts else Verdict.PROGRESSING, Reason.UNSCHEDULABLE, subject,
            f"{pod.name}: {pod.unschedulable}", "P11",
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
    rule, reason, remedy = next(
        ((rule, reason, remedy) for pattern, rule, reason, remedy in PULL_ERRORS if pattern.search(message.lower())),
        ("P4", Reason.ROLLOUT_PROGRESSING, ""),
    )
    return Finding(
        Verdict.PROGRESSING, reason, subject, f"{where} cannot pull {container.image}", rule,
        (message,) if message else (), remedy,
    )  # fmt: skip


def pull_rule(message: str) -> str:
    """Return the rule that a pull's error text matches; empty where it matches none."""
    return next((rule for pattern, rule, _, _ in PULL_ERRORS if pattern.search(message.lower())), "")


def _restarting(container: ContainerFacts, subject: str, where: str) -> Finding:
    ended = f"exit code {container.exit_code}" if container.exit_code is not None else "restarting"
    verdict = Verdict.PROGRESSING if container.restarts <= MAX_RESTARTS else Verdict.FAILED
    return Finding(
        verdict, Reason.CRASH_LOOP, subject,
        f"{where} restarted {some(container.restarts, 'time')}: {container.exit_reason or 'ended'}, {ended}", "P10",
        (container.exit_message,) if container.exit_message else (),
        f"kubectl logs {where.partition('/')[0]} --container {container.name} --previous",
    )  # fmt: skip
