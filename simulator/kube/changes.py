"""From the body and query of a writing request to a write."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.http import Request
from simulator.kube import decoding, errors, patch, reads
from simulator.kube.errors import FieldError
from simulator.kube.resources import Resource
from simulator.kube.schema import of_kind
from simulator.kube.store import Key, Object, Store, key_of
from simulator.kube.writes import DeleteOptions, Options, Writes

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_JSON = "application/json-patch+json"
_OPTIONS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}
_MAX_BODY = 3145728


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> Key:
        """Return the key in the store."""
        return self.namespace, self.name


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send back."""

    body: Object
    status: int = 200
    warnings: list[str] = field(default_factory=list)


class Changes:
    """Carries writing requests out."""

    def __init__(self, store: Store, writes: Writes) -> None:
        self._store = store
        self._writes = writes

    def answer(self, request: Request, target: Target, verb: str) -> Answer:
        """Do what the request says.

        Args:
            request: Its method says nothing more.
            target: What it is about.
            verb: create, update, patch, delete or deletecollection.
        """
        if len(request.body) > _MAX_BODY:
            message = f"Request entity too large: limit is {_MAX_BODY}"
            raise errors.KubeError(errors.status(413, "RequestEntityTooLarge", message))
        if verb == "delete":
            return Answer(self._writes.delete(target.resource, target.key, _delete_options(request)))
        if verb == "deletecollection":
            return self._delete_all(request, target)
        options = _options(request, target, verb)
        if verb == "create":
            return self._create(request, target, options)
        return self._update(request, target, options) if verb == "update" else self._patch(request, target, options)

    def scale_of(self, obj: Object) -> Object:
        """Return the Scale of a Deployment, ReplicaSet or StatefulSet (capture update_restart_scale)."""
        kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        labels = obj["spec"]["selector"].get("matchLabels") or {}
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {name: obj["metadata"][name] for name in kept},
            "spec": {"replicas": obj["spec"]["replicas"]},
            "status": {"replicas": obj.get("status", {}).get("replicas", 0), "selector": selector},
        }

    def _create(self, request: Request, target: Target, options: Options) -> Answer:
        obj = decoding.body_of(request.body, _media_type(request), target.resource)
        warnings = _decode(obj, target.resource, request.query)
        created = self._writes.create(target.resource, target.namespace, obj, options)
        return Answer(created, 201, warnings)

    def _update(self, request: Request, target: Target, options: Options) -> Answer:
        live = self._live(target)
        if target.subresource == "scale":
            return self._rescale(target, live, _load(request), options)
        obj = decoding.body_of(request.body, _media_type(request), target.resource)
        warnings = _decode(obj, target.resource, request.query)
        self._check_name(obj, target)
        return Answer(self._writes.update(target.resource, live, obj, options), 200, warnings)

    def _check_name(self, obj: Object, target: Target) -> None:
        name = obj.get("metadata", {}).get("name", "")
        if name != target.name:
            words = f"the name of the object ({name}) does not match the name on the URL ({target.name})"
            raise errors.bad_request(words)

    def _live(self, target: Target) -> Object:
        live = self._store.get(target.resource, target.key)
        if live is None:
            raise errors.not_found(target.resource, target.name)
        return live

    def _patch(self, request: Request, target: Target, options: Options) -> Answer:
        media_type = _media_type(request)
        if media_type == _APPLY:
            return self._apply(request, target, options)
        live = self._live(target)
        if target.subresource == "scale":
            merged = patch.merge_patch(self.scale_of(live), _load(request))
            return self._rescale(target, live, merged, options)
        obj = _patched(live, _load(request), media_type, target.resource)
        warnings = _decode(obj, target.resource, request.query)
        return Answer(self._writes.update(target.resource, live, obj, options), 200, warnings)

    def _rescale(self, target: Target, live: Object, scale: Object, options: Options) -> Answer:
        spec = scale.get("spec") if isinstance(scale, dict) else None
        replicas = spec.get("replicas", 0) if isinstance(spec, dict) else 0
        if not isinstance(replicas, int) or replicas < 0:
            error = FieldError.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
            raise errors.invalid(target.resource, target.name, [error])
        changed = live | {"spec": live["spec"] | {"replicas": replicas}}
        stored = self._writes.update(target.resource, live, changed, options)
        return Answer(self.scale_of(stored))

    def _apply(self, request: Request, target: Target, options: Options) -> Answer:
        if not request.query.get("fieldManager"):
            error = FieldError.required("fieldManager", "is required for apply patch")
            raise errors.invalid_options("PatchOptions", error)
        config = decoding.check_kind(_load(request), target.resource)
        decoding.check_types(config, target.resource.kind)
        metadata = config.setdefault("metadata", {})
        if "managedFields" in metadata:
            raise errors.bad_request("metadata.managedFields must be nil")
        metadata.setdefault("name", target.name)
        self._check_name(config, target)
        decoding.undeclared(config, target.resource)
        decoding.strict(config, target.resource, "Ignore")
        config.pop("status", None)
        obj, created = self._writes.apply(target.resource, target.key, config, options)
        return Answer(obj, 201 if created else 200)

    def _delete_all(self, request: Request, target: Target) -> Answer:
        options = _delete_options(request)
        wanted = reads.predicate(request.query, target.resource)
        doomed = [obj for obj in self._store.items(target.resource, target.namespace) if wanted(obj)]
        listed = reads.list_objects(self._store, target.resource, target.namespace, request.query)
        for obj in doomed:
            self._writes.delete(target.resource, key_of(obj), options)
        return Answer(listed)


