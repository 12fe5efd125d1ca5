"""The scheduler: puts pods on nodes, or says why it cannot.

The message was captured for missing memory (fail_unschedulable, real kube-scheduler 1.36.2); the other
reasons are the words of its plugins NodeAffinity, NodeUnschedulable, TaintToleration and VolumeBinding.
"""

from collections import Counter
from collections.abc import Iterator

from simulator.clock import Clock
from simulator.kube import selectors
from simulator.kube.events import Recorder
from simulator.kube.quantities import quantity
from simulator.kube.resources import BY_NAME
from simulator.kube.store import Event, Key, Object, Store, key_of
from simulator.kube.times import stamp
from simulator.kube.worker import Worker
from simulator.kube.writes import Writes

_PODS, _NODES, _CLAIMS = (BY_NAME[name] for name in ("pods", "nodes", "persistentvolumeclaims"))


class Scheduler:
    """Assigns each new pod to the fitting node with the fewest pods."""

    def __init__(self, store: Store, writes: Writes, clock: Clock, recorder: Recorder) -> None:
        self._store = store
        self._writes = writes
        self._clock = clock
        self._recorder = recorder
        self._worker = Worker(clock, self.sync, lag=0.01)
        store.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.resource is _PODS and event.type == "ADDED":
            self._worker.add(key_of(event.object))
        elif event.resource in {_NODES, _CLAIMS} or (event.resource is _PODS and event.type == "DELETED"):
            for pod in self._store.items(_PODS):
                if not pod["spec"].get("nodeName"):
                    self._worker.add(key_of(pod))

    def sync(self, key: Key) -> None:
        """Try to place one pod."""
        pod = self._store.get(_PODS, key)
        if pod is None or pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"]:
            return
        nodes = self._store.items(_NODES)
        if problem := self._claims_problem(pod):
            self._fail(pod, f"0/{len(nodes)} nodes are available: {problem}.", len(nodes))
            return
        reasons = {node["metadata"]["name"]: self._misfit(pod, node) for node in nodes}
        fitting = [name for name, reason in reasons.items() if not reason]
        if fitting:
            self._bind(pod, min(fitting, key=lambda name: len(self._on_node(name))))
            return
        counted = ", ".join(f"{number} {reason}" for reason, number in sorted(Counter(reasons.values()).items()))
        self._fail(pod, f"0/{len(nodes)} nodes are available: {counted}.", len(nodes))

    def _misfit(self, pod: Object, node: Object) -> str:
        """Return why a pod cannot run on a node, "" when it can."""
        if not is_ready(node):
            return "node(s) had untolerated taint {node.kubernetes.io/not-ready: }"
        if reason := unwilling(pod, node):
            return reason
        for resource in ("cpu", "memory"):
            used = sum(_requested(other, resource) for other in self._on_node(node["metadata"]["name"]))
            if used + _requested(pod, resource) > quantity((node["status"].get("allocatable") or {}).get(resource, 0)):
                return f"Insufficient {resource}"
        return ""

    def _on_node(self, name: str) -> list[Object]:
        return [pod for pod in self._store.items(_PODS) if pod["spec"].get("nodeName") == name]

    def _claims_problem(self, pod: Object) -> str:
        for volume in pod["spec"].get("volumes") or []:
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            claim = self._store.get(_CLAIMS, (pod["metadata"]["namespace"], name)) if name else None
            if name and claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if claim and claim["status"]["phase"] != "Bound":
                return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def _bind(self, pod: Object, node: str) -> None:
        bound = pod | {"spec": pod["spec"] | {"nodeName": node}}
        bound |= {"status": pod["status"] | {"conditions": [self._condition("True")]}}
        self._writes.save(_PODS, bound)
        where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        message = f"Successfully assigned {where} to {node}"
        self._recorder.scheduler(pod, "Normal", "Scheduled", message, "Binding")

    def _fail(self, pod: Object, problem: str, nodes: int) -> None:
        preemption = f"0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling."
        message = f"{problem} no new claims to deallocate, preemption: {preemption}"
        conditions = pod["status"].get("conditions") or []
        if any(each.get("message") == message for each in conditions):
            return
        condition = self._condition("False") | {"reason": "Unschedulable", "message": message}
        self._writes.save(_PODS, pod | {"status": pod["status"] | {"conditions": [condition]}})
        self._recorder.scheduler(pod, "Warning", "FailedScheduling", message, "Scheduling")

    def _condition(self, status: str) -> Object:
        changed = stamp(self._clock.now())
        return {"type": "PodScheduled", "status": status, "lastProbeTime": None, "lastTransitionTime": changed}


def unwilling(pod: Object, node: Object, *, running: bool = False) -> str:
    """Return why a node would not have a pod whatever room it has, or not keep a running one; "" when it would."""
    if running:
        taints = [each for each in node["spec"].get("taints") or [] if each.get("effect") == "NoExecute"]
        node = node | {"spec": {"taints": taints}}
    if node["spec"].get("unschedulable") and not _tolerates(pod, _CORDONED):
        return "node(s) were unschedulable"
    for taint in node["spec"].get("taints") or []:
        if taint.get("effect") != "PreferNoSchedule" and not _tolerates(pod, taint):
            return f"node(s) had untolerated taint {{{taint.get('key', '')}: {taint.get('value', '')}}}"
    return "" if _selects(pod["spec"], node) else "node(s) didn't match Pod's node affinity/selector"


_CORDONED = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def pin(spec: Object, node: str) -> None:
    """Bind a pod's spec to one node by its affinity, in place, as the DaemonSet controller does."""
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {}).setdefault(_REQUIRED, {})
    terms = required.get("nodeSelectorTerms") or [{}]
    required["nodeSelectorTerms"] = [term | {"matchFields": [field]} for term in terms]


def pinned(spec: Object) -> str:
    """Return the node that a pod's spec was bound to, "" for none."""
    fields = [field for term in _affinity_terms(spec) for field in term.get("matchFields") or []]
    return next((str(field["values"][0]) for field in fields if field.get("values")), "")


def is_ready(node: Object) -> bool:
    """Return whether a node's kubelet reports that it is ready."""
    conditions = node["status"].get("conditions") or []
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _requested(pod: Object, resource: str) -> float:
    total = 0.0
    for container in pod["spec"].get("containers") or []:
        resources = container.get("resources") or {}
        asked = (resources.get("requests") or {}).get(resource) or (resources.get("limits") or {}).get(resource, 0)
        total += quantity(asked)
    return total


def _tolerates(pod: Object, taint: Object) -> bool:
    return any(
        toleration.get("key") in {None, taint.get("key")}
        and toleration.get("effect") in {None, taint.get("effect")}
        and (toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", ""))
        for toleration in pod["spec"].get("tolerations") or []
    )


def _selects(spec: Object, node: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    terms = list(_affinity_terms(spec))
    return not terms or any(_meets(term, node["metadata"]["name"], labels) for term in terms)


def _meets(term: Object, name: str, labels: dict[str, str]) -> bool:
    fields = all(selectors.expression(each, {"metadata.name": name}) for each in term.get("matchFields") or [])
    return fields and all(selectors.expression(each, labels) for each in term.get("matchExpressions") or [])


def _affinity_terms(spec: Object) -> Iterator[Object]:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    yield from (affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or []
