"""The three patches that are not server-side apply: JSON patch, JSON merge patch and strategic merge patch.

Sources: RFC 6902, RFC 7396 and k8s.io/apimachinery/pkg/util/strategicpatch (directives `$patch`,
`$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`, which `kubectl apply` sends).
"""

from typing import Any

from simulator.kube import errors
from simulator.kube.schema import ANY, Type
from simulator.kube.store import copy

Object = dict[str, Any]

_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"


def merge_patch(target: Any, patch: Any) -> Any:
    """Return the target after a JSON merge patch; null removes."""
    if not isinstance(patch, dict):
        return copy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def strategic_merge(target: Object, patch: Object, shape: Type) -> Object:
    """Return the target after a strategic merge patch; lists with a merge key are merged by it."""
    directive = patch.get("$patch")
    if directive == "delete":
        return {}
    if directive == "replace":
        return {name: copy(value) for name, value in patch.items() if name != "$patch"}
    result = dict(target)
    if "$retainKeys" in patch:
        result = {name: value for name, value in result.items() if name in patch["$retainKeys"]}
    for name, value in patch.items():
        if not name.startswith("$"):
            _merge_field(result, name, value, shape.child(name) or ANY)
    _apply_directives(result, patch, shape)
    return result


def _merge_field(result: Object, name: str, value: Any, shape: Type) -> None:
    if value is None:
        result.pop(name, None)
    elif isinstance(value, dict):
        current = result.get(name)
        result[name] = strategic_merge(current if isinstance(current, dict) else {}, value, shape)
    elif isinstance(value, list) and shape.keys is not None:
        result[name] = _merge_list(result.get(name) or [], value, shape)
    else:
        result[name] = copy(value)


def _merge_list(current: list[Any], patch: list[Any], shape: Type) -> list[Any]:
    if not shape.keys:
        return current + [item for item in patch if item not in current]
    key = shape.keys[0]
    if not all(isinstance(item, dict) and isinstance(item.get(key, ""), str | int) for item in patch):
        # Not what the schema says: decoding refuses it.
        return list(patch)
    if any(item.get("$patch") == "replace" for item in patch):
        return [copy(item) for item in patch if "$patch" not in item]
    items = {item.get(key): item for item in current}
    for item in patch:
        if item.get("$patch") == "delete":
            items.pop(item.get(key), None)
        else:
            items[item.get(key)] = strategic_merge(items.get(item.get(key), {}), item, shape.of or ANY)
    return list(items.values())


def _apply_directives(result: Object, patch: Object, shape: Type) -> None:
    for name, value in patch.items():
        if name.startswith(_DELETE):
            field = name.removeprefix(_DELETE)
            result[field] = [item for item in result.get(field, []) if item not in value]
        elif name.startswith(_ORDER):
            field = name.removeprefix(_ORDER)
            result[field] = _ordered(result.get(field) or [], value, shape.child(field) or ANY)
            if not result[field]:
                del result[field]


def _ordered(items: list[Any], order: list[Any], shape: Type) -> list[Any]:
    key = shape.keys[0] if shape.keys else None
    wanted = [entry.get(key) if key and isinstance(entry, dict) else entry for entry in order]

    def rank(item: Any) -> int:
        value = item.get(key) if key and isinstance(item, dict) else item
        return wanted.index(value) if value in wanted else len(wanted)

    return sorted(items, key=rank)


def json_patch(target: Object, operations: list[Object]) -> Object:
    """Return the target after a JSON patch.

    Raises:
        KubeError: 422 as the API server words it when an operation cannot be done.
    """
    result: Object = copy(target)
    for operation in operations:
        try:
            _operate(result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            message = "the server rejected our request due to an error in our request"
            raise errors.KubeError(errors.status(422, "Invalid", message, {})) from error
    return result


def _operate(document: Object, operation: Object) -> None:
    kind, pointer = operation["op"], _pointer(operation["path"])
    if kind in {"move", "copy"}:
        source = _pointer(operation["from"])
        value = copy(_read(document, source))
        if kind == "move":
            _take(document, source)
        _add(document, pointer, value)
    elif kind == "add":
        _add(document, pointer, copy(operation["value"]))
    elif kind == "remove":
        _take(document, pointer)
    elif kind == "replace":
        _take(document, pointer)
        _add(document, pointer, copy(operation["value"]))
    elif kind != "test" or _read(document, pointer) != operation.get("value"):
        raise ValueError(kind)


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _read(document: Any, pointer: list[str]) -> Any:
    for part in pointer:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _take(document: Any, pointer: list[str]) -> None:
    parent = _read(document, pointer[:-1])
    if isinstance(parent, list):
        del parent[int(pointer[-1])]
    else:
        del parent[pointer[-1]]


def _add(document: Any, pointer: list[str], value: Any) -> None:
    parent = _read(document, pointer[:-1])
    if isinstance(parent, list):
        parent.insert(len(parent) if pointer[-1] == "-" else int(pointer[-1]), value)
    else:
        parent[pointer[-1]] = value
