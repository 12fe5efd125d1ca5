"""Which fields that we applied to an object somebody else has changed since, and who.

The API server keeps, in `metadata.managedFields`, who set which field. Whoever changes a field of ours takes it from
us, so what we no longer own and what has another value was changed behind our back. That is no comparison of whole
objects, in which every value that the server defaults or writes differently would look changed.

Source: Kubernetes' server-side apply, FieldsV1: `f:name` a field, `k:{"name":"web"}` an item of a list by its key,
`v:"x"` a value of a set, `.` the item itself; an empty node is a leaf, or a list that is replaced as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from arcfleet.core.facts import UNTRACED, Trace
from arcfleet.core.kube.workloads import FIELD_MANAGER

ABSENT = object()
"""The value of a field that is not there."""
_NAMING = frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace"})
_KEYS = ("name", "containerPort", "port", "mountPath", "ip")
"""By what the items of lists are told apart where nobody's ownership says it."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A field that has not the value that we applied: `path` such as `spec.template.spec.containers[web].image`."""

    path: str
    found: Any
    wanted: Any
    trace: Trace = UNTRACED


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the object, with the same place in the tree of fields of everybody who owns something of it."""

    path: str
    owned: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...]
    """An entry of managedFields, and the node of its fields."""

    @property
    def ours(self) -> Mapping[str, Any] | None:
        """Our own node; None where we own nothing here."""
        return next((node for entry, node in self.owned if _is_ours(entry)), None)

    @property
    def trace(self) -> Trace:
        """Who else owns it, the latest; nobody is kept of a field that was removed."""
        others = [entry for entry, _ in self.owned if not _is_ours(entry)]
        latest = max(others, key=lambda entry: str(entry.get("time") or ""), default=None)
        return Trace(str(latest.get("manager") or ""), _time(latest.get("time"))) if latest else UNTRACED

    def field(self, name: str) -> _Place:
        """Return the place of a field."""
        element = f"f:{name}"
        owned = tuple((entry, node[element]) for entry, node in self.owned if element in node)
        return _Place(f"{self.path}.{name}".lstrip("."), owned)

    def item(self, value: Any) -> _Place:
        """Return the place of an item of a list."""
        found = ((entry, node, _element(node, value)) for entry, node in self.owned)
        owned = tuple((entry, node[element]) for entry, node, element in found if element is not None)
        return _Place(f"{self.path}[{_named(value)}]", owned)


def changed(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[Changed, ...]:
    """Return the fields of an object that others have changed since we applied it.

    Args:
        wanted: The object as we applied it.
        live: The object as the API shows it, with its managedFields.
    """
    entries = live.get("metadata", {}).get("managedFields") or ()
    place = _Place("", tuple((entry, entry.get("fieldsV1") or {}) for entry in entries))
    return tuple(_walk(wanted, live, place))


def _walk(wanted: Any, live: Any, place: _Place) -> Iterator[Changed]:
    """Yield what differs below a place: only where it is no longer ours are the values compared."""
    ours = place.ours
    if ours is not None and not ours:
        return  # A leaf that is still ours.
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for name, value in wanted.items():
            here = place.field(name)
            if here.path not in _NAMING and value is not None:
                yield from _walk(value, live.get(name, ABSENT), here)
    elif _is_keyed(wanted, ours) and isinstance(live, Sequence):
        for value in wanted:
            yield from _walk(value, _match(value, live), place.item(value))
    elif ours is None and live != wanted and not _same_nothing(wanted, live):
        yield Changed(place.path, live, wanted, place.trace)


def _is_keyed(wanted: Any, ours: Mapping[str, Any] | None) -> bool:
    """Tell whether a list is merged item by item: our fields say so, else its items' form."""
    if not isinstance(wanted, Sequence) or isinstance(wanted, str):
        return False
    return ours is not None or all(isinstance(value, Mapping) and _key(value) for value in wanted)


def _match(wanted: Any, live: Sequence[Any]) -> Any:
    """Return the item of a list that is meant."""
    if not isinstance(wanted, Mapping):
        return wanted if wanted in live else ABSENT
    keys = [key for key in (*_KEYS, "protocol") if key in wanted]
    alike = (item for item in live if isinstance(item, Mapping) and all(item.get(k) == wanted[k] for k in keys))
    return next(alike, ABSENT)


def _element(node: Mapping[str, Any], value: Any) -> str | None:
    """Return the name that an item of a list has in a tree of fields; what the item does not give was defaulted."""
    for element in node:
        text = element[2:]
        if element.startswith("v:") and json.loads(text) == value:
            return element
        if element.startswith("k:") and isinstance(value, Mapping):
            keys = json.loads(text)
            if all(value.get(name, key) == key for name, key in keys.items()):
                return element
    return None


def _key(value: Mapping[str, Any]) -> str | None:
    return next((name for name in _KEYS if name in value), None)


def _named(value: Any) -> str:
    return str(value[_key(value)] if isinstance(value, Mapping) and _key(value) else value)


def _same_nothing(wanted: Any, live: Any) -> bool:
    """Tell whether both are empty: the API does not show an empty list or map."""
    return live is ABSENT and wanted in ({}, [], "")


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
