"""The DaemonSet controller: one pod on each node that it fits.

Follows k8s.io/kubernetes pkg/controller/daemon (`daemon_controller.go`, `update.go`). Pods are bound to their node by a
node affinity and placed by the scheduler, as there.
"""

from collections.abc import Mapping

from simulator.clock import Clock
from simulator.kube import scheduler, workloads
from simulator.kube.errors import KubeError
from simulator.kube.events import Recorder
from simulator.kube.resources import BY_NAME
from simulator.kube.store import Event, Key, Object, Store, key_of
from simulator.kube.worker import Worker
from simulator.kube.workloads import HASH, Revisions
from simulator.kube.writes import DeleteOptions, Writes

_DAEMON_SETS, _PODS, _NODES = (BY_NAME[name] for name in ("daemonsets", "pods", "nodes"))
_COMPONENT = "daemonset-controller"
_RETRY = 10.0
_TOLERATED = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)
"""What a daemon's pod puts up with on its node, whatever its template says."""

OnNode = Mapping[str, list[Object]]
"""The active pods of a DaemonSet by node, the oldest first."""


class DaemonSets:
    """Makes and deletes the pods of DaemonSets, and counts them."""

    def __init__(self, store: Store, writes: Writes, clock: Clock, recorder: Recorder) -> None:
        self._store = store
        self._writes = writes
        self._clock = clock
        self._recorder = recorder
        self._revisions = Revisions(store, writes)
        self._worker = Worker(clock, self.sync)
        store.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.resource is _DAEMON_SETS and event.type != "DELETED":
            self._worker.add(key_of(event.object))
        elif event.resource is _PODS:
            for owner in workloads.owners_of(event.object, "DaemonSet"):
                self._worker.add(owner)
        elif event.resource is _NODES:
            for each in self._store.items(_DAEMON_SETS):
                self._worker.add(key_of(each))

    def sync(self, key: Key) -> None:
        """Bring one DaemonSet's pods and status up to date."""
        daemon_set = self._store.get(_DAEMON_SETS, key)
        if daemon_set is None:
            return
        revision = self._revisions.of_template(daemon_set)
        digest = revision["metadata"]["labels"][HASH]
        if "deletionTimestamp" not in daemon_set["metadata"]:
            self._place(daemon_set, digest)
            if daemon_set["spec"]["updateStrategy"]["type"] == "RollingUpdate":
                self._roll(daemon_set, digest)
            self._revisions.truncate(daemon_set, self._used(daemon_set, revision))
        self._write_status(key, daemon_set, digest)

    def _used(self, daemon_set: Object, revision: Object) -> list[str]:
        hashes = {pod["metadata"]["labels"].get(HASH) for pod in workloads.pods_of(self._store, daemon_set)}
        known = self._revisions.all_of(daemon_set)
        used = [each["metadata"]["name"] for each in known if each["metadata"]["labels"][HASH] in hashes]
        return [*used, revision["metadata"]["name"]]

    def _on_nodes(self, daemon_set: Object) -> OnNode:
        found: dict[str, list[Object]] = {}
        pods = [pod for pod in workloads.pods_of(self._store, daemon_set) if not workloads.is_terminating(pod)]
        for pod in sorted(pods, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"])):
            found.setdefault(_node_of(pod), []).append(pod)
        return found

    def _fits(self, daemon_set: Object, *, running: bool = False) -> list[str]:
        """Return the nodes that want a pod, or let a running one stay: selected, without a taint that keeps it away."""
        probe = self._pod(daemon_set, "", "")
        nodes = self._store.items(_NODES)
        return [each["metadata"]["name"] for each in nodes if not scheduler.unwilling(probe, each, running=running)]

    def _place(self, daemon_set: Object, digest: str) -> None:
        """Make what is missing; delete pods that ended, and those on nodes that want none."""
        fitting, placed = self._fits(daemon_set), self._on_nodes(daemon_set)
        surging = _surge(daemon_set, len(fitting)) > 0
        for node in fitting:
            ended = [pod for pod in placed.get(node, []) if not workloads.is_active(pod)]
            running = [pod for pod in placed.get(node, []) if workloads.is_active(pod)]
            for pod in [*ended, *([] if surging else running[1:])]:
                self._delete(daemon_set, pod)
            if not running and not self._is_leaving(daemon_set, node):
                self._create(daemon_set, node, digest)
        staying = self._fits(daemon_set, running=True)
        for node, pods in placed.items():
            for pod in pods if node not in staying else []:
                self._delete(daemon_set, pod)

    def _is_leaving(self, daemon_set: Object, node: str) -> bool:
        """Return whether the last pod of a node has not gone yet: there is never more than one without surge."""
        pods = workloads.pods_of(self._store, daemon_set)
        return any(workloads.is_terminating(pod) and _node_of(pod) == node for pod in pods)

    def _roll(self, daemon_set: Object, digest: str) -> None:
        """Replace old pods: those that do not work at once, the others as maxUnavailable or maxSurge allow."""
        fitting, placed = self._fits(daemon_set), self._on_nodes(daemon_set)
        old = {node: next((pod for pod in placed.get(node, []) if not _is_new(pod, digest)), None) for node in fitting}
        new = {node: next((pod for pod in placed.get(node, []) if _is_new(pod, digest)), None) for node in fitting}
        surge = _surge(daemon_set, len(fitting))
        if surge:
            self._surge(daemon_set, digest, (old, new), surge)
            return
        rolling = daemon_set["spec"]["updateStrategy"]["rollingUpdate"]
        most = workloads.number(rolling["maxUnavailable"], len(fitting))
        working = {node: self._is_available(daemon_set, old[node] or new[node]) for node in fitting}
        room = most - sum(not works for works in working.values())
        for node, pod in old.items():
            if pod is not None and (not working[node] or room > 0):
                room -= working[node]
                self._delete(daemon_set, pod)

    def _surge(self, daemon_set: Object, digest: str, pods: tuple[Mapping[str, Object | None], ...], most: int) -> None:
        """Start new pods beside old ones, which go when the new ones work."""
        old, new = pods
        busy = sum(old[node] is not None and new[node] is not None for node in old)
        for node, pod in old.items():
            if pod is None:
                continue
            if self._is_available(daemon_set, new[node]) or not self._is_available(daemon_set, pod):
                self._delete(daemon_set, pod)
            elif new[node] is None and busy < most:
                busy += 1
                self._create(daemon_set, node, digest)

    def _is_available(self, daemon_set: Object, pod: Object | None) -> bool:
        """Return whether a pod has been ready for minReadySeconds; if not, look again when it will have."""
        least = int(daemon_set["spec"].get("minReadySeconds", 0))
        left = None if pod is None else workloads.until_available(pod, least, self._clock.now())
        if left:
            self._worker.add_after(key_of(daemon_set), left)
        return left == 0

    def _pod(self, daemon_set: Object, node: str, digest: str) -> Object:
        name = self._writes.generated_name(f"{daemon_set['metadata']['name']}-") if node else ""
        pod = workloads.new_pod(daemon_set, daemon_set["spec"]["template"], name, {HASH: digest})
        pod["metadata"]["generateName"] = f"{daemon_set['metadata']['name']}-"
        tolerated = [{"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": e} for key, e in _TOLERATED]
        pod["spec"]["tolerations"] = [*(pod["spec"].get("tolerations") or []), *tolerated]
        if node:
            scheduler.pin(pod["spec"], node)
        return pod

    def _create(self, daemon_set: Object, node: str, digest: str) -> None:
        try:
            pod = self._writes.adopt(_PODS, self._pod(daemon_set, node, digest))
        except KubeError as error:
            words, source = f"Error creating: {error.message}", {"component": _COMPONENT}
            self._recorder.record(daemon_set, "Warning", "FailedCreate", words, source)
            self._worker.add_after(key_of(daemon_set), _RETRY)
            return
        message = f"Created pod: {pod['metadata']['name']}"
        self._recorder.normal(daemon_set, "SuccessfulCreate", message, _COMPONENT)

    def _delete(self, daemon_set: Object, pod: Object) -> None:
        self._writes.delete(_PODS, key_of(pod), DeleteOptions())
        self._recorder.normal(daemon_set, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}", _COMPONENT)

    def _write_status(self, key: Key, daemon_set: Object, digest: str) -> None:
        fitting, placed = self._fits(daemon_set), self._on_nodes(daemon_set)
        wanted = [placed[node] for node in fitting if node in placed]
        ready = [pods for pods in wanted if any(workloads.ready_since(pod) for pod in pods)]
        available = [pods for pods in ready if any(self._is_available(daemon_set, pod) for pod in pods)]
        updated = [pods for pods in wanted if any(_is_new(pod, digest) for pod in pods)]
        optional = {
            "updatedNumberScheduled": len(updated),
            "numberAvailable": len(available),
            "numberUnavailable": len(fitting) - len(available),
        }
        status = {
            "currentNumberScheduled": len(wanted),
            "numberMisscheduled": sum(node not in fitting for node in placed),
            "desiredNumberScheduled": len(fitting),
            "numberReady": len(ready),
            "observedGeneration": daemon_set["metadata"]["generation"],
            **{name: value for name, value in optional.items() if value},
        }
        current = self._store.get(_DAEMON_SETS, key)
        if current is not None:
            self._writes.save(_DAEMON_SETS, current | {"status": status})


def _node_of(pod: Object) -> str:
    """Return a pod's node, or the one that it is meant for."""
    return str(pod["spec"].get("nodeName") or scheduler.pinned(pod["spec"]))


def _is_new(pod: Object, digest: str) -> bool:
    return bool(pod["metadata"]["labels"].get(HASH) == digest)


def _surge(daemon_set: Object, nodes: int) -> int:
    strategy = daemon_set["spec"]["updateStrategy"]
    if strategy["type"] != "RollingUpdate":
        return 0
    return workloads.number(strategy["rollingUpdate"].get("maxSurge", 0), nodes)
