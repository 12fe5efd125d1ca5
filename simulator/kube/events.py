"""Events, as controllers, scheduler and kubelet record them.

Shapes are the captured ones: client-go's recorder counts repeated events up; the scheduler writes through
events.k8s.io, whose events show as `eventTime` and `action` with an empty source and no count.
"""

import random
import uuid

from simulator.clock import Clock
from simulator.kube.resources import BY_NAME
from simulator.kube.store import Object, Store
from simulator.kube.times import micro, stamp

_EVENTS, _NAMESPACES = BY_NAME["events"], BY_NAME["namespaces"]


class Recorder:
    """Writes events about objects."""

    def __init__(self, store: Store, clock: Clock, chance: random.Random) -> None:
        self._store = store
        self._clock = clock
        self._chance = chance
        self._names: dict[tuple[str, str, str, str], str] = {}

    def normal(self, about: Object, reason: str, message: str, component: str) -> None:
        """Record that a controller did something."""
        self.record(about, "Normal", reason, message, {"component": component})

    def record(
        self, about: Object, kind: str, reason: str, message: str, source: Object, *, container: str = ""
    ) -> None:
        """Record an event, or count it up when it was recorded before.

        Args:
            about: The object that it is about.
            kind: `Normal` or `Warning`.
            reason: A word such as `Pulling`.
            message: A sentence.
            source: The component, and the host of a kubelet.
            container: The container of a pod that it is about.
        """
        known = (about["metadata"]["uid"], container, reason, message)
        namespace = about["metadata"].get("namespace", "default")
        now = stamp(self._clock.now())
        before = self._store.get(_EVENTS, (namespace, self._names.get(known, "")))
        if before is not None:
            self._put(before | {"lastTimestamp": now, "count": before["count"] + 1})
            return
        event = self._event(about, kind, reason, message, container)
        event |= {"source": source, "firstTimestamp": now, "lastTimestamp": now, "count": 1, "eventTime": None}
        event |= {"reportingComponent": source["component"], "reportingInstance": source.get("host", "")}
        self._names[known] = event["metadata"]["name"]
        self._put(event)

    def scheduler(self, pod: Object, kind: str, reason: str, message: str, action: str) -> None:
        """Record what the scheduler did with a pod."""
        event = self._event(pod, kind, reason, message, "")
        event |= {"source": {}, "firstTimestamp": None, "lastTimestamp": None}
        event |= {"eventTime": micro(self._clock.now()), "action": action}
        event |= {"reportingComponent": "default-scheduler", "reportingInstance": "default-scheduler-vm"}
        self._put(event)

    def _event(self, about: Object, kind: str, reason: str, message: str, container: str) -> Object:
        metadata = about["metadata"]
        name = f"{metadata['name']}.{self._chance.getrandbits(60):x}"
        involved = {"kind": about["kind"], "namespace": metadata.get("namespace"), "name": metadata["name"]}
        involved |= {"uid": metadata["uid"], "apiVersion": about["apiVersion"]}
        involved["resourceVersion"] = metadata["resourceVersion"]
        if container:
            involved["fieldPath"] = f"spec.containers{{{container}}}"
        own = {"name": name, "namespace": metadata.get("namespace", "default")}
        own |= {"uid": str(uuid.UUID(int=self._chance.getrandbits(128), version=4))}
        own["creationTimestamp"] = stamp(self._clock.now())
        event = {"kind": "Event", "apiVersion": "v1", "metadata": own}
        event |= {"involvedObject": {name: value for name, value in involved.items() if value is not None}}
        return event | {"reason": reason, "message": message, "type": kind}

    def _put(self, event: Object) -> None:
        home = self._store.get(_NAMESPACES, ("", event["metadata"]["namespace"]))
        if home is not None and "deletionTimestamp" not in home["metadata"]:
            self._store.put(_EVENTS, event)
