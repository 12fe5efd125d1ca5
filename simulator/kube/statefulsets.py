"""The StatefulSet controller: pods with ordinals, made, replaced and taken away one after the other.

Follows k8s.io/kubernetes pkg/controller/statefulset (`stateful_set_control.go`, `stateful_set_utils.go`). Each sync
stops where the next pod has to wait for the one before, and what happens to that brings the next sync about.
"""

from simulator.clock import Clock
from simulator.kube import workloads
from simulator.kube.errors import KubeError
from simulator.kube.events import Recorder
from simulator.kube.resources import BY_NAME
from simulator.kube.store import Event, Key, Object, Store, copy, key_of
from simulator.kube.worker import Worker
from simulator.kube.workloads import HASH, Revisions
from simulator.kube.writes import DeleteOptions, Writes

_STATEFUL_SETS, _PODS, _CLAIMS = (BY_NAME[name] for name in ("statefulsets", "pods", "persistentvolumeclaims"))
_COMPONENT = "statefulset-controller"
_RETRY = 10.0


class StatefulSets:
    """Keeps the pods of StatefulSets, and counts them."""

    def __init__(self, store: Store, writes: Writes, clock: Clock, recorder: Recorder) -> None:
        self._store = store
        self._writes = writes
        self._clock = clock
        self._recorder = recorder
        self._revisions = Revisions(store, writes)
        self._worker = Worker(clock, self.sync)
        store.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.resource is _STATEFUL_SETS and event.type != "DELETED":
            self._worker.add(key_of(event.object))
        elif event.resource is _PODS:
            for owner in workloads.owners_of(event.object, "StatefulSet"):
                self._worker.add(owner)

    def sync(self, key: Key) -> None:
        """Bring one StatefulSet a step nearer to what it wants."""
        stateful_set = self._store.get(_STATEFUL_SETS, key)
        if stateful_set is None:
            return
        update = self._revisions.of_template(stateful_set)
        current = self._current(stateful_set, update)
        pods = {_ordinal(pod): pod for pod in workloads.pods_of(self._store, stateful_set)}
        status = self._status(stateful_set, pods, current["metadata"]["name"], update["metadata"]["name"])
        if "deletionTimestamp" not in stateful_set["metadata"]:
            self._step(stateful_set, pods, current, update)
        live = self._store.get(_STATEFUL_SETS, key)
        if live is not None:
            self._writes.save(_STATEFUL_SETS, live | {"status": status})
        used = [pod["metadata"]["labels"].get(HASH, "") for pod in pods.values()]
        self._revisions.truncate(stateful_set, [*used, status["currentRevision"], status["updateRevision"]])

    def _current(self, stateful_set: Object, update: Object) -> Object:
        """Return the revision that the set comes from; of a new set it is the one that it goes to."""
        name = stateful_set.get("status", {}).get("currentRevision")
        known = self._revisions.all_of(stateful_set)
        return next((each for each in known if each["metadata"]["name"] == name), update)

    def _step(self, stateful_set: Object, pods: dict[int, Object], current: Object, update: Object) -> None:
        wanted = _ordinals(stateful_set)
        ordered = stateful_set["spec"]["podManagementPolicy"] == "OrderedReady"
        for ordinal in wanted:
            pod = pods.get(ordinal)
            if pod is None:
                revision = update if ordinal >= _partition(stateful_set) else current
                settled = self._create(stateful_set, ordinal, revision) and not ordered
            else:
                settled = self._tend(stateful_set, pod) or not ordered
            if not settled:
                return
        condemned = sorted((each for each in pods if each not in wanted), reverse=True)
        for ordinal in condemned:
            self._delete(stateful_set, pods[ordinal])
            if ordered:
                return
        self._roll(stateful_set, pods, update["metadata"]["name"])

    def _tend(self, stateful_set: Object, pod: Object) -> bool:
        """Replace a pod that ended; return whether the pod is well, so that the next one's turn has come."""
        if not workloads.is_active(pod):
            self._delete(stateful_set, pod)
            return False
        return self._is_available(stateful_set, pod)

    def _roll(self, stateful_set: Object, pods: dict[int, Object], update: str) -> None:
        """Take away the next old pod, from the last one down to the partition, unless a later one is not well yet."""
        if stateful_set["spec"]["updateStrategy"]["type"] != "RollingUpdate":
            return
        for ordinal in sorted(_ordinals(stateful_set), reverse=True):
            pod = pods.get(ordinal)
            if ordinal < _partition(stateful_set) or pod is None:
                return
            if pod["metadata"]["labels"].get(HASH) != update:
                self._delete(stateful_set, pod)
                return
            if workloads.is_terminating(pod) or not self._is_available(stateful_set, pod):
                return

    def _is_available(self, stateful_set: Object, pod: Object) -> bool:
        """Return whether a pod has been ready for minReadySeconds; if not, look again when it will have."""
        least = int(stateful_set["spec"].get("minReadySeconds", 0))
        left = workloads.until_available(pod, least, self._clock.now())
        if left:
            self._worker.add_after(key_of(stateful_set), left)
        return left == 0

    def _create(self, stateful_set: Object, ordinal: int, revision: Object) -> bool:
        """Make a pod and its claims; return whether that worked."""
        try:
            claims = self._claim(stateful_set, ordinal)
            pod = self._writes.adopt(_PODS, self._pod(stateful_set, ordinal, revision, claims))
        except KubeError as error:
            name = stateful_set["metadata"]["name"]
            words = f"create Pod {name}-{ordinal} in StatefulSet {name} failed error: {error.message}"
            self._recorder.record(stateful_set, "Warning", "FailedCreate", words, {"component": _COMPONENT})
            self._worker.add_after(key_of(stateful_set), _RETRY)
            return False
        self._tell(stateful_set, "create", pod)
        return True

    def _claim(self, stateful_set: Object, ordinal: int) -> list[Object]:
        """Make the claims of a pod that are not there yet; return the volumes that mount them."""
        namespace = stateful_set["metadata"]["namespace"]
        volumes = []
        for template in stateful_set["spec"].get("volumeClaimTemplates") or []:
            volume = template["metadata"]["name"]
            name = f"{volume}-{stateful_set['metadata']['name']}-{ordinal}"
            volumes.append({"name": volume, "persistentVolumeClaim": {"claimName": name}})
            if self._store.get(_CLAIMS, (namespace, name)) is None:
                labels = stateful_set["spec"]["selector"].get("matchLabels") or {}
                metadata = {"name": name, "namespace": namespace, "labels": dict(labels)}
                claim = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": metadata}
                self._writes.adopt(_CLAIMS, claim | {"spec": copy(template["spec"])})
        return volumes

    def _pod(self, stateful_set: Object, ordinal: int, revision: Object, volumes: list[Object]) -> Object:
        name = f"{stateful_set['metadata']['name']}-{ordinal}"
        labels = {
            "apps.kubernetes.io/pod-index": str(ordinal),
            HASH: revision["metadata"]["name"],
            "statefulset.kubernetes.io/pod-name": name,
        }
        pod = workloads.new_pod(stateful_set, workloads.template_of(revision), name, labels)
        pod["metadata"]["generateName"] = f"{stateful_set['metadata']['name']}-"
        pod["spec"]["hostname"] = name
        if stateful_set["spec"].get("serviceName"):
            pod["spec"]["subdomain"] = stateful_set["spec"]["serviceName"]
        if volumes:
            own = {each["name"] for each in volumes}
            kept = [each for each in pod["spec"].get("volumes") or [] if each["name"] not in own]
            pod["spec"]["volumes"] = [*volumes, *kept]
        return pod

    def _delete(self, stateful_set: Object, pod: Object) -> None:
        if not workloads.is_terminating(pod):
            self._writes.delete(_PODS, key_of(pod), DeleteOptions())
            self._tell(stateful_set, "delete", pod)

    def _tell(self, stateful_set: Object, verb: str, pod: Object) -> None:
        name = stateful_set["metadata"]["name"]
        message = f"{verb} Pod {pod['metadata']['name']} in StatefulSet {name} successful"
        self._recorder.normal(stateful_set, f"Successful{verb.title()}", message, _COMPONENT)

    def _status(self, stateful_set: Object, pods: dict[int, Object], current: str, update: str) -> Object:
        active = [pod for pod in pods.values() if not workloads.is_terminating(pod)]
        by_revision = [pod["metadata"]["labels"].get(HASH) for pod in active]
        counters = {
            "readyReplicas": sum(bool(workloads.ready_since(pod)) for pod in pods.values()),
            "currentReplicas": by_revision.count(current),
            "updatedReplicas": by_revision.count(update),
        }
        replicas = stateful_set["spec"]["replicas"]
        rolls = stateful_set["spec"]["updateStrategy"]["type"] == "RollingUpdate"
        if rolls and counters["updatedReplicas"] == counters["readyReplicas"] == len(pods) == replicas:
            current, counters["currentReplicas"] = update, counters["updatedReplicas"]
        return {
            "observedGeneration": stateful_set["metadata"]["generation"],
            "replicas": len(pods),
            **{name: value for name, value in counters.items() if value},
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": 0,
            "availableReplicas": sum(self._is_available(stateful_set, pod) for pod in active),
        }


def _ordinal(pod: Object) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _ordinals(stateful_set: Object) -> range:
    start = int((stateful_set["spec"].get("ordinals") or {}).get("start", 0))
    return range(start, start + int(stateful_set["spec"]["replicas"]))


def _partition(stateful_set: Object) -> int:
    """Return the ordinal from which on pods are of the new revision."""
    strategy = stateful_set["spec"]["updateStrategy"]
    return int((strategy.get("rollingUpdate") or {}).get("partition", 0)) if strategy["type"] == "RollingUpdate" else 0
