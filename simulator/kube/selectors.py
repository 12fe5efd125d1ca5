"""Label and field selectors, of queries and of objects.

Sources: k8s.io/apimachinery/pkg/labels and pkg/fields; the refusals are the captures `400_label_sel` and
`400_field_sel`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from simulator.kube import errors
from simulator.kube.resources import Resource

Object = dict[str, Any]
Predicate = Callable[[Object], bool]

_SET = re.compile(r"^(?P<key>[\w./-]+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[\w./-]+)\s*(?P<op>==|=|!=)\s*(?P<value>[\w./-]*)$")
_EXISTS = re.compile(r"^(?P<not>!?)\s*(?P<key>[\w./-]+)$")
_COMMA = re.compile(r",(?![^()]*\))")

_FIELDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "pods": {
        "spec.nodeName": ("spec", "nodeName"),
        "status.phase": ("status", "phase"),
        "spec.restartPolicy": ("spec", "restartPolicy"),
        "spec.serviceAccountName": ("spec", "serviceAccountName"),
    },
    "events": {
        **{
            f"involvedObject.{name}": ("involvedObject", name)
            for name in ("apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid")
        },
        "reason": ("reason",),
        "reportingComponent": ("reportingComponent",),
        "source": ("source", "component"),
        "type": ("type",),
    },
    "namespaces": {"status.phase": ("status", "phase")},
    "nodes": {"spec.unschedulable": ("spec", "unschedulable")},
    "secrets": {"type": ("type",)},
    "services": {"spec.clusterIP": ("spec", "clusterIP"), "spec.type": ("spec", "type")},
    "replicasets": {"status.replicas": ("status", "replicas")},
}


def labels(text: str) -> Predicate:
    """Return the test of a labelSelector: equality and set forms, joined by commas."""
    tests = [_requirement(part.strip()) for part in _COMMA.split(text) if part.strip()]
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def _requirement(text: str) -> Callable[[Mapping[str, str]], bool]:
    if found := _SET.match(text):
        key, values = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["op"] == "in":
            return lambda have: have.get(key) in values
        return lambda have: have.get(key) not in values
    if found := _EQUAL.match(text):
        key, value, differs = found["key"], found["value"], found["op"] == "!="
        return lambda have: (have.get(key) == value) != differs
    if found := _EXISTS.match(text):
        key, absent = found["key"], bool(found["not"])
        return lambda have: (key in have) != absent
    raise errors.bad_request("unable to parse requirement: found '=', expected: identifier")


def fields(text: str, resource: Resource) -> Predicate:
    """Return the test of a fieldSelector; a field that the resource does not offer is refused."""
    known = {
        "metadata.name": ("metadata", "name"),
        "metadata.namespace": ("metadata", "namespace"),
        **_FIELDS.get(resource.name, {}),
    }
    tests = []
    for part in filter(None, text.split(",")):
        name, value, differs = _split(part)
        if name not in known:
            choices = ", ".join(f'"{choice}"' for choice in known)
            raise errors.bad_request(f'"{name}" is not a known field selector: only {choices}')
        tests.append((known[name], value, differs))
    return lambda obj: all((_text(obj, path) == value) != differs for path, value, differs in tests)


def only_name(text: str) -> str:
    """Return the name that a fieldSelector asks for by equality, "" when it does not."""
    parts = [part for part in text.split(",") if part.startswith("metadata.name=")]
    return _split(parts[0])[1] if parts else ""


def _split(part: str) -> tuple[str, str, bool]:
    for operator in ("!=", "==", "="):
        name, found, value = part.partition(operator)
        if found:
            return name, value, operator == "!="
    raise errors.bad_request(f"invalid selector: '{part}'; can't understand '{part}'")


def _text(obj: Any, path: tuple[str, ...]) -> str:
    for name in path:
        obj = obj.get(name, "") if isinstance(obj, dict) else ""
    return str(obj)


def matches(selector: Object, have: Mapping[str, str]) -> bool:
    """Return whether labels meet a LabelSelector object (matchLabels and matchExpressions)."""
    equal = all(have.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return equal and all(expression(term, have) for term in selector.get("matchExpressions") or [])


def expression(term: Object, have: Mapping[str, str]) -> bool:
    """Return whether labels meet one matchExpressions term, of pods or of nodes."""
    key, values = term.get("key", ""), term.get("values") or []
    match term.get("operator"):
        case "In":
            return have.get(key) in values
        case "NotIn":
            return have.get(key) not in values
        case "Exists":
            return key in have
        case "Gt":
            return key in have and int(have[key]) > int(values[0])
        case "Lt":
            return key in have and int(have[key]) < int(values[0])
        case _:
            return key not in have
