"""The objects of one cluster, their versions, and who watches them.

The rules are etcd's and the watch cache's: one counter for the whole cluster gives every write its
resourceVersion; a watch replays what came after a version, and is told 410 when that lies before the oldest
version still remembered.

An object in the store is never changed in place: a write puts a new one. So readers, watchers and the history
may all hold the same object.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from simulator.kube.resources import Resource

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace ("" for cluster-wide objects) and name."""

HISTORY = 2000
"""Events remembered. A real watch cache keeps at least 100 for a resource and grows to 100,000."""


def copy(value: Any) -> Any:
    """Return a deep copy of JSON-like data, several times as fast as `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy(item) for item in value]
    return value


def key_of(obj: Object) -> Key:
    """Return the key of an object."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


@dataclass(frozen=True, slots=True)
class Event:
    """One write: what it did, the object after it, and the object before it (None for ADDED)."""

    version: int
    type: str
    resource: Resource
    object: Object
    before: Object | None


Listener = Callable[[Event], None]


class Store:
    """Keeps objects by resource and key; tells listeners of each write, in order."""

    def __init__(self) -> None:
        self.version = 1
        self.floor = 1
        """Watches and continue tokens below this version are expired."""
        self._objects: dict[str, dict[Key, Object]] = {}
        self._history: deque[Event] = deque()
        self._untold: deque[Event] = deque()
        self._telling = False
        self._listeners: dict[int, Listener] = {}
        self._tickets = itertools.count()

    def compact(self) -> None:
        """Forget the history, as etcd's compaction followed by a restart of the API server does."""
        self._history.clear()
        self.floor = self.version

    def delete(self, resource: Resource, key: Key) -> Object:
        """Remove an object; return it as its DELETED event shows it, with a version of its own."""
        before = self._objects[resource.name].pop(key)
        after = self._stamp(before)
        self._publish(Event(self.version, "DELETED", resource, after, before))
        return after

    def get(self, resource: Resource, key: Key) -> Object | None:
        """Return the object, which must not be changed, or None."""
        return self._objects.get(resource.name, {}).get(key)

    def items(self, resource: Resource, namespace: str = "", version: int | None = None) -> list[Object]:
        """Return the objects of a resource in the order of their keys.

        Args:
            resource: Of which kind.
            namespace: Those of one namespace only, when it is named.
            version: As they were then; it must not lie before `floor`.
        """
        found = self._objects.get(resource.name, {})
        if version is not None and version < self.version:
            found = self._undone(found, resource, version)
        return [found[key] for key in sorted(found) if not namespace or key[0] == namespace]

    def _undone(self, objects: dict[Key, Object], resource: Resource, version: int) -> dict[Key, Object]:
        found = dict(objects)
        for event in reversed(self._history):
            if event.version > version and event.resource is resource:
                found.pop(key_of(event.object), None)
                if event.before is not None:
                    found[key_of(event.before)] = event.before
        return found

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each write from now on; return the function that ends it."""
        ticket = next(self._tickets)
        self._listeners[ticket] = listener

        def stop() -> None:
            self._listeners.pop(ticket, None)

        return stop

    def put(self, resource: Resource, obj: Object) -> Object:
        """Store a new or changed object under the next version, and return it. The caller gives it away."""
        objects = self._objects.setdefault(resource.name, {})
        key = key_of(obj)
        before = objects.get(key)
        after = self._stamp(obj)
        objects[key] = after
        self._publish(Event(self.version, "MODIFIED" if before else "ADDED", resource, after, before))
        return after

    def since(self, version: int) -> Iterator[Event]:
        """Return the remembered events after a version."""
        return (event for event in self._history if event.version > version)

    def _stamp(self, obj: Object) -> Object:
        self.version += 1
        return obj | {"metadata": obj["metadata"] | {"resourceVersion": str(self.version)}}

    def _publish(self, event: Event) -> None:
        self._history.append(event)
        if len(self._history) > HISTORY:
            self.floor = self._history.popleft().version
        # A listener may write: what it wrote is told after this, or others would hear of it before.
        self._untold.append(event)
        while self._untold and not self._telling:
            self._tell(self._untold.popleft())

    def _tell(self, event: Event) -> None:
        self._telling = True
        try:
            for listener in tuple(self._listeners.values()):
                listener(event)
        finally:
            self._telling = False
