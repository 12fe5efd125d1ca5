"""What follows a deletion: dependents, finalizers, the contents of a namespace.

Imitates the garbage collector (background, foreground and orphan propagation) and the namespace controller;
the order of events under foreground deletion was compared with the capture scenario_delete: ReplicaSets
without pods go first, then the pods, then their ReplicaSet, the Deployment last.
"""

from collections.abc import Iterator

from simulator.clock import Clock
from simulator.kube.resources import BY_NAME, TABLE, Resource
from simulator.kube.store import Event, Key, Object, Store, key_of
from simulator.kube.worker import Worker
from simulator.kube.writes import DeleteOptions, Writes

_CLAIMS, _EVENTS, _NAMESPACES, _PODS = (
    BY_NAME[name] for name in ("persistentvolumeclaims", "events", "namespaces", "pods")
)
_NAMESPACED = tuple(resource for resource in TABLE if resource.namespaced and resource.stored)
_PROTECTION = "kubernetes.io/pvc-protection"


class Garbage:
    """Finishes deletions."""

    def __init__(self, store: Store, writes: Writes, clock: Clock) -> None:
        self._store = store
        self._writes = writes
        self._clock = clock
        self._namespaces = Worker(clock, self._empty_namespace)
        self._marked: dict[str, Worker] = {}
        store.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.resource is _EVENTS:
            return
        metadata = event.object["metadata"]
        if event.type == "DELETED":
            self._clock.after(0.02, lambda: self._orphaned(metadata))
            self._look_again(event)
        elif "deletionTimestamp" in metadata:
            if event.resource is _NAMESPACES:
                self._namespaces.add(key_of(event.object))
            elif metadata.get("finalizers"):
                self._worker(event.resource).add(key_of(event.object))

    def _look_again(self, event: Event) -> None:
        """A deletion may be what an owner, a claim or a namespace waits for."""
        metadata = event.object["metadata"]
        namespace = metadata.get("namespace", "")
        for owner in metadata.get("ownerReferences") or []:
            resource = next((each for each in TABLE if each.kind == owner["kind"]), None)
            if resource:
                self._worker(resource).add((namespace, owner["name"]))
        if event.resource is _PODS:
            for claim in self._store.items(_CLAIMS, namespace):
                self._worker(_CLAIMS).add(key_of(claim))
        home = self._store.get(_NAMESPACES, ("", namespace))
        if home and "deletionTimestamp" in home["metadata"]:
            self._namespaces.add(("", namespace))

    def _worker(self, resource: Resource) -> Worker:
        if resource.name not in self._marked:
            self._marked[resource.name] = Worker(self._clock, lambda key: self._finalize(resource, key))
        return self._marked[resource.name]

    def _dependents(self, uid: str, namespace: str) -> Iterator[tuple[Resource, Object]]:
        for resource in _NAMESPACED:
            for obj in self._store.items(resource, namespace):
                if any(owner["uid"] == uid for owner in obj["metadata"].get("ownerReferences") or []):
                    yield resource, obj

    def _orphaned(self, owner: Object) -> None:
        """Delete what an object that is gone owned."""
        for resource, obj in self._dependents(owner["uid"], owner.get("namespace", "")):
            if "deletionTimestamp" not in obj["metadata"]:
                self._writes.delete(resource, key_of(obj), DeleteOptions())

    def _finalize(self, resource: Resource, key: Key) -> None:
        """Do what the finalizers of a marked object stand for."""
        obj = self._store.get(resource, key)
        if obj is None or "deletionTimestamp" not in obj["metadata"]:
            return
        finalizers = obj["metadata"].get("finalizers") or []
        if "orphan" in finalizers:
            self._disown(obj)
            self._release(resource, obj, "orphan")
        elif "foregroundDeletion" in finalizers and self._dependents_gone(obj):
            self._release(resource, obj, "foregroundDeletion")
        elif _PROTECTION in finalizers and not self._is_mounted(obj):
            self._release(resource, obj, _PROTECTION)

    def _disown(self, owner: Object) -> None:
        uid = owner["metadata"]["uid"]
        for resource, obj in list(self._dependents(uid, owner["metadata"].get("namespace", ""))):
            kept = [each for each in obj["metadata"]["ownerReferences"] if each["uid"] != uid]
            metadata = {**obj["metadata"], "ownerReferences": kept}
            if not kept:
                del metadata["ownerReferences"]
            self._writes.save(resource, obj | {"metadata": metadata})

    def _dependents_gone(self, owner: Object) -> bool:
        """Delete the dependents that are left, those with dependents of their own in the foreground too."""
        namespace = owner["metadata"].get("namespace", "")
        left = list(self._dependents(owner["metadata"]["uid"], namespace))
        for resource, obj in left:
            if "deletionTimestamp" in obj["metadata"]:
                continue
            has_own = any(self._dependents(obj["metadata"]["uid"], namespace))
            policy = "Foreground" if has_own else "Background"
            self._writes.delete(resource, key_of(obj), DeleteOptions(policy))
        return not left

    def _is_mounted(self, claim: Object) -> bool:
        name = claim["metadata"]["name"]
        return any(
            (volume.get("persistentVolumeClaim") or {}).get("claimName") == name
            for pod in self._store.items(_PODS, claim["metadata"]["namespace"])
            for volume in pod["spec"].get("volumes") or []
        )

    def _release(self, resource: Resource, obj: Object, finalizer: str) -> None:
        kept = [each for each in obj["metadata"]["finalizers"] if each != finalizer]
        if kept:
            self._writes.save(resource, obj | {"metadata": obj["metadata"] | {"finalizers": kept}})
        else:
            self._writes.remove(resource, key_of(obj))

    def _empty_namespace(self, key: Key) -> None:
        """Delete all that is in a terminating namespace, and the namespace when nothing is left."""
        home = self._store.get(_NAMESPACES, key)
        if home is None or "deletionTimestamp" not in home["metadata"]:
            return
        left = False
        for resource in _NAMESPACED:
            for obj in self._store.items(resource, key[1]):
                if "deletionTimestamp" not in obj["metadata"]:
                    self._writes.delete(resource, key_of(obj), DeleteOptions())
                left = left or self._store.get(resource, key_of(obj)) is not None
        if not left:
            self._writes.remove(_NAMESPACES, key)
