"""From a request's body to an object, as the API server decodes it: formats, strictness, unknown fields.

The wordings are those of the captures `400_strict_unknown`, `400_wrong_type`, `400_not_json`,
`400_wrong_kind` and `ssa_default_unknown` of kube-apiserver 1.36.2.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

import yaml

from simulator.kube import errors, protobuf
from simulator.kube.errors import KubeError
from simulator.kube.resources import Resource
from simulator.kube.schema import ANY, Type, of_kind

Object = dict[str, Any]


def body_of(data: bytes, media_type: str, resource: Resource) -> Object:
    """Return the object in the body of a create or update."""
    if media_type == "application/vnd.kubernetes.protobuf":
        return check_kind(protobuf.decode(data), resource)
    if media_type not in {"application/json", "application/yaml", ""}:
        raise errors.unsupported_media_type()
    return check_kind(_parse(data, resource), resource)


def check_kind(obj: Object, resource: Resource) -> Object:
    """Return the object with apiVersion and kind filled in; another kind than the resource's is refused."""
    kind = obj.setdefault("kind", resource.kind)
    version = obj.setdefault("apiVersion", resource.api_version)
    if kind == resource.kind and version == resource.api_version:
        return obj
    source, target = f"v1.{kind}", f"{resource.group or 'core'}.{resource.kind}"
    raise errors.bad_request(
        f'{kind} in version "v1" cannot be handled as a {resource.kind}: '
        f"converting ({source}) to ({target}): unknown conversion"
    )


def _parse(data: bytes, resource: Resource) -> Object:
    text = data.decode(errors="replace")
    try:
        parsed = load(text)
    except ValueError:
        shown = text[1:2] if text.startswith("{") else text[:1]
        where = (
            "looking for beginning of object key string" if text.startswith("{") else "looking for beginning of value"
        )
        raise errors.bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): couldn't get version/kind; "
            f"json parse error: invalid character '{shown}' {where} ({text[:24]})"
        ) from None
    return parsed


def load(text: str) -> Object:
    """Return a JSON or YAML document that is an object; ValueError when it is none."""
    try:
        parsed = json.loads(text)
    except ValueError:
        if text.lstrip().startswith("{"):
            raise
        try:
            parsed = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from error
    if not isinstance(parsed, dict):
        raise ValueError("not an object")  # noqa: TRY004 - to the caller every bad document is the same
    return parsed


def unknown_fields(obj: Any, shape: Type, path: str = "") -> Iterator[str]:
    """Yield the path of each field that the schema does not know, in the order of the document."""
    if isinstance(obj, dict) and shape.shape in {"struct", "map"}:
        for name, value in obj.items():
            child = shape.child(name)
            here = f"{path}.{name}" if path else name
            if child is None:
                yield here
            else:
                yield from unknown_fields(value, child, here)
    elif isinstance(obj, list) and shape.shape == "list" and shape.of:
        for index, item in enumerate(obj):
            yield from unknown_fields(item, shape.of, f"{path}[{index}]")


def strict(obj: Object, resource: Resource, validation: str) -> list[str]:
    """Check an object against its schema and drop what is unknown.

    Args:
        obj: Changed in place.
        resource: Whose schema to use.
        validation: `Strict` refuses, `Warn` (the default of the API) tells, `Ignore` is silent.

    Returns:
        Texts for Warning headers.
    """
    shape = of_kind(resource.kind)
    check_types(obj, resource.kind)
    obj.setdefault("metadata", {})
    found = list(unknown_fields(obj, shape))
    _drop(obj, found)
    warnings = [f'unknown field "{path}"' for path in found]
    if warnings and validation == "Strict":
        raise errors.bad_request(
            f'{resource.kind} in version "v1" cannot be handled as a {resource.kind}: '
            f"strict decoding error: {', '.join(warnings)}"
        )
    return [] if validation == "Ignore" else warnings


def undeclared(obj: Object, resource: Resource) -> None:
    """Refuse an applied object with an unknown field, with the 500 that server-side apply gives for it."""
    name = obj.get("metadata", {}).get("name", "")
    namespace = obj.get("metadata", {}).get("namespace", "")
    paths = sorted(unknown_fields(obj, of_kind(resource.kind)), key=lambda path: path.count("."))
    if paths:
        message = (
            f"failed to create typed patch object ({namespace}/{name}; {resource.api_version}, "
            f"Kind={resource.kind}): .{paths[0]}: field not declared in schema"
        )
        raise KubeError(errors.status(500, "", message))


def check_types(obj: Object, kind: str) -> None:
    """Drop nulls and refuse values of another type than the schema's."""
    _drop_nulls(obj)
    _check_types(obj, of_kind(kind), kind, "")


def _drop_nulls(obj: Any) -> None:
    """A null is an absent field to Go; kubectl writes `creationTimestamp: null` into templates."""
    if isinstance(obj, dict):
        for name in [name for name, value in obj.items() if value is None]:
            del obj[name]
    elif isinstance(obj, list):
        obj[:] = [item for item in obj if item is not None]
    for item in obj.values() if isinstance(obj, dict) else obj if isinstance(obj, list) else ():
        _drop_nulls(item)


def _drop(obj: Object, paths: list[str]) -> None:
    for path in paths:
        target: Any = obj
        *parents, last = path.replace("[", ".[").split(".")
        for part in parents:
            target = target[int(part[1:-1])] if part.startswith("[") else target[part]
        target.pop(last, None)


_GO_NAMES = {"int": "int32", "str": "string", "bool": "bool", "intstr": "intstr.IntOrString"}


def _check_types(obj: Any, shape: Type, kind: str, path: str, owner: str = "") -> None:
    if shape.name in _GO_NAMES or not isinstance(obj, _CONTAINERS.get(shape.shape, object)):
        _check_scalar(obj, shape, kind, f"{owner}.{path}")
    elif isinstance(obj, dict):
        label = shape.name if shape.shape == "struct" else owner
        for name, value in obj.items():
            _check_types(value, shape.child(name) or ANY, kind, f"{path}.{name}".lstrip("."), label)
    elif isinstance(obj, list) and shape.shape == "list" and shape.of:
        for item in obj:
            _check_types(item, shape.of, kind, path, owner)


_CONTAINERS: dict[str, type] = {"struct": dict, "map": dict, "list": list}


def _check_scalar(value: Any, shape: Type, kind: str, path: str) -> None:
    got = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}
    wanted = {"int": (int,), "str": (str,), "bool": (bool,), "intstr": (int, str)}.get(shape.name, ())
    if isinstance(value, wanted) and (shape.name == "bool" or not isinstance(value, bool)):
        return
    raise errors.bad_request(
        f'{kind} in version "v1" cannot be handled as a {kind}: json: cannot unmarshal {got[type(value)]} '
        f"into Go struct field {path} of type {_GO_NAMES.get(shape.name, f'v1.{shape.name}')}"
    )


def check_base64(obj: Object, resource: Resource) -> None:
    """Refuse a Secret whose data is not base64 (capture secret_create)."""
    for value in (obj.get("data") or {}).values():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            position = next((i for i, c in enumerate(value) if not (c.isalnum() or c in "+/=")), 0)
            raise errors.bad_request(
                f'{resource.kind} in version "v1" cannot be handled as a {resource.kind}: '
                f"illegal base64 data at input byte {position}"
            ) from None
