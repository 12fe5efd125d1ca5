"""The routes of the API server: from a request to reads and writes, and back.

The path decides the resource, the method the verb; who may not is told 403 before anything is looked up.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from simulator.http import Request, Response
from simulator.kube import decoding, discovery, errors, openapi, reads, resources, reviews, selectors, tables
from simulator.kube.access import Access
from simulator.kube.changes import Changes, Target
from simulator.kube.errors import KubeError
from simulator.kube.rbac import Attributes, User
from simulator.kube.resources import Resource
from simulator.kube.store import Object, Store
from simulator.kube.version import Version

_TRUE = frozenset({"1", "true", "True"})
_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "POST": "create", "DELETE": "delete"}
_READABLE = ("application/json", "application/*", "*/*", "application/yaml", "protobuf")
_HEALTH = frozenset({"livez", "readyz", "healthz"})


class Api:
    """Answers requests.

    Args:
        store: What is read.
        changes: What is written.
        users: Who asks.
        version: The server's version.
        now: Returns the time as Kubernetes writes it.
        logs: Returns the log of a pod, by its object and the request's query.
    """

    def __init__(
        self,
        store: Store,
        changes: Changes,
        users: Access,
        version: Version,
        *,
        now: Callable[[], str],
        logs: Callable[[Object, Mapping[str, str]], str],
    ) -> None:
        self._store = store
        self._changes = changes
        self._users = users
        self._version = version
        self._now = now
        self._logs = logs
        self.watches: set[reads.Watch] = set()

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        try:
            response = self._dispatch(request)
        except KubeError as error:
            response = _failure(error)
        response.headers.setdefault("Audit-Id", str(uuid.uuid4()))
        response.headers.setdefault("Cache-Control", "no-cache, private")
        return response

    def _dispatch(self, request: Request) -> Response:
        user = self._users.authenticate(request.headers)
        parts = [part for part in request.path.split("/") if part]
        if parts[:2] == ["api", "v1"] and len(parts) > 2:
            return self._resource(request, user, "", parts[2:])
        if parts[:1] == ["apis"] and len(parts) > 3 and parts[1] in resources.GROUPS and parts[2] == "v1":
            return self._resource(request, user, parts[1], parts[3:])
        self._users.require_path(user, request.method.lower(), request.path)
        return self._document(request, parts) or Response.text("404 page not found\n", 404)

    def _document(self, request: Request, parts: list[str]) -> Response | None:
        """Answer what is not about an object: versions, discovery, OpenAPI, health."""
        minor, aggregated = self._version.minor, discovery.wants_aggregated(request.headers)
        body: Object | None = None
        match parts:
            case [name] if name in _HEALTH:
                return Response.text("ok")
            case ["version"]:
                body = self._version.answer()
            case ["api" | "apis"] if aggregated:
                groups = ("",) if parts == ["api"] else resources.GROUPS
                return _json(discovery.aggregated(groups, minor), headers={"Content-Type": discovery.AGGREGATED})
            case ["api"]:
                body = discovery.api_versions(request.base_url.partition("://")[2])
            case ["apis"]:
                body = discovery.api_group_list()
            case ["api", "v1"]:
                body = discovery.resource_list("", minor)
            case ["apis", group, *rest] if group in resources.GROUPS and rest in ([], ["v1"]):
                body = discovery.resource_list(group, minor) if rest else discovery.api_group(group)
            case ["openapi", "v3", *name]:
                body = openapi.document("/".join(name), minor) if name else openapi.index(minor)
        return None if body is None else _json(body)

    def _resource(self, request: Request, user: User, group: str, parts: list[str]) -> Response:
        target = self._target(group, parts)
        verb = _verb(request, target)
        asked = _asked(request, target, verb)
        self._users.require(user, target.resource, asked)
        self._check_served(target)
        _check_verb(request, target, verb)
        if verb in {"get", "list", "watch"}:
            _check_accept(request)
            return self._read(request, target, verb)
        if not target.resource.stored:
            return self._review(request, user, target.resource)
        applies = request.headers.get("Content-Type", "").startswith("application/apply-patch")
        if applies and self._store.get(target.resource, target.key) is None:
            # Server-side apply creates what is not there, and needs the right to.
            self._users.require(user, target.resource, replace(asked, verb="create", name=""))
        answer = self._changes.answer(request, target, verb)
        headers = {"Warning": ", ".join(answer.warnings)} if answer.warnings else {}
        return _json(answer.body, answer.status, headers)

    def _target(self, group: str, parts: list[str]) -> Target:
        """Return what a path names, which need not be served: who may not is not told so."""
        namespace = ""
        if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in {"status", "finalize"}:
            namespace, parts = parts[1], parts[2:]
        if len(parts) > 3:
            raise errors.unknown_resource()
        known = resources.find(group, parts[0], self._version.minor)
        resource = known or Resource(group, parts[0], "", "", stored=False, verbs=())
        name, subresource = [*parts[1:], "", ""][:2]
        return Target(resource, namespace, name, subresource)

    def _check_served(self, target: Target) -> None:
        resource = target.resource
        served = resources.find(resource.group, resource.name, self._version.minor) is resource
        misplaced = bool(target.namespace) and not resource.namespaced
        if not served or misplaced or (target.subresource and target.subresource not in resource.subresources):
            raise errors.unknown_resource()

    def _read(self, request: Request, target: Target, verb: str) -> Response:
        if verb == "watch":
            return self._watch(request, target)
        if verb == "list":
            body = reads.list_objects(self._store, target.resource, target.namespace, request.query)
            return _json(tables.as_accepted(body, target.resource, request.headers, self._now()))
        obj = self._store.get(target.resource, target.key)
        if obj is None:
            raise errors.not_found(target.resource, target.name)
        if target.subresource == "log":
            return Response.text(self._logs(obj, request.query), content_type="text/plain")
        if target.subresource == "scale":
            return _json(self._changes.scale_of(obj))
        return _json(tables.as_accepted(obj, target.resource, request.headers, self._now()))

    def _watch(self, request: Request, target: Target) -> Response:
        query = dict(request.query)
        if target.name:
            query["fieldSelector"] = f"metadata.name={target.name}"
        self.watches = {watch for watch in self.watches if watch.is_open}

        def shown(obj: Object) -> Object:
            return tables.as_accepted(obj, target.resource, request.headers, self._now())

        watch = reads.Watch(self._store, target.resource, target.namespace, query, shown)
        self.watches.add(watch)
        return Response(200, watch, {"Content-Type": "application/json"})

    def _review(self, request: Request, user: User, resource: Resource) -> Response:
        media_type = request.headers.get("Content-Type", "").partition(";")[0]
        body = decoding.body_of(request.body, media_type, resource)
        decoding.strict(body, resource, request.query.get("fieldValidation") or "Warn")
        return _json(reviews.answer(resource, body, user, self._users.authorizer, self._now()), 201)


def _verb(request: Request, target: Target) -> str:
    verb = _VERBS.get(request.method, "")
    if verb == "get" and request.query.get("watch") in _TRUE:
        return "watch"
    if verb == "get" and not target.name:
        return "list"
    return "deletecollection" if verb == "delete" and not target.name else verb


def _asked(request: Request, target: Target, verb: str) -> Attributes:
    """Return what a request wants, as rules are compared with it (apiserver `RequestInfoFactory`)."""
    resource, name, namespace = target.resource, target.name, target.namespace
    if not name and verb in {"list", "watch", "deletecollection"}:
        name = selectors.only_name(request.query.get("fieldSelector", ""))
    if resource.name == "namespaces":
        namespace = target.name
    return Attributes(verb, resource.group, resource.name, target.subresource, name, namespace)


def _check_verb(request: Request, target: Target, verb: str) -> None:
    misplaced = (verb == "create" and bool(target.name)) or (verb in {"update", "patch"} and not target.name)
    allowed = verb in target.resource.verbs
    if target.subresource:
        allowed = verb in ({"get"} if target.subresource == "log" else {"get", "patch", "update"})
    if misplaced or not allowed or request.method not in _VERBS:
        raise errors.method_not_allowed()


def _check_accept(request: Request) -> None:
    accept = request.headers.get("Accept", "")
    if accept and not any(kind in accept for kind in _READABLE):
        raise errors.not_acceptable()


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response.json(body, status, {"Content-Type": "application/json", **(headers or {})})


def _failure(error: KubeError) -> Response:
    seconds = error.status.get("details", {}).get("retryAfterSeconds")
    return _json(error.status, error.code, {"Retry-After": str(seconds)} if seconds else {})
