"""Server-side apply, and the ownership that other writes leave behind.

The subset of sigs.k8s.io/structured-merge-diff that clients meet: an owner per path; associative lists merged
by their keys; a conflict where an applied value differs from one that somebody else owns; `force` takes it
over; a field that its only applier leaves out is removed; an identical apply changes nothing. Verified
against the captures `409_ssa_conflict`, `200_ssa_force`, secret_create and update_restart_scale.
"""

from typing import Any

from simulator.kube import errors
from simulator.kube.fields import (
    CONTAINER,
    Flat,
    Object,
    Owner,
    Path,
    applied_paths,
    dotted,
    element_of,
    flatten,
    managed_fields,
    owners_of,
)
from simulator.kube.schema import ANY, Type
from simulator.kube.store import copy


def apply(live: Object | None, config: Object, shape: Type, who: Owner, *, force: bool) -> Object:
    """Return the object after `who` applied `config`.

    Args:
        live: The object as it is, None for a new one.
        config: What is applied, without managedFields.
        shape: The schema of the kind.
        who: The applier, with the time of this request and no paths.
        force: Take conflicting fields from their owners.

    Raises:
        KubeError: 409 with a cause for each field that another manager owns with another value.
    """
    flat = flatten(config, shape)
    wanted = applied_paths(flat)
    if live is None:
        created: Object = copy(config)
        created["metadata"]["managedFields"] = managed_fields([who.owning(wanted)])
        return created
    owners = owners_of(live)
    before = next((owner for owner in owners if owner.identity == who.identity), who)
    others = [owner for owner in owners if owner.identity != who.identity]
    others = _take_over(others, flat, flatten(live, shape), force=force)
    merged: Object = merge(copy(live), config, shape)
    kept = wanted.union(*(owner.paths for owner in others))
    for path in sorted(before.paths - wanted, key=len, reverse=True):
        if not any(other[: len(path)] == path for other in kept):
            _remove(merged, path, shape)
    merged["metadata"]["managedFields"] = managed_fields([*others, before.owning(wanted, who.time)])
    return merged


def _take_over(others: list[Owner], applied: Flat, live: Flat, *, force: bool) -> list[Owner]:
    changed = {
        path for path, value in applied.items() if value is not CONTAINER and (path not in live or live[path] != value)
    }
    clashes = [(owner, path) for owner in others for path in sorted(owner.paths & changed) if path in live]
    if clashes and not force:
        raise errors.field_manager_conflict([(owner.shown, dotted(path)) for owner, path in clashes])
    return [owner.owning(owner.paths - changed) for owner in others]


def merge(live: Any, config: Any, shape: Type) -> Any:
    """Return `live` with `config` laid over it, lists merged as the schema says."""
    if shape.atomic or live is None:
        return copy(config)
    if isinstance(config, dict) and isinstance(live, dict):
        for name, value in config.items():
            live[name] = merge(live.get(name), value, shape.child(name) or ANY)
        return live
    if isinstance(config, list) and isinstance(live, list) and shape.keys is not None:
        return _merge_items(live, config, shape)
    return copy(config)


def _merge_items(live: list[Any], config: list[Any], shape: Type) -> list[Any]:
    items = {element_of(item, shape): item for item in live}
    for item in config:
        element = element_of(item, shape)
        items[element] = merge(items.get(element), item, shape.of or ANY)
    return list(items.values())


def _remove(obj: Any, path: Path, shape: Type) -> None:
    """Remove what a path leads to, and the map around it when it was the last entry."""
    name = path[0][2:]
    if path[0].startswith("f:"):
        child = obj.get(name) if isinstance(obj, dict) else None
        if len(path) == 1 and isinstance(obj, dict):
            obj.pop(name, None)
        elif child is not None:
            _remove(child, path[1:], shape.child(name) or ANY)
            if child in ({}, []):
                del obj[name]
        return
    index = next((i for i, item in enumerate(obj) if element_of(item, shape) == path[0]), None)
    if index is not None and len(path) == 1:
        del obj[index]
    elif index is not None:
        _remove(obj[index], path[1:], shape.of or ANY)


def track(before: Object | None, after: Object, shape: Type, who: Owner) -> None:
    """Record in `after` that `who` made it out of `before` by an ordinary write.

    The writer owns what it added or changed; changed fields leave their former owners, removed ones all owners.
    """
    status = who.subresource == "status"
    old = flatten(before, shape, status=status) if before else {}
    new = flatten(after, shape, status=status)
    changed = {path for path, value in new.items() if path not in old or _differs(old[path], value)}
    gone = old.keys() - new.keys()
    owners = []
    mine = who
    for owner in owners_of(after):
        if owner.identity == who.identity:
            mine = owner
        else:
            owners.append(owner.owning(owner.paths - gone - changed))
    owners.append(mine.owning((mine.paths - gone) | changed, who.time))
    after["metadata"]["managedFields"] = managed_fields(owners)


def _differs(old: Any, new: Any) -> bool:
    return old is not new and old != new