def _patched(live: Object, body: Any, media_type: str, resource: Resource) -> Object:
    if media_type == _MERGE:
        merged: Object = patch.merge_patch(live, body)
        return merged
    if media_type == _STRATEGIC:
        return patch.strategic_merge(live, body, of_kind(resource.kind))
    if media_type == _JSON:
        return patch.json_patch(live, body)
    raise errors.unsupported_media_type(patch=True)


def _decode(obj: Object, resource: Resource, query: Mapping[str, str]) -> list[str]:
    warnings = decoding.strict(obj, resource, query.get("fieldValidation") or "Warn")
    if resource.name == "secrets":
        decoding.check_base64(obj, resource)
    return [f"299 - {json.dumps(warning)}" for warning in warnings]


def _load(request: Request) -> Any:
    try:
        if _media_type(request) == _JSON:
            return json.loads(request.body)
        return decoding.load(request.body.decode())
    except ValueError as error:
        raise errors.bad_request(f"error decoding patch: {error}") from error


def _media_type(request: Request) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip()


def _options(request: Request, target: Target, verb: str) -> Options:
    query = request.query
    agent = request.headers.get("User-Agent", "unknown").partition("/")[0]
    return Options(
        manager=query.get("fieldManager") or agent,
        dry_run=_is_dry(query.get("dryRun"), _OPTIONS[verb]),
        force=query.get("force") == "true",
        subresource=target.subresource,
    )


def _is_dry(value: str | None, kind: str) -> bool:
    if value not in {None, "", "All"}:
        raise errors.invalid_options(kind, FieldError.unsupported("dryRun", [value], ["All"]))
    return value == "All"


def _delete_options(request: Request) -> DeleteOptions:
    body = _load(request) if request.body.strip() not in {b"", b"null"} else {}
    decoding.check_types(body, "DeleteOptions")
    query = request.query
    grace = body.get("gracePeriodSeconds")
    if "gracePeriodSeconds" in query and grace is None:
        grace = reads.number(query, "gracePeriodSeconds")
    dry = (body.get("dryRun") or [query.get("dryRun")])[0]
    orphan = body.get("orphanDependents") or query.get("orphanDependents") == "true"
    policy = body.get("propagationPolicy") or query.get("propagationPolicy")
    return DeleteOptions(
        propagation=policy or ("Orphan" if orphan else "Background"),
        grace=grace,
        uid=(body.get("preconditions") or {}).get("uid", ""),
        dry_run=_is_dry(dry, "DeleteOptions"),
    )
