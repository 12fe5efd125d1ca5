"""The arithmetic of a rollout: pure functions over a Deployment and its ReplicaSets.

Follows k8s.io/kubernetes pkg/controller/deployment (`sync.go`, `progress.go`, `util/deployment_util.go`)
closely, since the oddities that clients must survive come out of it by themselves: an old status under a new
generation, counters that are missing when zero, conditions whose order changes, and ProgressDeadlineExceeded
that is seen once with the new observedGeneration after an undo.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from simulator.kube.store import Object
from simulator.kube.times import parse, stamp

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
NO_DEADLINE = 2147483647


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition to set."""

    type: str
    status: str
    reason: str
    message: str


def template_hash(template: Object) -> str:
    """Return a pod-template-hash: stable, and written in the alphabet of the real one (not its value)."""
    text = json.dumps(template, sort_keys=True).encode()
    number = int.from_bytes(hashlib.sha256(text).digest()[:4], "big")
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(number))


def bare_template(replica_set: Object) -> Object:
    """Return a ReplicaSet's template as its Deployment wrote it."""
    template: Object = replica_set["spec"]["template"]
    labels = {k: v for k, v in template["metadata"]["labels"].items() if k != "pod-template-hash"}
    return template | {"metadata": template["metadata"] | {"labels": labels}}


def limits(deployment: Object) -> tuple[int, int]:
    """Return (maxSurge, maxUnavailable) as numbers: surge rounds up, unavailable down, not both zero."""
    strategy, replicas = deployment["spec"]["strategy"], deployment["spec"]["replicas"]
    if strategy["type"] != "RollingUpdate":
        return 0, 0
    surge = _resolve(strategy["rollingUpdate"]["maxSurge"], replicas, math.ceil)
    unavailable = _resolve(strategy["rollingUpdate"]["maxUnavailable"], replicas, math.floor)
    return surge, unavailable if surge or unavailable else 1


def _resolve(value: Any, total: int, rounded: Any) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return int(rounded(total * int(value[:-1]) / 100))
    return int(value)


def revision(obj: Object) -> int:
    """Return the revision in an object's annotations, 0 for none."""
    return int((obj["metadata"].get("annotations") or {}).get(REVISION, 0))


def wanted(replica_sets: Sequence[Object]) -> int:
    """Return how many replicas the ReplicaSets shall have."""
    return sum(each["spec"]["replicas"] for each in replica_sets)


def count(replica_sets: Sequence[Object], field: str) -> int:
    """Return the sum of a status counter over ReplicaSets."""
    return sum(each.get("status", {}).get(field, 0) for each in replica_sets)


def new_replicas(deployment: Object, replica_sets: Sequence[Object], current: int) -> int:
    """Return how many replicas the new ReplicaSet shall have now, from `current` (`NewRSNewReplicas`)."""
    replicas = int(deployment["spec"]["replicas"])
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        return replicas
    surge, _ = limits(deployment)
    room = replicas + surge - wanted(replica_sets)
    if room <= 0:
        return current
    return current + min(room, replicas - current)


def proportions(deployment: Object, active: Sequence[Object]) -> list[tuple[Object, int]]:
    """Return the size of each ReplicaSet when a Deployment is scaled in the middle of a rollout.

    Each gets its share of the difference, by its size; what rounding leaves goes to the newest.
    """
    replicas = int(deployment["spec"]["replicas"])
    allowed = replicas + limits(deployment)[0] if replicas else 0
    left = allowed - wanted(active)
    sizes = []
    for each in sorted(active, key=revision, reverse=True):
        size = int(each["spec"]["replicas"])
        maximum = int(each["metadata"]["annotations"].get(MAXIMUM, replicas)) or 1
        share = round(size * allowed / maximum) - size
        share = max(0, min(share, left)) if left > 0 else min(0, max(share, left))
        left -= share
        sizes.append((each, size + share))
    newest, size = sizes[0]
    return [(newest, max(0, size + left)), *sizes[1:]]


def status_of(deployment: Object, replica_sets: Sequence[Object], new: Object | None, now: datetime) -> Object:
    """Return the counters and the Available condition (`calculateStatus`); zero counters are left out."""
    available = count(replica_sets, "availableReplicas")
    news = [new] if new else []
    counters = {
        "replicas": count(replica_sets, "replicas"),
        "updatedReplicas": count(news, "replicas"),
        "readyReplicas": count(replica_sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted(replica_sets) - available),
    }
    status: Object = {"observedGeneration": deployment["metadata"]["generation"]}
    status |= {name: value for name, value in counters.items() if value}
    status["terminatingReplicas"] = count(replica_sets, "terminatingReplicas")
    status["conditions"] = list(deployment.get("status", {}).get("conditions") or [])
    _, unavailable = limits(deployment)
    if available >= deployment["spec"]["replicas"] - unavailable:
        verdict = Condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        message = "Deployment does not have minimum availability."
        verdict = Condition("Available", "False", "MinimumReplicasUnavailable", message)
    set_condition(status, verdict, now)
    _replica_failure(status, replica_sets, now)
    return status


