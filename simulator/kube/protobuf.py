r"""The protobuf bodies of typed Go clients, kubectl's among them, read as plain objects.

A body is the magic `k8s\0` and an envelope `Unknown {1: TypeMeta {1: apiVersion, 2: kind}, 2: raw}` around the
object, whose fields `messages` numbers.
"""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from simulator.kube import errors
from simulator.kube.messages import MESSAGES, WireField
from simulator.kube.schema import Type
from simulator.kube.times import stamp

Object = dict[str, Any]
Wire = int | bytes
MAGIC = b"k8s\0"
_EMPTY: tuple[Any, ...] = ("", 0, False, None, {}, [])


class _BrokenError(ValueError):
    """The bytes are no protobuf message, or not of the kind that they say."""


def decode(data: bytes) -> Object:
    """Return the object in a protobuf body.

    Raises:
        KubeError: 400 for what is no such body, 415 for kinds and fields that are not read here.
    """
    if not data.startswith(MAGIC):
        raise errors.bad_request(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    try:
        envelope = dict(_fields(data[len(MAGIC) :]))
        meta = dict(_fields(_bytes(envelope.get(1, b""))))
        version, kind = (_bytes(meta.get(number, b"")).decode() for number in (1, 2))
        if kind not in MESSAGES:
            raise errors.unsupported_media_type()
        body = _message(kind, _bytes(envelope.get(2, b"")))
    except (ValueError, OverflowError) as error:
        raise errors.bad_request(f"unable to decode the protobuf body: {error}") from error
    return {"apiVersion": version, "kind": kind, "metadata": {}} | body


def _fields(data: bytes) -> Iterator[tuple[int, Wire]]:
    """Yield (field number, value) of each field: a number, or the bytes of anything longer."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if tag & 7 != 2:
            raise _BrokenError(f"proto: illegal wireType {tag & 7}")
        size, at = _varint(data, at)
        if at + size > len(data):
            raise _BrokenError("unexpected EOF")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise _BrokenError("unexpected EOF")


def _message(name: str, data: bytes) -> Object:
    found: Object = {}
    for number, wire in _fields(data):
        field = MESSAGES[name].get(number)
        if field is None:
            if _means_something(wire):
                raise errors.unsupported_media_type()
        elif field.name == "*":
            found |= _message(field.type.name, _bytes(wire))
        else:
            _add(found, field, wire)
    return found


def _means_something(wire: Wire) -> bool:
    """Return whether a field is set: a Go client sends the structs that it left empty too."""
    if isinstance(wire, int):
        return wire != 0
    try:
        return any(_means_something(value) for _, value in _fields(wire))
    except _BrokenError:
        return True


def _add(found: Object, field: WireField, wire: Wire) -> None:
    kind = field.type
    if kind.shape == "list" and kind.of:
        found.setdefault(field.name, []).append(_value(kind.of, wire))
    elif kind.shape == "map" and kind.of:
        entry = dict(_fields(_bytes(wire)))
        key = _bytes(entry.get(1, b"")).decode()
        found.setdefault(field.name, {})[key] = _value(kind.of, entry.get(2, b""))
    else:
        value = _value(kind, wire)
        if field.pointer or value not in _EMPTY:
            found[field.name] = value


def _value(kind: Type, wire: Wire) -> Any:
    if kind.name in _SCALARS:
        return _SCALARS[kind.name](wire)
    return _message(kind.name, _bytes(wire))


def _bytes(wire: Wire) -> bytes:
    if isinstance(wire, int):
        raise _BrokenError("proto: wrong wireType = 0")
    return wire


def _number(wire: Wire) -> int:
    if not isinstance(wire, int):
        raise _BrokenError("proto: wrong wireType = 2")
    return wire - (1 << 64) if wire >> 63 else wire


def _int_or_string(wire: Wire) -> int | str:
    parts = dict(_fields(_bytes(wire)))
    return _bytes(parts.get(3, b"")).decode() if parts.get(1) else _number(parts.get(2, 0))


def _time(wire: Wire) -> str | None:
    seconds = dict(_fields(_bytes(wire))).get(1)
    return None if seconds is None else stamp(datetime.fromtimestamp(_number(seconds), UTC))


_SCALARS: dict[str, Callable[[Wire], Any]] = {
    "Quantity": lambda wire: _bytes(dict(_fields(_bytes(wire))).get(1, b"")).decode(),
    "Time": _time,
    "bool": lambda wire: bool(_number(wire)),
    "bytes": lambda wire: base64.b64encode(_bytes(wire)).decode(),
    "int": _number,
    "intstr": _int_or_string,
    "str": lambda wire: _bytes(wire).decode(),
}
