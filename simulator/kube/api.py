"""The routes of the API server: from a request to reads and writes, and back.

The path decides the resource, the method the verb; who may not is told 403 before anything is looked up.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from simulator.http import Request, Response
from simulator.kube import access, decoding, errors, openapi, reads, resources, tables
from simulator.kube.access import Access, User
from simulator.kube.changes import Changes, Target
from simulator.kube.errors import KubeError
from simulator.kube.resources import BY_NAME, Resource
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
        document = self._document(request, parts)
        if document is None:
            return Response.text("404 page not found\n", 404)
        return document

    def _document(self, request: Request, parts: list[str]) -> Response | None:
        """Answer what is not about an object: versions, discovery, OpenAPI, health."""
        if len(parts) == 1 and parts[0] in _HEALTH:
            return Response.text("ok")
        body: Object | None = None
        match parts:
            case ["version"]:
                body = self._version.answer()
            case ["api"]:
                body = resources.api_versions(request.base_url.partition("://")[2])
            case ["apis"]:
                body = resources.api_group_list()
            case ["api", "v1"]:
                body = resources.resource_list("", self._version.minor)
            case ["apis", group, *rest] if group in resources.GROUPS:
                body = resources.resource_list(group, self._version.minor) if rest else resources.api_group(group)
            case ["openapi", "v3", *name]:
                body = openapi.document("/".join(name), self._version.minor) if name else openapi.index()
        return None if body is None else _json(body)

    def _resource(self, request: Request, user: User, group: str, parts: list[str]) -> Response:
        target = self._target(group, parts)
        verb = _verb(request, target)
        where = {"name": target.name, "subresource": target.subresource}
        access.require(user, verb, target.resource, target.namespace, **where)
        _check_verb(request, target, verb)
        if verb in {"get", "list", "watch"}:
            _check_accept(request)
            return self._read(request, target, verb)
        if not target.resource.stored:
            return self._review(request, user, target.resource)
        applies = request.headers.get("Content-Type", "").startswith("application/apply-patch")
        if applies and self._store.get(target.resource, target.key) is None:
            # Server-side apply creates what is not there, and needs the right to.
            access.require(user, "create", target.resource, target.namespace)
        answer = self._changes.answer(request, target, verb)
        headers = {"Warning": ", ".join(answer.warnings)} if answer.warnings else {}
        return _json(answer.body, answer.status, headers)

    def _target(self, group: str, parts: list[str]) -> Target:
        namespace = ""
        if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in {"status", "finalize"}:
            namespace, parts = parts[1], parts[2:]
        resource = resources.find(group, parts[0], self._version.minor)
        if resource is None or (namespace and not resource.namespaced) or len(parts) > 3:
            raise errors.unknown_resource()
        name, subresource = [*parts[1:], "", ""][:2]
        if subresource and subresource not in resource.subresources:
            raise errors.unknown_resource()
        return Target(resource, namespace, name, subresource)

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
        if user is access.ANONYMOUS:
            why = f'User "{user.name}" cannot create resource "{resource.name}" in API group "{resource.group}"'
            raise errors.forbidden(resource, "", f"{why} at the cluster scope")
        media_type = request.headers.get("Content-Type", "").partition(";")[0]
        body = decoding.body_of(request.body, media_type, resource)
        if resource is BY_NAME["selfsubjectreviews"]:
            return _json(access.whoami(user, self._now()), 201)
        return _json(access.review(user, body), 201)


def _verb(request: Request, target: Target) -> str:
    verb = _VERBS.get(request.method, "")
    if verb == "get" and request.query.get("watch") in _TRUE:
        return "watch"
    if verb == "get" and not target.name:
        return "list"
    return "deletecollection" if verb == "delete" and not target.name else verb


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
