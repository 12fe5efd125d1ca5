"""One Kubernetes cluster: the facade that the rest of the simulator talks to."""

import random
from collections.abc import Mapping, Sequence

from simulator.clock import Clock
from simulator.http import Request, Response, TransportAbortError
from simulator.kube import bootstrap, errors
from simulator.kube.access import Access
from simulator.kube.api import Api
from simulator.kube.bootstrap import NodeSpec
from simulator.kube.changes import Changes
from simulator.kube.daemonsets import DaemonSets
from simulator.kube.deployments import Deployments
from simulator.kube.events import Recorder
from simulator.kube.garbage import Garbage
from simulator.kube.kubelet import Kubelet
from simulator.kube.player import Node, Timings
from simulator.kube.pull import Pull
from simulator.kube.replicasets import ReplicaSets
from simulator.kube.resources import BY_NAME
from simulator.kube.roles import UserSpec
from simulator.kube.scheduler import Scheduler
from simulator.kube.services import Addresses, Ranges
from simulator.kube.statefulsets import StatefulSets
from simulator.kube.store import Object, Store, copy
from simulator.kube.times import stamp
from simulator.kube.version import Version
from simulator.kube.volumes import Volumes
from simulator.kube.writes import DeleteOptions, Options, Writes

_HELM = Options("helm")


class Cluster:
    """A cluster that answers its API and moves by itself in simulated time.

    Args:
        name: Its name in the world; also the seed of its random choices.
        clock: Simulated time.
        pull: Answers the kubelets' pulls.
        version: The server's version; below 1.33 it has neither ServiceCIDRs nor IPAddresses.
        service_cidrs: The ranges of service addresses.
        nodes: Its nodes.
        storage_classes: The first one is the default; none leaves claims pending.
        namespaces: Beside those that every cluster has.
        tokens: Users by bearer token; None lets everybody in as administrator.
        image_pull: Seconds that a node takes to pull an image.
        container_start: Seconds from a container's creation to its start.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        pull: Pull,
        *,
        version: str = "1.36.2",
        service_cidrs: Sequence[str] = ("10.96.0.0/16",),
        nodes: Sequence[NodeSpec] = (NodeSpec("node-1"),),
        storage_classes: Sequence[str] = ("standard",),
        namespaces: Sequence[str] = ("default",),
        tokens: Mapping[str, UserSpec] | None = None,
        image_pull: float = 3.0,
        container_start: float = 1.0,
    ) -> None:
        self.name = name
        self.logs: dict[tuple[str, str], list[str]] = {}
        """Lines by (namespace, pod), for the log of a pod."""
        self._connected = True
        self._clock = clock
        self._version = Version(version)
        chance = random.Random(name)
        minor = self._version.minor
        self._store = Store()
        self._writes = Writes(self._store, clock, Addresses(self._store, minor, service_cidrs, chance), chance)
        recorder = Recorder(self._store, clock, chance)
        self._volumes = Volumes(self._store, self._writes, clock, recorder)
        bootstrap.prepare(
            self._writes,
            self._version,
            ranges=service_cidrs,
            nodes=nodes,
            classes=storage_classes,
            namespaces=namespaces,
            users=(tokens or {}).values(),
            now=self._now(),
        )
        self._start(recorder, pull, Timings(image_pull, container_start), chance)
        changes = Changes(self._store, self._writes)
        users = Access(self._store, tokens)
        self._api = Api(self._store, changes, users, self._version, now=self._now, logs=self._log)

    def _start(self, recorder: Recorder, pull: Pull, timings: Timings, chance: random.Random) -> None:
        """Start the controllers, which listen to the store and to the clock."""
        store, writes, clock = self._store, self._writes, self._clock
        counts = self._version.counts_terminating
        Deployments(store, writes, clock, recorder, counts_terminating=counts)
        ReplicaSets(store, writes, clock, recorder, counts_terminating=counts)
        DaemonSets(store, writes, clock, recorder)
        StatefulSets(store, writes, clock, recorder)
        Scheduler(store, writes, clock, recorder)
        Kubelet(Node(store, writes, clock, recorder, pull, timings), chance)
        Garbage(store, writes, clock)
        Ranges(store, clock)

    @property
    def connected(self) -> bool:
        """Whether the API can be reached; turning it off also cuts the open watches."""
        return self._connected

    @connected.setter
    def connected(self, value: bool) -> None:
        self._connected = value
        if not value:
            for watch in self._api.watches:
                watch.abort()
            self._api.watches.clear()

    def compact(self) -> None:
        """Forget the history: older resourceVersions and continue tokens are expired from now on."""
        self._store.compact()

    def create(self, resource: str, obj: Object) -> Object:
        """Create an object through full admission, as a Helm chart does in the cluster.

        Args:
            resource: The plural name, for example `services`.
            obj: With its namespace in its metadata; kind and apiVersion may be left out.

        Raises:
            KubeError: With the Status that the API would answer.
        """
        table = BY_NAME[resource]
        body = {"kind": table.kind, "apiVersion": table.api_version} | obj
        namespace = obj["metadata"].get("namespace", "default") if table.namespaced else ""
        return _given(self._writes.create(table, namespace, body, _HELM))

    def delete(self, resource: str, namespace: str | None, name: str) -> None:
        """Delete an object in the background, as the API does; KubeError when there is none."""
        self._writes.delete(BY_NAME[resource], (namespace or "", name), DeleteOptions())

    def get(self, resource: str, namespace: str | None, name: str) -> Object | None:
        """Return a copy of an object, None when there is none."""
        obj = self._store.get(BY_NAME[resource], (namespace or "", name))
        return None if obj is None else _given(obj)

    async def handle(self, request: Request) -> Response:
        """Answer a request whose path is relative to the cluster; abort it when the cluster is unreachable."""
        if not self._connected:
            raise TransportAbortError
        return self._api.handle(request)

    def list(self, resource: str, namespace: str = "") -> "list[Object]":
        """Return copies of the objects of a resource; of one namespace when it is named."""
        return [_given(obj) for obj in self._store.items(BY_NAME[resource], namespace)]

    def storage_class(self, name: str | None) -> str | None:
        """Return the class that a claim gets: the named one, or the default; None when there is none such."""
        return self._volumes.resolve(name)

    def _now(self) -> str:
        return stamp(self._clock.now())

    def _log(self, pod: Object, query: Mapping[str, str]) -> str:
        key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        lines = self.logs.get(key)
        if lines is None:
            _refuse_waiting(pod, query.get("container", ""))
            lines = []
        if query.get("tailLines"):
            lines = lines[-int(query["tailLines"]) :] if int(query["tailLines"]) else []
        return "".join(f"{line}\n" for line in lines)


def _refuse_waiting(pod: Object, container: str) -> None:
    """Refuse the log of a container that has not started, in the kubelet's words."""
    for status in pod["status"].get("containerStatuses") or []:
        if container and status["name"] != container:
            continue
        reason = status["state"].get("waiting", {}).get("reason")
        if reason and not status["lastState"]:
            pulling = reason in {"ErrImagePull", "ImagePullBackOff"}
            why = "trying and failing to pull image" if pulling else reason
            subject = f'container "{status["name"]}" in pod "{pod["metadata"]["name"]}"'
            raise errors.bad_request(f"{subject} is waiting to start: {why}")


def _given(obj: Object) -> Object:
    given: Object = copy(obj)
    return given
