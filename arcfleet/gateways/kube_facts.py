"""From the Kubernetes client's models to facts.

The generated models type every field as optional, even those that the API always fills; they enter here as Any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from arcfleet.core.facts import Condition, ContainerFacts, PodFacts, WorkloadFacts
from arcfleet.core.kube.workloads import HASH_ANNOTATION

REVISIONS = ("pod-template-hash", "controller-revision-hash")
"""Labels that tell a pod's revision: of a ReplicaSet's, and of a DaemonSet's or StatefulSet's."""


def workload_facts(
    item: Any, pods: Sequence[Any], kind: str = "Deployment", live: Mapping[str, Any] | None = None
) -> WorkloadFacts:
    """Return what a workload and its pods show, `live` being the API's own text of it. Omitted counters are zero."""
    spec, status, metadata = item.spec, item.status, item.metadata
    revision = status.update_revision if kind == "StatefulSet" else None
    return WorkloadFacts(
        name=metadata.name,
        generation=metadata.generation or 0,
        observed_generation=status.observed_generation or 0,
        **(_of_nodes(status) if kind == "DaemonSet" else _of_replicas(spec, status)),
        paused=bool(getattr(spec, "paused", None)),
        applied_hash=(metadata.annotations or {}).get(HASH_ANNOTATION),
        images=tuple(container.image or "" for container in spec.template.spec.containers),
        conditions=tuple(Condition(c.type, c.status, c.reason or "", c.message or "") for c in status.conditions or ()),
        pods=tuple(pod_facts(pod) for pod in newest(pods, revision)),
        kind=kind,
        live=live or {},
    )


def _of_nodes(status: Any) -> dict[str, int]:
    return {
        "desired": status.desired_number_scheduled or 0,
        "total": status.current_number_scheduled or 0,
        "updated": status.updated_number_scheduled or 0,
        "ready": status.number_ready or 0,
        "available": status.number_available or 0,
    }


def _of_replicas(spec: Any, status: Any) -> dict[str, int]:
    desired = 1 if spec.replicas is None else spec.replicas
    return {
        "desired": desired,
        "total": status.replicas or 0,
        # Of a StatefulSet the replicas below its partition are meant to stay as they are.
        "updated": min(desired, (status.updated_replicas or 0) + _partition(spec)),
        "ready": status.ready_replicas or 0,
        "available": status.available_replicas or 0,
    }


def _partition(spec: Any) -> int:
    strategy = getattr(spec, "update_strategy", None)
    rolling = strategy.rolling_update if strategy else None
    return int((rolling.partition if rolling else None) or 0)


def newest(pods: Sequence[Any], revision: str | None = None) -> list[Any]:
    """Return the pods of a revision; where none is named, of the one of the pod that was made last."""
    alive = [pod for pod in pods if pod.metadata.deletion_timestamp is None]
    if not alive:
        return []
    never = datetime.min.replace(tzinfo=UTC)
    latest = max(alive, key=lambda pod: pod.metadata.creation_timestamp or never)
    wanted = revision or _revision(latest)
    return [pod for pod in alive if _revision(pod) == wanted]


def _revision(pod: Any) -> str | None:
    labels = pod.metadata.labels or {}
    return next((labels[label] for label in REVISIONS if label in labels), None)


def selector_text(selector: Any) -> str:
    """Return a label selector as a list request takes it, matchExpressions included.

    Source: the grammar of label selectors, k8s.io/apimachinery pkg/labels.
    """
    parts = [f"{key}={value}" for key, value in (selector.match_labels or {}).items()]
    for expression in selector.match_expressions or ():
        values = ",".join(expression.values or ())
        parts.append(
            {
                "In": f"{expression.key} in ({values})",
                "NotIn": f"{expression.key} notin ({values})",
                "Exists": expression.key,
                "DoesNotExist": f"!{expression.key}",
            }[expression.operator]
        )
    return ",".join(parts)


def pod_facts(pod: Any) -> PodFacts:
    """Return what a pod shows; its init containers come first, as they start first."""
    status = pod.status
    conditions = {condition.type: condition for condition in status.conditions or ()}
    ready, scheduled = conditions.get("Ready"), conditions.get("PodScheduled")
    unschedulable = scheduled and scheduled.status == "False" and scheduled.reason == "Unschedulable"
    statuses = [*(status.init_container_statuses or ()), *(status.container_statuses or ())]
    # A status names the image as the runtime resolved it, which may be an id.
    spelled = {c.name: c.image or "" for c in (*(pod.spec.init_containers or ()), *pod.spec.containers)}
    return PodFacts(
        name=pod.metadata.name,
        phase=status.phase or "",
        ready=bool(ready and ready.status == "True"),
        unschedulable=(scheduled.message or "") if unschedulable and scheduled else None,
        unschedulable_since=scheduled.last_transition_time if unschedulable and scheduled else None,
        containers=tuple(_container(item, spelled) for item in statuses),
    )


def _container(item: Any, spelled: Mapping[str, str]) -> ContainerFacts:
    waiting = item.state.waiting if item.state else None
    ended = (item.state.terminated if item.state else None) or (item.last_state.terminated if item.last_state else None)
    return ContainerFacts(
        name=item.name,
        image=spelled.get(item.name, item.image),
        image_id=item.image_id or "",
        ready=bool(item.ready),
        restarts=item.restart_count or 0,
        waiting_reason=waiting.reason if waiting else None,
        waiting_message=(waiting.message or "") if waiting else "",
        exit_code=ended.exit_code if ended else None,
        exit_reason=ended.reason if ended else None,
        exit_message=(ended.message or "") if ended else "",
    )
