"""The ReplicaSet controller: as many pods as asked for, and the counters that Deployments live by.

Follows k8s.io/kubernetes pkg/controller/replicaset. As there, a status is computed from the pods seen before
a sync made or deleted any, so that the counters trail by one sync (captured: replicas 0 with
observedGeneration 1, then replicas 1).
"""

from collections.abc import Sequence

from simulator.clock import Clock
from simulator.kube import workloads
from simulator.kube.errors import KubeError
from simulator.kube.events import Recorder
from simulator.kube.resources import BY_NAME
from simulator.kube.store import Event, Key, Object, Store, key_of
from simulator.kube.times import stamp
from simulator.kube.worker import Worker
from simulator.kube.workloads import is_active, ready_since
from simulator.kube.writes import DeleteOptions, Writes

_REPLICA_SETS, _PODS = BY_NAME["replicasets"], BY_NAME["pods"]
_COMPONENT = "replicaset-controller"
_RETRY = 10.0


class ReplicaSets:
    """Makes and deletes pods, and counts them.

    Args:
        store: The objects.
        writes: Makes pods.
        clock: For minReadySeconds.
        recorder: Takes the events.
        counts_terminating: Whether statuses have `terminatingReplicas` (1.35 and later).
    """

    def __init__(
        self, store: Store, writes: Writes, clock: Clock, recorder: Recorder, *, counts_terminating: bool
    ) -> None:
        self._store = store
        self._writes = writes
        self._clock = clock
        self._recorder = recorder
        self._counts_terminating = counts_terminating
        self._worker = Worker(clock, self.sync)
        store.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.resource is _REPLICA_SETS and event.type != "DELETED":
            self._worker.add(key_of(event.object))
        elif event.resource is _PODS:
            for owner in workloads.owners_of(event.object, "ReplicaSet"):
                self._worker.add(owner)

    def sync(self, key: Key) -> None:
        """Bring one ReplicaSet's pods and status up to date."""
        replica_set = self._store.get(_REPLICA_SETS, key)
        if replica_set is None:
            return
        pods = workloads.pods_of(self._store, replica_set)
        active = [pod for pod in pods if is_active(pod)]
        failure = ""
        if "deletionTimestamp" not in replica_set["metadata"]:
            failure = self._manage(replica_set, active)
        status = self._status(replica_set, active)
        if self._counts_terminating:
            status["terminatingReplicas"] = sum("deletionTimestamp" in pod["metadata"] for pod in pods)
        self._fail(replica_set, status, failure)
        current = self._store.get(_REPLICA_SETS, key)
        if current is not None:
            self._writes.save(_REPLICA_SETS, current | {"status": status})

    def _manage(self, replica_set: Object, active: list[Object]) -> str:
        """Make or delete pods; return why one could not be made."""
        missing = replica_set["spec"]["replicas"] - len(active)
        for _ in range(missing):
            try:
                pod = self._writes.adopt(_PODS, self._pod(replica_set))
            except KubeError as error:
                words, source = f"Error creating: {error.message}", {"component": _COMPONENT}
                self._recorder.record(replica_set, "Warning", "FailedCreate", words, source)
                self._worker.add_after(key_of(replica_set), _RETRY)
                return error.message
            message = f"Created pod: {pod['metadata']['name']}"
            self._recorder.normal(replica_set, "SuccessfulCreate", message, _COMPONENT)
        for pod in sorted(active, key=_victim_rank)[: max(0, -missing)]:
            self._writes.delete(_PODS, key_of(pod), DeleteOptions())
            message = f"Deleted pod: {pod['metadata']['name']}"
            self._recorder.normal(replica_set, "SuccessfulDelete", message, _COMPONENT)
        return ""

    def _pod(self, replica_set: Object) -> Object:
        prefix = f"{replica_set['metadata']['name']}-"
        name = self._writes.generated_name(prefix)
        pod = workloads.new_pod(replica_set, replica_set["spec"]["template"], name)
        return pod | {"metadata": pod["metadata"] | {"generateName": prefix}}

    def _status(self, replica_set: Object, active: Sequence[Object]) -> Object:
        ready = [pod for pod in active if ready_since(pod)]
        available = [pod for pod in ready if self._is_available(replica_set, pod)]
        status: Object = {"replicas": len(active)}
        counters = {
            "fullyLabeledReplicas": len(active),
            "readyReplicas": len(ready),
            "availableReplicas": len(available),
        }
        status |= {name: value for name, value in counters.items() if value}
        return status | {"observedGeneration": replica_set["metadata"]["generation"]}

    def _fail(self, replica_set: Object, status: Object, failure: str) -> None:
        """Say in a condition that pods cannot be made; the first failure's words stay."""
        before = (replica_set.get("status") or {}).get("conditions")
        if failure and before:
            status["conditions"] = before
        elif failure:
            changed = stamp(self._clock.now())
            condition = {"type": "ReplicaFailure", "status": "True", "lastTransitionTime": changed}
            status["conditions"] = [condition | {"reason": "FailedCreate", "message": failure}]

    def _is_available(self, replica_set: Object, pod: Object) -> bool:
        """Return whether a ready pod has been so for minReadySeconds; if not, look again when it will have."""
        left = workloads.until_available(pod, replica_set["spec"].get("minReadySeconds", 0), self._clock.now())
        if left:
            self._worker.add_after(key_of(replica_set), left)
        return left == 0


def _victim_rank(pod: Object) -> tuple[bool, bool, str]:
    """Pods on no node go first, then those not ready, then the youngest ready (`ActivePodsWithRanks`)."""
    since = ready_since(pod)
    inverted = "".join(chr(0x10FFFF - ord(char)) for char in since)
    return bool(pod["spec"].get("nodeName")), bool(since), inverted
