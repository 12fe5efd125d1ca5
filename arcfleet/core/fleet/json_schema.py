"""The fleet file's JSON Schema (draft 2020-12), made from the models, so that editors complete and check it.

It says what holds for one file while it is written. What only a whole fleet can break (names used twice, parents, a
key that neither the defaults nor the site gives) is told by `arcfleet validate`.
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic.json_schema import models_json_schema

from arcfleet.core.fleet.manifest import FleetFile, SiteEntry

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
PARTIAL = "Partial"
_REF = "#/$defs/"


def schema() -> Schema:
    """Return the schema of a fleet file, or of one file of a folder."""
    _, made = models_json_schema([(FleetFile, "validation"), (SiteEntry, "validation")], by_alias=True)
    definitions: Schema = made["$defs"]
    top = definitions.pop("FleetFile")
    _add_partial(definitions, "SiteEntry")
    partial = {"$ref": f"{_REF}{PARTIAL}SiteEntry"}
    _replace(top["properties"]["defaults"], partial)
    _replace(definitions["Group"]["properties"]["set"], partial)
    _replace(definitions["Inventory"]["properties"]["set"], partial)
    _replace(top["properties"]["sites"], _array(partial))
    # In a folder one file holds these two and others hold the rest.
    del top["required"]
    top["dependentRequired"] = {"apiVersion": ["metadata"], "metadata": ["apiVersion"]}
    kept = {name: definitions[name] for name in sorted(_used(top, definitions))}
    tidy: Schema = _tidy({"$schema": DIALECT, **top, "title": "arcfleet fleet file", "$defs": kept})
    return tidy


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _replace(place: Schema, new: Schema) -> None:
    """Put another schema where one is, and keep what is said about it."""
    said = {key: place[key] for key in ("description",) if key in place}
    place.clear()
    place.update({**new, **said})


def _add_partial(definitions: Schema, name: str) -> None:
    """Add the schema of a layer's part of an object: nothing is required, and null deletes.

    Entries of lists stay whole: a list replaces another one.
    """
    if f"{PARTIAL}{name}" in definitions:
        return
    made = definitions[f"{PARTIAL}{name}"] = copy.deepcopy(definitions[name])
    made.pop("required", None)
    for key, value in made["properties"].items():
        made["properties"][key] = _nullable(definitions, value)


def _nullable(definitions: Schema, value: Schema) -> Schema:
    said: Schema = {key: value[key] for key in ("description", "default") if key in value}
    kinds: list[Schema] = value.get("anyOf") or [
        {key: part for key, part in value.items() if key not in {*said, "title"}}
    ]
    made: list[Schema] = []
    for kind in kinds:
        target = str(kind.get("$ref", "")).removeprefix(_REF)
        if target and "properties" in definitions[target]:
            _add_partial(definitions, target)
            made.append({"$ref": f"{_REF}{PARTIAL}{target}"})
        elif isinstance(kind.get("additionalProperties"), dict):
            made.append({**kind, "additionalProperties": {"anyOf": [kind["additionalProperties"], {"type": "null"}]}})
        else:
            made.append(kind)
    return {"anyOf": [*(kind for kind in made if kind != {"type": "null"}), {"type": "null"}], **said}


def _used(value: Any, definitions: Schema, seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the names of the definitions that a schema refers to, directly or not."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return seen
    target = str(value.get("$ref", "")).removeprefix(_REF)
    if target and target not in seen:
        seen = _used(definitions[target], definitions, seen | {target})
    for below in value.values():
        seen = _used(below, definitions, seen)
    return seen


def _tidy(value: Any, *, names: bool = False) -> Any:
    """Return a schema without what helps nobody, and with the lines of its texts joined.

    Args:
        value: A schema, or a part of one.
        names: The value's keys are names that the file may hold, no words of JSON Schema.
    """
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    if not names:
        value = {key: below for key, below in value.items() if not _says_nothing(key, below, top="$schema" in value)}
    return {
        key: " ".join(below.split())
        if key == "description" and not names
        else _tidy(below, names=key in {"properties", "$defs"} and not names)
        for key, below in value.items()
    }


def _says_nothing(key: str, value: Any, *, top: bool) -> bool:
    """Tell titles, which pydantic makes of the keys' names, and defaults that stand for many or for nothing."""
    return (key == "title" and not top) or (key == "default" and (value is None or isinstance(value, dict)))
