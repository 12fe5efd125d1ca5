r"""The protobuf bodies that kubectl sends for typed creates, read as plain objects.

kubectl sends typed creates as `application/vnd.kubernetes.protobuf`: the magic `k8s\0` and an envelope
`Unknown {1: TypeMeta {1: apiVersion, 2: kind}, 2: raw}` around the object. Field numbers come from
k8s.io/api/core/v1/generated.proto and k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto.
"""

import base64
from collections.abc import Iterator
from typing import Any

from simulator.kube import errors

Object = dict[str, Any]
MAGIC = b"k8s\0"

_METADATA = {1: "name", 2: "generateName", 3: "namespace"}
_MAPS = {11: "labels", 12: "annotations"}


def decode(data: bytes) -> Object:
    """Return the object in a protobuf body. Kinds without a reader are refused with 415."""
    if not data.startswith(MAGIC):
        raise errors.bad_request(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    envelope = dict(_fields(data[len(MAGIC) :]))
    meta = dict(_fields(envelope[1]))
    kind = meta[2].decode()
    if kind not in _READERS:
        raise errors.unsupported_media_type()
    body = {"apiVersion": meta[1].decode(), "kind": kind}
    return body | _READERS[kind](envelope.get(2, b""))


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (field number, bytes) of each length-delimited field; numbers are skipped."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        value, at = _varint(data, at)
        if tag & 7 == 2:
            yield tag >> 3, data[at : at + value]
            at += value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return value, at


def _metadata(data: bytes) -> Object:
    found: Object = {}
    for number, value in _fields(data):
        if number in _METADATA and value:
            found[_METADATA[number]] = value.decode()
        elif number in _MAPS:
            found.setdefault(_MAPS[number], {}).update([_entry(value)])
    return found


def _entry(data: bytes) -> tuple[str, str]:
    pair = dict(_fields(data))
    return pair.get(1, b"").decode(), pair.get(2, b"").decode()


def _binary(data: bytes) -> tuple[str, str]:
    pair = dict(_fields(data))
    return pair.get(1, b"").decode(), base64.b64encode(pair.get(2, b"")).decode()


def _secret(data: bytes) -> Object:
    found: Object = {"metadata": {}}
    for number, value in _fields(data):
        if number == 1:
            found["metadata"] = _metadata(value)
        elif number == 2:
            found.setdefault("data", {}).update([_binary(value)])
        elif number == 3:
            found["type"] = value.decode()
    return found


def _config_map(data: bytes) -> Object:
    found: Object = {"metadata": {}}
    for number, value in _fields(data):
        if number == 1:
            found["metadata"] = _metadata(value)
        elif number == 2:
            found.setdefault("data", {}).update([_entry(value)])
        elif number == 3:
            found.setdefault("binaryData", {}).update([_binary(value)])
    return found


_ATTRIBUTES = {1: "namespace", 2: "verb", 3: "group", 4: "version", 5: "resource", 6: "subresource", 7: "name"}


def _access_review(data: bytes) -> Object:
    spec = dict(_fields(dict(_fields(data)).get(2, b"")))
    attributes = {
        _ATTRIBUTES[number]: value.decode() for number, value in _fields(spec.get(1, b"")) if number in _ATTRIBUTES
    }
    return {"metadata": {}, "spec": {"resourceAttributes": attributes}}


def _nothing(_: bytes) -> Object:
    return {"metadata": {}}


def _namespace(data: bytes) -> Object:
    return {"metadata": _metadata(dict(_fields(data)).get(1, b""))}


_READERS = {
    "ConfigMap": _config_map,
    "Namespace": _namespace,
    "Secret": _secret,
    "SelfSubjectAccessReview": _access_review,
    "SelfSubjectReview": _nothing,
}
