"""OpenAPI v3: the documents of each group, with the schemas of the kinds that are served.

Clients look for three things in them: kubectl's client-side validation and `apply` for the PATCH operations of a
kind, its query parameters and media types; a strategic merge for `x-kubernetes-patch-*`; and `kubectl explain` for
the fields. The schemas are made from `schema`, which the server decodes by, so they cannot say anything else.
Descriptions are not served, and below `any` there is nothing to explain.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Any

from simulator.kube.resources import GROUPS, TABLE, Resource
from simulator.kube.schema import STRUCTS, Type

Object = dict[str, Any]

_PATCHES = ("json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")
_META = frozenset({"DeleteOptions", "LabelSelector", "LabelSelectorRequirement", "ObjectMeta", "OwnerReference"})
_REQUIRED = {
    "Container": "name",
    "ContainerPort": "containerPort",
    "ControllerRevision": "data",
    "ClusterRoleBinding": "roleRef",
    "ConfigMapKeySelector": "key",
    "DaemonSet": "spec",
    "DaemonSetSpec": "selector template",
    "Deployment": "spec",
    "DeploymentSpec": "selector template",
    "EnvVar": "name",
    "Event": "metadata involvedObject",
    "LabelSelectorRequirement": "key operator",
    "NodeSelector": "nodeSelectorTerms",
    "NodeSelectorRequirement": "key operator",
    "OwnerReference": "apiVersion kind name uid",
    "PersistentVolumeClaimVolumeSource": "claimName",
    "PodSpec": "containers",
    "PolicyRule": "verbs",
    "ReplicaSet": "spec",
    "ReplicaSetSpec": "selector",
    "RoleBinding": "roleRef",
    "RoleRef": "kind name",
    "SecretKeySelector": "key",
    "SelfSubjectAccessReview": "spec",
    "SelfSubjectRulesReview": "spec",
    "ServicePort": "port",
    "StatefulSet": "spec",
    "StatefulSetSpec": "selector template",
    "StorageClass": "provisioner",
    "Subject": "kind name",
    "Taint": "effect key",
    "Volume": "name",
    "VolumeMount": "mountPath name",
}
_KEEPS_KEYS = frozenset({"Volume", "DeploymentStrategy"})
"""What a strategic merge replaces but for the keys that it is given (`retainKeys`): one kind out of several."""


def index(minor: int) -> Object:
    """Return the answer of /openapi/v3."""
    names = ["api/v1", *(f"apis/{group}/v1" for group in GROUPS)]
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={_digest(name, minor)}"} for name in names}}


@cache
def document(name: str, minor: int) -> Object | None:
    """Return the document of `api/v1` or `apis/GROUP/v1`, None for another name."""
    group = "" if name == "api/v1" else name.removeprefix("apis/").removesuffix("/v1")
    if name != "api/v1" and group not in GROUPS:
        return None
    served = [each for each in TABLE if each.group == group and each.since <= minor]
    schemas: Object = {}
    for resource in served:
        schema = _add(STRUCTS.get(resource.kind, STRUCTS["Other"]), group, schemas, resource.kind)
        kind = {"group": resource.group, "version": "v1", "kind": resource.kind}
        schemas[schema]["x-kubernetes-group-version-kind"] = [kind]
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": f"v1.{minor}"},
        "paths": dict(path for each in served for path in _paths(each, name)),
        "components": {"schemas": schemas},
    }


def _digest(name: str, minor: int) -> str:
    return hashlib.sha256(f"{name} {minor}".encode()).hexdigest().upper()


def _paths(resource: Resource, name: str) -> Iterator[tuple[str, Object]]:
    """Yield the paths of a resource, with the operations that clients look for."""
    where = f"/{name}/namespaces/{{namespace}}/{resource.name}" if resource.namespaced else f"/{name}/{resource.name}"
    yield where, {"post": _operation(resource, "post", ["*/*"])}
    if "patch" in resource.verbs:
        yield (
            f"{where}/{{name}}",
            {"patch": _operation(resource, "patch", [f"application/{each}" for each in _PATCHES])},
        )


def _operation(resource: Resource, action: str, media_types: list[str]) -> Object:
    names = ("dryRun", "fieldManager", "fieldValidation", *(["force"] if action == "patch" else []))
    return {
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names],
        "requestBody": {"content": {media_type: {"schema": {"type": "object"}} for media_type in media_types}},
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": resource.group, "version": "v1", "kind": resource.kind},
    }


def _add(struct: Type, group: str, schemas: Object, kind: str = "") -> str:
    """Put the schema of a struct and of all that it holds among `schemas`; return its name."""
    label = kind or struct.name
    name = f"{_package(label, group)}.{label}"
    if name in schemas:
        return name
    schema: Object = {"type": "object"}
    schemas[name] = schema
    if label in _REQUIRED:
        schema["required"] = _REQUIRED[label].split()
    members = {field: each for field, each in struct.fields.items() if field != "*"}
    schema["properties"] = {field: _typed(each, group, schemas) for field, each in members.items()}
    return name


def _package(struct: str, group: str) -> str:
    if struct in _META:
        return "io.k8s.apimachinery.pkg.apis.meta.v1"
    home = next((each.group for each in TABLE if each.kind == struct), None)
    if home is None:
        home = group if struct in _OWN.get(group, frozenset()) else ""
    return f"io.k8s.api.{home.partition('.')[0] or 'core'}.v1"


_OWN = {
    "apps": frozenset(name for name in STRUCTS if name.startswith(("DaemonSet", "Deployment", "ReplicaSet", "Rolling")))
    | frozenset(name for name in STRUCTS if name.startswith("StatefulSet")),
    "authorization.k8s.io": frozenset(name for name in STRUCTS if "Attributes" in name or "ReviewSpec" in name),
    "networking.k8s.io": frozenset({"ServiceCIDRSpec"}),
    "rbac.authorization.k8s.io": frozenset({"PolicyRule", "RoleRef", "Subject"}),
}
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_SCALARS: dict[str, Object] = {
    "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "bool": {"type": "boolean"},
    "int": {"type": "integer", "format": "int32"},
    "str": {"type": "string"},
}


def _typed(kind: Type, group: str, schemas: Object) -> Object:
    """Return the schema of a field."""
    if kind.shape == "struct":
        reference = {"allOf": [{"$ref": f"#/components/schemas/{_add(kind, group, schemas)}"}], "default": {}}
        atomic = {"x-kubernetes-map-type": "atomic"} if kind.atomic else {}
        return reference | atomic | ({"x-kubernetes-patch-strategy": "retainKeys"} if kind.name in _KEEPS_KEYS else {})
    if kind.shape == "map" and kind.of:
        atomic = {"x-kubernetes-map-type": "atomic"} if kind.atomic else {}
        return {"type": "object", "additionalProperties": _typed(kind.of, group, schemas)} | atomic
    if kind.shape == "list" and kind.of:
        return {"type": "array", "items": _typed(kind.of, group, schemas)} | _list_marks(kind)
    if kind.name == "intstr":
        schemas[_INT_OR_STRING] = {"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"}
        return {"allOf": [{"$ref": f"#/components/schemas/{_INT_OR_STRING}"}]}
    return dict(_SCALARS[kind.name])


def _list_marks(kind: Type) -> Object:
    """Return how a list merges."""
    if kind.keys is None:
        return {"x-kubernetes-list-type": "atomic"}
    if not kind.keys:
        return {"x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge"}
    keeps = ",retainKeys" if kind.of and kind.of.name in _KEEPS_KEYS else ""
    return {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(kind.keys),
        "x-kubernetes-patch-merge-key": kind.keys[0],
        "x-kubernetes-patch-strategy": f"merge{keeps}",
    }
