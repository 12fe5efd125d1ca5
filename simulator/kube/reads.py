"""Get, list and watch.

Lists page by `limit` and `continue`; watches replay, bookmark and expire as the watch cache does (captures
list_limit, 410_*, 504_future_rv, watch_*). A continue token and an exact version show the objects as they were.
"""

import asyncio
import base64
import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from simulator.http import TransportAbortError
from simulator.kube import errors, selectors
from simulator.kube.resources import Resource
from simulator.kube.store import Event, Object, Store

BOOKMARK_SECONDS = 60.0
_TRUE = frozenset({"1", "true", "True"})
_CONTINUE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def as_item(obj: Object) -> Object:
    """Return an object as lists hold it: without kind and apiVersion."""
    return {name: value for name, value in obj.items() if name not in {"kind", "apiVersion"}}


def number(query: Mapping[str, str], name: str) -> int:
    """Return a numeric parameter, 0 when it is absent."""
    text = query.get(name) or "0"
    if not text.lstrip("-").isdigit():
        raise errors.bad_request(f'invalid {name}: strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def predicate(query: Mapping[str, str], resource: Resource) -> selectors.Predicate:
    """Return the test of a request's selectors."""
    tests = []
    if query.get("labelSelector"):
        tests.append(selectors.labels(query["labelSelector"]))
    if query.get("fieldSelector"):
        tests.append(selectors.fields(query["fieldSelector"], resource))
    return lambda obj: all(test(obj) for test in tests)


def list_objects(store: Store, resource: Resource, namespace: str, query: Mapping[str, str]) -> Object:
    """Return the list that a request asks for."""
    version = _check_version(store, query)
    limit = number(query, "limit")
    wanted = predicate(query, resource)
    start = ""
    if query.get("continue"):
        version, start = _continued(store, query["continue"])
    metadata: Object = {"resourceVersion": str(version if version > 0 else store.version)}
    items = store.items(resource, namespace, version if version > 0 else None)
    found = [obj for obj in items if wanted(obj) and _position(obj) >= start]
    # The watch cache, which answers resourceVersion=0, knows no limit (capture list_rv0).
    if limit and len(found) > limit and query.get("resourceVersion") != "0":
        metadata["continue"] = _token(version, _position(found[limit - 1]) + "\0")
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            metadata["remainingItemCount"] = len(found) - limit
        found = found[:limit]
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": metadata,
        "items": [as_item(obj) for obj in found],
    }


def _position(obj: Object) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def _check_version(store: Store, query: Mapping[str, str]) -> int:
    asked = number(query, "resourceVersion")
    if asked > store.version:
        raise errors.too_large_resource_version(asked, store.version)
    if query.get("resourceVersionMatch") != "Exact":
        return store.version
    if asked < store.floor:
        raise errors.expired("The resourceVersion for the provided list is too old.")
    return asked


def _token(version: int, start: str) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _continued(store: Store, token: str) -> tuple[int, str]:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("latin-1")
        parsed = json.loads(text)
    except ValueError as error:
        shown = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("latin-1")[:1]
        raise errors.bad_request(
            "invalid continue token: continue key is not valid: "
            f"invalid character '{shown}' looking for beginning of value"
        ) from error
    version, start = int(parsed["rv"]), str(parsed["start"])
    if 0 < version < store.floor:
        raise errors.expired(_CONTINUE_TOO_OLD, resume=_token(-1, start))
    return version, start


class Watch:
    """An open watch: an async iterator of lines, to be closed when the client goes away.

    Args:
        store: What is watched.
        resource: Of which kind.
        namespace: Where, "" for everywhere.
        query: The request's selectors and options.
        shown: Turns an object into the form that the client accepts.

    It listens from its making, so that nothing is lost before the first line is read. Its timeout and bookmarks run in
    real time, since they belong to the connection; the events come in simulated time.
    """

    def __init__(
        self,
        store: Store,
        resource: Resource,
        namespace: str,
        query: Mapping[str, str],
        shown: Callable[[Object], Object],
    ) -> None:
        self._store = store
        self._shown = shown
        self._resource = resource
        self._namespace = namespace
        self._wants = predicate(query, resource)
        self._bookmarks = query.get("allowWatchBookmarks") in _TRUE
        self._lines: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._over = False
        self._aborted = False
        loop = asyncio.get_running_loop()
        seconds = number(query, "timeoutSeconds") or random.randint(1800, 3600)
        self._end = loop.time() + seconds
        self._next_bookmark = loop.time() + BOOKMARK_SECONDS
        self._after = 0
        self._stop = store.listen(self._on_event)
        self._replay(query)

    def abort(self) -> None:
        """Cut the connection, as a cluster does that becomes unreachable."""
        self._aborted = True
        self._wake.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self._aborted:
                raise TransportAbortError
            if self._lines:
                joined = b"".join(self._lines)
                self._lines.clear()
                return joined
            if self._over:
                raise StopAsyncIteration
            await self._wait()

    async def aclose(self) -> None:
        """Stop listening."""
        self._over = True
        self._stop()
        self._wake.set()

    @property
    def is_open(self) -> bool:
        """Return whether the watch still listens."""
        return not self._over

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        until = min(self._end, self._next_bookmark) if self._bookmarks else self._end
        try:
            async with asyncio.timeout_at(until):
                await self._wake.wait()
        except TimeoutError:
            self._on_time(loop.time())
        self._wake.clear()

    def _on_time(self, now: float) -> None:
        if self._bookmarks:
            self._bookmark({})
            self._next_bookmark = now + BOOKMARK_SECONDS
        if now >= self._end:
            self._over = True
            self._stop()

    def _replay(self, query: Mapping[str, str]) -> None:
        version = number(query, "resourceVersion")
        initial = query.get("sendInitialEvents") in _TRUE
        if initial or not version:
            for obj in self._store.items(self._resource, self._namespace):
                if self._wants(obj):
                    self._send("ADDED", self._shown(obj))
            if initial:
                self._bookmark({"annotations": {"k8s.io/initial-events-end": "true"}})
        elif version < self._store.floor:
            current = self._store.version
            error = errors.expired(f"too old resource version: {version} ({current})")
            self._send("ERROR", error.status)
            self._over = True
            self._stop()
        else:
            # A version from the future is waited for in silence (capture watch_future).
            self._after = version
            for event in self._store.since(version):
                self._on_event(event)

    def _on_event(self, event: Event) -> None:
        for kind, obj in self._seen(event):
            self._send(kind, self._shown(obj))

    def _seen(self, event: Event) -> Iterator[tuple[str, Object]]:
        """Yield the event as this watch sees it: leaving the selection is DELETED, entering it ADDED."""
        if event.resource is not self._resource or event.version <= self._after:
            return
        if self._namespace and event.object["metadata"].get("namespace") != self._namespace:
            return
        was = event.before is not None and self._wants(event.before)
        if event.type == "DELETED":
            if was:
                yield "DELETED", event.object
        elif self._wants(event.object):
            yield "MODIFIED" if was else "ADDED", event.object
        elif was:
            yield "DELETED", event.object

    def _bookmark(self, extra: Object) -> None:
        metadata = {"resourceVersion": str(self._store.version)} | extra
        kind = {"kind": self._resource.kind, "apiVersion": self._resource.api_version}
        self._send("BOOKMARK", kind | {"metadata": metadata})

    def _send(self, kind: str, obj: Any) -> None:
        self._lines.append(json.dumps({"type": kind, "object": obj}, separators=(",", ":")).encode() + b"\n")
        self._wake.set()