def _replica_failure(status: Object, replica_sets: Sequence[Object], now: datetime) -> None:
    """Pass on that a ReplicaSet cannot make pods, for example because of a quota (`getReplicaFailures`)."""
    found = [each for one in replica_sets for each in one.get("status", {}).get("conditions") or []]
    if found:
        set_condition(status, Condition("ReplicaFailure", "True", found[0]["reason"], found[0]["message"]), now)
    else:
        status["conditions"] = [each for each in status["conditions"] if each["type"] != "ReplicaFailure"]


def condition(status: Object, kind: str) -> Object | None:
    """Return a condition of a status."""
    return next((each for each in status.get("conditions") or [] if each["type"] == kind), None)


def set_condition(status: Object, new: Condition, now: datetime) -> None:
    """Set a condition (`SetDeploymentCondition`): one of the same status and reason stays as it is."""
    current = condition(status, new.type)
    if not current or (current["status"], current["reason"]) != (new.status, new.reason):
        _renew(status, new, now)


def _renew(status: Object, new: Condition, now: datetime) -> None:
    current = condition(status, new.type)
    changed = stamp(now)
    kept = current["lastTransitionTime"] if current and current["status"] == new.status else changed
    others = [each for each in status.get("conditions") or [] if each["type"] != new.type]
    times = {"lastUpdateTime": changed, "lastTransitionTime": kept}
    status["conditions"] = [*others, asdict(new) | times]


def is_complete(deployment: Object, status: Object) -> bool:
    """Return whether every replica is new and available (`DeploymentComplete`)."""
    replicas = deployment["spec"]["replicas"]
    counters = (status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas"))
    return all(counter == replicas for counter in counters)


def is_progressing(before: Object, after: Object) -> bool:
    """Return whether anything got better between two statuses (`DeploymentProgressing`)."""

    def value(status: Object, name: str) -> int:
        return int(status.get(name, 0))

    def old(status: Object) -> int:
        return value(status, "replicas") - value(status, "updatedReplicas")

    better = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old(after) < old(before) or any(value(after, name) > value(before, name) for name in better)


def deadline(deployment: Object) -> int | None:
    """Return progressDeadlineSeconds, None where there is none."""
    seconds = deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE)
    return None if seconds == NO_DEADLINE else int(seconds)


def has_timed_out(deployment: Object, status: Object, now: datetime) -> bool:
    """Return whether progress has stalled for the deadline (`DeploymentTimedOut`)."""
    current, seconds = condition(status, "Progressing"), deadline(deployment)
    if current is None or seconds is None or current["reason"] == "NewReplicaSetAvailable":
        return False
    if current["reason"] == "ProgressDeadlineExceeded":
        return True
    return (now - parse(current["lastUpdateTime"])).total_seconds() > seconds


def progress(deployment: Object, status: Object, new: Object | None, now: datetime) -> None:
    """Set the Progressing condition of a new status, in place (`syncRolloutStatus`)."""
    before = deployment.get("status", {})
    current = condition(status, "Progressing")
    if deadline(deployment) is None:
        status["conditions"] = [each for each in status["conditions"] if each["type"] != "Progressing"]
        return
    finished = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if finished and current and current["reason"] == "NewReplicaSetAvailable":
        return
    name = new["metadata"]["name"] if new else deployment["metadata"]["name"]
    subject = f'ReplicaSet "{name}"' if new else f'Deployment "{name}"'
    if is_complete(deployment, status):
        message = f"{subject} has successfully progressed."
        set_condition(status, Condition("Progressing", "True", "NewReplicaSetAvailable", message), now)
    elif is_progressing(before, status):
        message = f"{subject} is progressing."
        # Progress renews lastUpdateTime, from which the deadline is counted, even under the same reason.
        _renew(status, Condition("Progressing", "True", "ReplicaSetUpdated", message), now)
    elif has_timed_out(deployment, status, now):
        message = f"{subject} has timed out progressing."
        set_condition(status, Condition("Progressing", "False", "ProgressDeadlineExceeded", message), now)
