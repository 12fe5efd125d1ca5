"""As much of OpenAPI v3 as kubectl's client-side validation looks at.

`kubectl apply` reads the index, then the document of the group, and looks there only for PATCH operations of
the kind that take a `fieldValidation` parameter: with one, it leaves validation to the server. No schemas are
needed (measured with kubectl 1.32 and 1.36).
"""

import hashlib
from typing import Any

from simulator.kube.resources import GROUPS, TABLE, Resource

Object = dict[str, Any]


def index() -> Object:
    """Return the answer of /openapi/v3."""
    names = ["api/v1", *(f"apis/{group}/v1" for group in GROUPS)]
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={_digest(name)}"} for name in names}}


def document(name: str, minor: int) -> Object | None:
    """Return the document of `api/v1` or `apis/GROUP/v1`, None for another name."""
    group = "" if name == "api/v1" else name.removeprefix("apis/").removesuffix("/v1")
    served = [each for each in TABLE if each.group == group and each.stored and each.since <= minor]
    if not served:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": f"v1.{minor}"},
        "paths": {f"/{name}{_path(each)}": _operations(each) for each in served},
        "components": {"schemas": {}},
    }


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest().upper()


def _path(resource: Resource) -> str:
    return (
        f"/namespaces/{{namespace}}/{resource.name}/{{name}}" if resource.namespaced else f"/{resource.name}/{{name}}"
    )


def _operations(resource: Resource) -> Object:
    names = ("dryRun", "fieldManager", "fieldValidation")
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    kind = {"group": resource.group, "version": "v1", "kind": resource.kind}
    patch = {"parameters": parameters, "responses": {}, "x-kubernetes-action": "patch"}
    return {"patch": patch | {"x-kubernetes-group-version-kind": kind}}
