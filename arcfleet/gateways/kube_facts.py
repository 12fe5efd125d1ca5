"""From the Kubernetes client's models to facts.

The generated models type every field as optional, even those that the API always fills; they enter here as Any.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from arcfleet.core.facts import Condition, ContainerFacts, PodFacts, WorkloadFacts
from arcfleet.core.workloads import HASH_ANNOTATION

TEMPLATE_HASH = "pod-template-hash"


def workload_facts(deployment: Any, pods: Sequence[Any]) -> WorkloadFacts:
    """Return what a Deployment and its pods show. Counters that the API omits are zero."""
    spec, status, metadata = deployment.spec, deployment.status, deployment.metadata
    return WorkloadFacts(
        name=metadata.name,
        generation=metadata.generation or 0,
        observed_generation=status.observed_generation or 0,
        desired=1 if spec.replicas is None else spec.replicas,
        total=status.replicas or 0,
        updated=status.updated_replicas or 0,
        ready=status.ready_replicas or 0,
        available=status.available_replicas or 0,
        paused=bool(spec.paused),
        applied_hash=(metadata.annotations or {}).get(HASH_ANNOTATION),
        images=tuple(container.image or "" for container in spec.template.spec.containers),
        conditions=tuple(Condition(c.type, c.status, c.reason or "", c.message or "") for c in status.conditions or ()),
        pods=tuple(_pod(pod) for pod in newest(pods)),
    )


def newest(pods: Sequence[Any]) -> list[Any]:
    """Return the pods of the newest ReplicaSet: those that share the template of the pod made last."""
    alive = [pod for pod in pods if pod.metadata.deletion_timestamp is None]
    if not alive:
        return []
    never = datetime.min.replace(tzinfo=UTC)
    latest = max(alive, key=lambda pod: pod.metadata.creation_timestamp or never)
    template = (latest.metadata.labels or {}).get(TEMPLATE_HASH)
    return [pod for pod in alive if (pod.metadata.labels or {}).get(TEMPLATE_HASH) == template]


def _pod(pod: Any) -> PodFacts:
    status = pod.status
    conditions = {condition.type: condition for condition in status.conditions or ()}
    ready, scheduled = conditions.get("Ready"), conditions.get("PodScheduled")
    unschedulable = scheduled and scheduled.status == "False" and scheduled.reason == "Unschedulable"
    statuses = [*(status.init_container_statuses or ()), *(status.container_statuses or ())]
    return PodFacts(
        name=pod.metadata.name,
        phase=status.phase or "",
        ready=bool(ready and ready.status == "True"),
        unschedulable=(scheduled.message or "") if unschedulable and scheduled else None,
        containers=tuple(_container(item) for item in statuses),
    )


def _container(item: Any) -> ContainerFacts:
    waiting = item.state.waiting if item.state else None
    ended = (item.state.terminated if item.state else None) or (item.last_state.terminated if item.last_state else None)
    return ContainerFacts(
        name=item.name,
        image=item.image,
        image_id=item.image_id or "",
        ready=bool(item.ready),
        restarts=item.restart_count or 0,
        waiting_reason=waiting.reason if waiting else None,
        waiting_message=(waiting.message or "") if waiting else "",
        exit_code=ended.exit_code if ended else None,
        exit_reason=ended.reason if ended else None,
        exit_message=(ended.message or "") if ended else "",
    )
