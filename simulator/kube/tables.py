"""The other forms of an answer that clients ask for.

`kubectl get` wants a Table, metadata clients want metadata only. The form of a Table is that of the captured one of
deployments, without the descriptions of its columns.
"""

from collections.abc import Mapping

from simulator.kube import printers
from simulator.kube.resources import Resource
from simulator.kube.store import Object


def as_accepted(body: Object, resource: Resource, headers: Mapping[str, str], now: str) -> Object:
    """Return an object or list in the form that the Accept header asks for first."""
    first = headers.get("Accept", "").partition(",")[0]
    if "as=Table" in first:
        return _table(body, resource, now)
    if "as=PartialObjectMetadata" in first:
        return _partial(body)
    return body


def _items(body: Object) -> list[Object]:
    return list(body["items"]) if "items" in body else [body]


def _partial(body: Object) -> Object:
    kind = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    if "items" not in body:
        return kind | {"metadata": body["metadata"]}
    # No items are null in this list, as the real one says too (capture partial_meta).
    items = [kind | {"metadata": item["metadata"]} for item in body["items"]] or None
    return kind | {"kind": "PartialObjectMetadataList", "metadata": body["metadata"], "items": items}


def _table(body: Object, resource: Resource, now: str) -> Object:
    names, cells = printers.COLUMNS.get(resource.name, ("Age", printers.other))
    columns = [_column(name) for name in names.split()]
    if resource.name != "events":
        columns.insert(0, _column("Name"))
    kind = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    rows = []
    for item in _items(body):
        first = [] if resource.name == "events" else [printers.name_of(resource.name, item)]
        rows.append({"cells": [*first, *cells(item, now)], "object": kind | {"metadata": item["metadata"]}})
    metadata = body["metadata"] if "items" in body else {"resourceVersion": body["metadata"]["resourceVersion"]}
    table = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    return table | {"columnDefinitions": columns, "rows": rows}


def _column(text: str) -> Object:
    """Return a column as `printers.COLUMNS` writes it."""
    name = text.lstrip("*#")
    marks = text[: len(text) - len(name)]
    form = "name" if name == "Name" else ""
    kind = "integer" if "#" in marks else "string"
    priority = 1 if "*" in marks else 0
    return {"name": name.replace("_", " "), "type": kind, "format": form, "description": "", "priority": priority}
