"""What the server keeps of an object whatever a client sends: identity, generation, a service's address."""

from collections.abc import Mapping
from typing import Any

from simulator.kube.store import Object

HAVE_GENERATION = frozenset({"DaemonSet", "Deployment", "Pod", "ReplicaSet", "StatefulSet"})
OWN = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")


def keep_own_metadata(live: Object, obj: Object) -> None:
    """A client cannot change what the server keeps: uid, times, generation."""
    metadata, kept = obj["metadata"], live["metadata"]
    for name in (*OWN, "resourceVersion", "namespace", "name"):
        metadata.pop(name, None)
        if name in kept:
            metadata[name] = kept[name]
    if "managedFields" not in metadata and "managedFields" in kept:
        metadata["managedFields"] = kept["managedFields"]


def with_address(live: Object, obj: Object) -> Object:
    """A replacement of a service that names no address keeps the one it has."""
    names = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
    kept = {name: live["spec"][name] for name in names if name in live["spec"]}
    named = {name: value for name, value in (obj.get("spec") or {}).items() if value or name not in names}
    return obj | {"spec": kept | named}


def _content(obj: Mapping[str, Any]) -> Object:
    metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion" and v not in ({}, [])}
    return {**obj, "metadata": metadata}


def same(live: Object, obj: Object) -> bool:
    """Return whether two states of an object are the same but for the version."""
    return live is obj or _content(live) == _content(obj)


def with_generation(live: Object, obj: Object) -> Object:
    """Return the object with its generation raised when its spec changed."""
    if obj["kind"] not in HAVE_GENERATION or obj["kind"] == "Pod" or obj.get("spec") == live.get("spec"):
        return obj
    return obj | {"metadata": obj["metadata"] | {"generation": live["metadata"]["generation"] + 1}}
