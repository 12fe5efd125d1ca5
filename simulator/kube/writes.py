"""Create, update, apply and delete, as the API server admits them.

The order of the checks is the server's: the namespace, the object's defaults, its validity, the address of a
service, whether the name is free. A dry run goes the same way and stores nothing.
"""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from simulator.clock import Clock
from simulator.kube import apply, defaults, errors, immutable, objectmeta, quotas, validation
from simulator.kube.fields import Owner
from simulator.kube.resources import BY_NAME, Resource
from simulator.kube.schema import of_kind
from simulator.kube.services import Addresses, RefusedError
from simulator.kube.store import Key, Object, Store, copy, key_of
from simulator.kube.times import stamp

_NAMESPACES, _PODS, _SERVICES, _ADDRESSES = (
    BY_NAME[name] for name in ("namespaces", "pods", "services", "ipaddresses")
)
_ANSWERED_WITH_OBJECT = frozenset({"namespaces", "persistentvolumeclaims", "pods", "services"})
"""Kinds whose DELETE answers with the object where others answer with a Status (capture service_real)."""
_KEPT_NAMESPACES = frozenset({"default", "kube-public", "kube-system"})
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Options:
    """What a request says besides its object."""

    manager: str = "unknown"
    dry_run: bool = False
    force: bool = False
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a DELETE says."""

    propagation: str = "Background"
    grace: int | None = None
    uid: str = ""
    dry_run: bool = False


class Writes:
    """Changes the store by the API's rules.

    Args:
        store: The objects.
        clock: For creation and deletion times.
        addresses: Gives services their addresses.
        chance: For uids and the ends of generated names.
    """

    def __init__(self, store: Store, clock: Clock, addresses: Addresses, chance: random.Random) -> None:
        self._store = store
        self._clock = clock
        self._addresses = addresses
        self._chance = chance
        self.admission: dict[str, Callable[[Object], None]] = {}
        """What else happens to new objects of a resource, for example a claim's default storage class."""

    def create(self, resource: Resource, namespace: str, obj: Object, options: Options) -> Object:
        """Store a new object; return it as stored, or as it would be in a dry run."""
        obj = self._place(resource, namespace, obj)
        if resource.subresources and "status" in resource.subresources:
            obj.pop("status", None)
        obj["metadata"].pop("managedFields", None)
        return self._admit(resource, obj, options, self._owner(resource, "Update", options))

    def adopt(self, resource: Resource, obj: Object) -> Object:
        """Store a new object of a controller's own making, which only a quota can refuse."""
        defaults.fill(obj)
        if resource.name in self.admission:
            self.admission[resource.name](obj)
        quotas.check(self._store, resource, obj)
        self._new_metadata(obj)
        return self._store.put(resource, obj)

    def apply(self, resource: Resource, key: Key, config: Object, options: Options) -> tuple[Object, bool]:
        """Server-side apply; return the object and whether it is new."""
        shape = of_kind(resource.kind)
        who = self._owner(resource, "Apply", options)
        live = self._store.get(resource, key)
        if live is None:
            placed = self._place(resource, key[0], config)
            created = apply.apply(None, placed, shape, who, force=options.force)
            return self._admit(resource, created, options, None), True
        merged = apply.apply(live, config, shape, who, force=options.force)
        return self._commit(resource, live, merged, options, None), False

    def update(self, resource: Resource, live: Object, obj: Object, options: Options) -> Object:
        """Replace an object by a changed one; a status only through its subresource."""
        wanted = obj["metadata"].get("resourceVersion")
        if wanted and wanted != live["metadata"]["resourceVersion"]:
            raise errors.conflict(resource, live["metadata"]["name"])
        if options.subresource == "status":
            obj = live | {"status": obj.get("status", {})}
        elif "status" in resource.subresources:
            obj = objectmeta.with_address(live, obj) if resource is _SERVICES else obj
            obj = obj | ({"status": live["status"]} if "status" in live else {})
        obj = copy(obj)
        return self._commit(resource, live, obj, options, self._owner(resource, "Update", options))

    def save(self, resource: Resource, obj: Object) -> Object:
        """Store what a controller made of an object, unless it is the same; ownership is not tracked."""
        live = self._store.get(resource, key_of(obj))
        if live is None or objectmeta.same(live, obj):
            return live or obj
        return self._store.put(resource, objectmeta.with_generation(live, obj))

    def delete(self, resource: Resource, key: Key, options: DeleteOptions) -> Object:
        """Delete an object or mark it for deletion; return the answer's body."""
        live = self._store.get(resource, key)
        if live is None:
            raise errors.not_found(resource, key[1])
        if resource is _NAMESPACES and key[1] in _KEPT_NAMESPACES:
            raise errors.forbidden(resource, key[1], "this namespace may not be deleted")
        if options.uid and options.uid != live["metadata"]["uid"]:
            raise errors.precondition(resource, key[1], options.uid, live["metadata"]["uid"])
        marked = self._marked(resource, live, options)
        if options.dry_run:
            return live if resource.name in _ANSWERED_WITH_OBJECT else errors.success(resource, live)
        if marked is not None:
            return live if marked == live else self._store.put(resource, marked)
        self.remove(resource, key)
        return live if resource.name in _ANSWERED_WITH_OBJECT else errors.success(resource, live)

    def remove(self, resource: Resource, key: Key) -> None:
        """Take an object out of the store; a service gives its address back."""
        obj = self._store.delete(resource, key)
        address = self._addresses.record(obj) if resource is _SERVICES else None
        if address and self._store.get(_ADDRESSES, ("", address["metadata"]["name"])):
            self._store.delete(_ADDRESSES, ("", address["metadata"]["name"]))

    def generated_name(self, prefix: str) -> str:
        """Return a name with five characters behind the prefix, as generateName makes it."""
        return prefix + "".join(self._chance.choice(_ALPHABET) for _ in range(5))

    def _place(self, resource: Resource, namespace: str, obj: Object) -> Object:
        """Return a copy of a new object with the namespace and name that it will have."""
        obj = copy(obj)
        metadata = obj["metadata"] = obj.get("metadata") or {}
        if resource.namespaced:
            self._check_namespace(resource, namespace, metadata)
            metadata["namespace"] = namespace
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = self.generated_name(metadata["generateName"])
        return obj

    def _check_namespace(self, resource: Resource, namespace: str, metadata: Object) -> None:
        if metadata.get("namespace", namespace) != namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        home = self._store.get(_NAMESPACES, ("", namespace))
        if home is None:
            raise errors.not_found(_NAMESPACES, namespace)
        if "deletionTimestamp" in home["metadata"]:
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise errors.forbidden(resource, metadata.get("name", ""), why, [cause])

    def _admit(self, resource: Resource, obj: Object, options: Options, who: Owner | None) -> Object:
        defaults.fill(obj)
        if resource.name in self.admission:
            self.admission[resource.name](obj)
        name = obj["metadata"].get("name", "")
        if found := validation.problems(obj):
            raise errors.invalid(resource, name, found)
        quotas.check(self._store, resource, obj)
        if who:
            apply.track(None, obj, of_kind(resource.kind), who)
        self._address(resource, obj, dry_run=options.dry_run)
        if self._store.get(resource, key_of(obj)):
            raise errors.already_exists(resource, name)
        self._new_metadata(obj)
        if options.dry_run:
            return obj
        stored = self._store.put(resource, obj)
        address = self._addresses.record(stored) if resource is _SERVICES else None
        if address:
            self._new_metadata(address)
            self._store.put(_ADDRESSES, address)
        return stored

    def _new_metadata(self, obj: Object) -> None:
        metadata = obj["metadata"]
        for name in (*objectmeta.OWN, "resourceVersion"):
            metadata.pop(name, None)
        metadata["uid"] = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        metadata["creationTimestamp"] = stamp(self._clock.now())
        if obj["kind"] in objectmeta.HAVE_GENERATION:
            metadata["generation"] = 1

    def _address(self, resource: Resource, obj: Object, *, dry_run: bool) -> None:
        if resource is not _SERVICES:
            return
        try:
            self._addresses.claim(obj, dry_run=dry_run)
        except RefusedError as refused:
            raise errors.invalid(resource, obj["metadata"]["name"], [refused.error]) from refused

    def _commit(self, resource: Resource, live: Object, obj: Object, options: Options, who: Owner | None) -> Object:
        """Store a client's change of an object, unless nothing changes."""
        objectmeta.keep_own_metadata(live, obj)
        if not options.subresource:
            defaults.fill(obj)
            if found := [*immutable.changes(live, obj), *validation.problems(obj)]:
                raise errors.invalid(resource, live["metadata"]["name"], found)
        if who and not objectmeta.same(live, obj):
            apply.track(live, obj, of_kind(resource.kind), who)
        if objectmeta.same(live, obj):
            return live
        changed = objectmeta.with_generation(live, obj)
        if options.dry_run:
            return changed
        metadata = changed["metadata"]
        if "deletionTimestamp" in metadata and not metadata.get("finalizers") and resource is not _PODS:
            self.remove(resource, key_of(live))
            return changed
        return self._store.put(resource, changed)

    def _marked(self, resource: Resource, live: Object, options: DeleteOptions) -> Object | None:
        """Return the object as marked for deletion, or None when it goes at once."""
        metadata = dict(live["metadata"])
        finalizers = list(metadata.get("finalizers") or [])
        added = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(options.propagation)
        if added and added not in finalizers:
            finalizers.append(added)
        grace = _grace(resource, live, options)
        if not finalizers and not grace and resource.name != "namespaces":
            return None
        if finalizers:
            metadata["finalizers"] = finalizers
        if "deletionTimestamp" not in metadata or (grace or 0) < metadata.get("deletionGracePeriodSeconds", 0):
            metadata["deletionTimestamp"] = stamp(self._clock.now() + timedelta(seconds=grace or 0))
            metadata["deletionGracePeriodSeconds"] = grace or 0
            if "generation" in metadata:
                metadata["generation"] += 1
        marked = live | {"metadata": metadata}
        return marked | {"status": {"phase": "Terminating"}} if resource.name == "namespaces" else marked

    def _owner(self, resource: Resource, operation: str, options: Options) -> Owner:
        time = stamp(self._clock.now())
        return Owner(options.manager, operation, resource.api_version, options.subresource, time)


def _grace(resource: Resource, live: Object, options: DeleteOptions) -> int:
    """Return a pod's grace: only the kubelet of a node takes its time, a pod on none goes at once."""
    if resource.name != "pods" or not live["spec"].get("nodeName"):
        return 0
    if options.grace is not None:
        return options.grace
    return int(live["spec"].get("terminationGracePeriodSeconds", 30))
