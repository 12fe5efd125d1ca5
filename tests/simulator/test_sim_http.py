"""The server under everything: streams that end with their client, cut connections, routes without case."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest

from simulator.http import Request, Response, Router, Server, TransportAbortError


@asynccontextmanager
async def serving(app):
    server = Server(app)
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
            yield client
    finally:
        await server.stop()


async def test_a_stream_is_closed_when_its_client_leaves():
    closed = asyncio.Event()

    async def chunks():
        try:
            yield b"first\n"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def app(_request):
        return Response(body=chunks())

    async with serving(app) as client:
        async with client.stream("GET", "/") as answer:
            first = await anext(answer.aiter_lines())
        await asyncio.wait_for(closed.wait(), 2)

    assert first == "first"


async def test_a_stream_that_ends_is_a_whole_answer():
    async def chunks():
        yield b"a"
        yield b"b"

    async def app(_request):
        return Response(body=chunks(), headers={"Content-Type": "text/plain"})

    async with serving(app) as client:
        answer = await client.get("/")

    assert (answer.text, answer.headers["Transfer-Encoding"]) == ("ab", "chunked")


async def test_a_stream_can_break_in_the_middle():
    async def chunks():
        yield b"a"
        raise TransportAbortError

    async def app(_request):
        return Response(body=chunks())

    async with serving(app) as client:
        with pytest.raises(httpx.TransportError):
            await client.get("/")


async def test_an_aborted_request_gets_no_answer():
    async def app(_request):
        raise TransportAbortError

    async with serving(app) as client:
        with pytest.raises(httpx.TransportError):
            await client.get("/")


async def test_a_request_keeps_what_the_client_wrote():
    seen = []

    async def app(request):
        seen.append(request)
        return Response.json({"ok": True})

    async with serving(app) as client:
        await client.post("/A/b%20c?x=1&y=%2B", content=b'{"k": 1}', headers={"X-Name": "v", "Host": "h:1"})

    request = seen[0]
    assert (request.method, request.path, dict(request.query)) == ("POST", "/A/b c", {"x": "1", "y": "+"})
    assert (request.headers["x-name"], request.json(), request.base_url) == ("v", {"k": 1}, "http://h:1")


def test_routes_match_without_case_and_keep_the_spelling_of_parameters():
    router = Router()
    router.add("GET", "/resourceGroups/{group}/x", lambda _request, _params: Response(), "GET x")

    found = router.match("GET", "/resourcegroups/Rg-One/X")

    assert found is not None
    assert found[1] == {"group": "Rg-One"}
    assert router.match("PUT", "/resourcegroups/Rg-One/X") is None
    assert router.methods("/resourcegroups/a/x") == ["GET"]
    assert [route.kind for route in router] == ["GET x"]


def test_a_request_below_a_prefix():
    request = Request("GET", "/kube/k/api")

    assert request.under("/kube/k").path == "/api"
    assert request.under("/kube/k/api").path == "/"
