"""Who owns which field: objects as flat sets of paths, and `metadata.managedFields` read and written.

A path is a tuple of elements as FieldsV1 spells them: `f:spec`, `k:{"name":"web"}` for an item of an
associative list, `v:"x"` for a value of a set. Format: k8s.io/apimachinery FieldsV1 and
sigs.k8s.io/structured-merge-diff `fieldpath`; the shapes were compared with the captures.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.kube.schema import ANY, Type

Object = dict[str, Any]
Path = tuple[str, ...]
Flat = dict[Path, Any]

CONTAINER = object()
"""The value of a path that holds other paths."""

_UNOWNED = {
    ("f:apiVersion",),
    ("f:kind",),
    *(
        ("f:metadata", f"f:{name}")
        for name in (
            "creationTimestamp",
            "deletionGracePeriodSeconds",
            "deletionTimestamp",
            "generation",
            "managedFields",
            "name",
            "namespace",
            "resourceVersion",
            "selfLink",
            "uid",
        )
    ),
}
"""Paths that the server keeps for itself (apimachinery's `stripMeta`)."""


# Go writes some fields even when empty, so that nobody ever adds them; and a pointer to a struct is added as such.
_ALWAYS_THERE = frozenset({"f:containers"})
_POINTERS = frozenset({"f:parentRef", "f:rollingUpdate"})


def flatten(obj: Object, shape: Type, *, status: bool = False) -> Flat:
    """Return every path of an object with its value; `status` includes the status and nothing else of it."""
    flat: Flat = {}
    for name, value in obj.items():
        if name in {"apiVersion", "kind"} or (name == "status") != status:
            continue
        _walk(flat, (f"f:{name}",), value, shape.child(name) or ANY)
    return {path: value for path, value in flat.items() if path[:2] not in _UNOWNED}


def _walk(flat: Flat, path: Path, value: Any, shape: Type) -> None:
    if shape.atomic or not isinstance(value, dict | list) or (isinstance(value, list) and shape.shape == "value"):
        flat[path] = value
    elif isinstance(value, dict):
        if not value or shape.shape == "map" or path[-1] in _POINTERS:
            flat[path] = CONTAINER if value else value
        for name, item in value.items():
            _walk(flat, (*path, f"f:{name}"), item, shape.child(name) or ANY)
    else:
        if path[-1] not in _ALWAYS_THERE:
            flat[path] = CONTAINER
        for item in value:
            _walk_item(flat, path, item, shape)


def _walk_item(flat: Flat, path: Path, item: Any, shape: Type) -> None:
    inner = shape.of or ANY
    here = (*path, element_of(item, shape))
    if inner.atomic or not isinstance(item, dict):
        flat[here] = item
        return
    flat[here] = CONTAINER
    for name, value in item.items():
        _walk(flat, (*here, f"f:{name}"), value, inner.child(name) or ANY)


_KEY_DEFAULTS = {"protocol": "TCP"}


def element_of(item: Any, shape: Type) -> str:
    """Return the path element of an item of an associative list or a set."""
    if not shape.keys or not isinstance(item, dict):
        return "v:" + json.dumps(item, separators=(",", ":"))
    keys = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in sorted(shape.keys)}
    return "k:" + json.dumps(keys, separators=(",", ":"))


def applied_paths(flat: Flat) -> set[Path]:
    """Return the paths that an applier owns: leaves and items, not the maps and lists around them."""
    return {path for path, value in flat.items() if value is not CONTAINER or path[-1].startswith("k:")}


def dotted(path: Path) -> str:
    """Return a path as conflicts show it: `.spec.containers[name="web"].image`."""
    return "".join(_shown(element) for element in path)


def _shown(element: str) -> str:
    kind, text = element[:2], element[2:]
    if kind == "f:":
        return f".{text}"
    if kind == "v:":
        return f"[={text}]"
    pairs = json.loads(text).items()
    return "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in pairs) + "]"


@dataclass(frozen=True, slots=True)
class Owner:
    """One entry of managedFields."""

    manager: str
    operation: str
    api_version: str
    subresource: str = ""
    time: str = ""
    paths: frozenset[Path] = field(default=frozenset())

    @property
    def identity(self) -> tuple[str, str, str]:
        """Return what tells entries apart."""
        return self.manager, self.operation, self.subresource

    @property
    def shown(self) -> str:
        """Return the owner as conflicts name it."""
        subresource = f' with subresource "{self.subresource}"' if self.subresource else ""
        return f'"{self.manager}"{subresource} using {self.api_version}'

    def owning(self, paths: set[Path] | frozenset[Path], time: str = "") -> "Owner":
        """Return the entry with other paths, dated when they are others than before."""
        owned = frozenset(paths)
        return self if owned == self.paths else replace(self, paths=owned, time=time or self.time)


def owners_of(obj: Object) -> list[Owner]:
    """Read the managedFields of an object."""
    return [
        Owner(
            entry.get("manager", ""),
            entry.get("operation", ""),
            entry.get("apiVersion", ""),
            entry.get("subresource", ""),
            entry.get("time", ""),
            frozenset(_parse(entry.get("fieldsV1") or {})),
        )
        for entry in obj["metadata"].get("managedFields") or []
        if entry
    ]


def managed_fields(owners: list[Owner]) -> list[Object]:
    """Write owners as managedFields, appliers first; owners of nothing are left out."""
    ordered = sorted(owners, key=lambda owner: (owner.operation, owner.time))
    return [_entry(owner) for owner in ordered if owner.paths]


def _entry(owner: Owner) -> Object:
    entry: Object = {
        "manager": owner.manager,
        "operation": owner.operation,
        "apiVersion": owner.api_version,
        "time": owner.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": _tree(owner.paths),
    }
    if owner.subresource:
        entry["subresource"] = owner.subresource
    return entry


def _tree(paths: frozenset[Path]) -> Object:
    tree: Object = {}
    for path in sorted(paths):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
    _mark(tree, (), paths)
    return tree


def _mark(node: Object, path: Path, paths: frozenset[Path]) -> None:
    """Add the `.` that says that an inner node is owned itself."""
    for element, child in list(node.items()):
        _mark(child, (*path, element), paths)
    if node and path in paths:
        node["."] = {}


def _parse(tree: Object, path: Path = ()) -> Iterator[Path]:
    if path and (not tree or "." in tree):
        yield path
    for element, child in tree.items():
        if element != ".":
            yield from _parse(child, (*path, element))
