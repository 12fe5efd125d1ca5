"""HTTP in the simulator's own small words, and the aiohttp server that speaks them on the loopback address.

Handlers turn a `Request` into a `Response`. aiohttp.web is used below them, and not ASGI, since an injected
fault must be able to abort the transport.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from aiohttp import web
from multidict import CIMultiDict


class TransportAbortError(Exception):
    """Raised by a handler to cut the connection without an answer, as an unreachable or dying server does."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a handler sees it.

    Attributes:
        method: The verb, upper-case.
        path: The decoded path, without the query.
        query: The first value of each query parameter.
        headers: Case-insensitive.
        body: The whole body.
        base_url: `scheme://host:port` as the client wrote it; absolute links in answers start with it.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=CIMultiDict)
    body: bytes = b""
    base_url: str = ""

    def json(self) -> Any:
        """Return the body read as JSON; ValueError when it is none."""
        return json.loads(self.body)

    def under(self, prefix: str) -> "Request":
        """Return the same request with `prefix` taken off its path."""
        return replace(self, path=self.path[len(prefix) :] or "/")


@dataclass(slots=True)
class Response:
    """An answer: a body of bytes, or an async iterator of chunks that is closed when the client goes away."""

    status: int = 200
    body: bytes | AsyncIterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, payload: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """Return an answer with `payload` as compact JSON."""
        body = json.dumps(payload, separators=(",", ":")).encode()
        return cls(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})

    @classmethod
    def text(cls, text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Self:
        """Return an answer of plain text."""
        return cls(status, text.encode(), {"Content-Type": content_type})


Handler = Callable[[Request, dict[str, str]], Response | Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a pattern such as `/a/{name}` in segments, and who handles it."""

    method: str
    segments: tuple[str, ...]
    handler: Handler
    kind: str

    def params(self, parts: tuple[str, ...]) -> dict[str, str] | None:
        """Return the values of the pattern's names in a path of the same length, or None if it differs."""
        found = {}
        for segment, part in zip(self.segments, parts, strict=True):
            if segment.startswith("{"):
                found[segment[1:-1]] = part
            elif segment != part.casefold():
                return None
        return found


class Router:
    """Routes by method and path. Fixed segments match whatever their case, as ARM's do."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, int], list[Route]] = {}

    def add(self, method: str, pattern: str, handler: Handler, kind: str = "") -> None:
        """Let `handler` answer `method` on `pattern`; `kind` names the route in the counters."""
        segments = tuple(s if s.startswith("{") else s.casefold() for s in _split(pattern))
        self._routes.setdefault((method, len(segments)), []).append(Route(method, segments, handler, kind))

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route for a request and its parameters (as the client wrote them), or None."""
        parts = _split(path)
        for route in self._routes.get((method, len(parts)), ()):
            params = route.params(parts)
            if params is not None:
                return route, params
        return None

    def methods(self, path: str) -> list[str]:
        """Return the methods that some route has for this path, to tell 405 from 404."""
        parts = _split(path)
        return sorted(
            method
            for (method, length), routes in self._routes.items()
            if length == len(parts) and any(route.params(parts) is not None for route in routes)
        )

    def __iter__(self) -> Iterator[Route]:
        return (route for routes in self._routes.values() for route in routes)


App = Callable[[Request], Coroutine[Any, Any, Response]]


class Server:
    """Serves one application on 127.0.0.1.

    Args:
        app: Answers each request.
        tls: The server side of TLS, or None for plain HTTP.
    """

    def __init__(self, app: App, tls: ssl.SSLContext | None = None) -> None:
        self._app = app
        self._tls = tls
        self._scheme = "https" if tls else "http"
        self._runner: web.ServerRunner | None = None
        self._streaming: set[asyncio.Transport] = set()
        self.port = 0

    async def start(self, port: int = 0) -> int:
        """Listen on `port`, or on a free one for 0; return the port."""
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=self._tls, backlog=1024)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self.port

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    def cut_streams(self) -> None:
        """Abort every streaming answer: what it told about is gone."""
        for transport in list(self._streaming):
            transport.abort()

    async def _handle(self, raw: web.BaseRequest) -> web.StreamResponse:
        request = await self._read(raw)
        try:
            # A client that gives up does not undo what it asked for: the work goes on without it.
            response = await asyncio.shield(asyncio.ensure_future(self._app(request)))
        except TransportAbortError:
            if raw.transport is not None:
                raw.transport.abort()
            return web.Response()
        if isinstance(response.body, bytes):
            return web.Response(status=response.status, body=response.body, headers=response.headers)
        transport = raw.transport
        if transport is None:
            return web.Response()
        self._streaming.add(transport)
        try:
            return await _stream(raw, response, response.body)
        finally:
            self._streaming.discard(transport)

    async def _read(self, raw: web.BaseRequest) -> Request:
        return Request(
            raw.method,
            raw.path,
            {name: raw.query.getone(name) for name in raw.query},
            raw.headers,
            await raw.content.read(),
            f"{self._scheme}://{raw.host}",
        )


async def _stream(raw: web.BaseRequest, response: Response, chunks: AsyncIterator[bytes]) -> web.StreamResponse:
    answer = web.StreamResponse(status=response.status, headers=response.headers)
    answer.enable_chunked_encoding()
    try:
        await answer.prepare(raw)
        async for chunk in chunks:
            await answer.write(chunk)
        await answer.write_eof()
    except ConnectionError:
        # The client went away while we wrote: nobody is left to tell.
        pass
    except TransportAbortError:
        if raw.transport is not None:
            raw.transport.abort()
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
    return answer


def _split(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)
