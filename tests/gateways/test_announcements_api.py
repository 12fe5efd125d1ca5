"""What registries announced, read over Prefect's REST API: what it answers, and what is said where it does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import aclosing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from arcfleet.core.facts import Unread
from arcfleet.core.sync.announcements import Announced
from arcfleet.gateways.announcements import ApiAnnouncements

VALUE = [["app/web:stable", "sha256:" + "ab" * 32, 1_795_000_000.0]]
Answer = tuple[int, str]


class Server:
    """A server that gives one answer, and keeps what it was asked, with what authorization."""

    def __init__(self) -> None:
        self.answer: Answer = (404, '{"detail":"Variable not found."}')
        self.asked: list[tuple[str, str]] = []


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("KEY", "AUTH_STRING", "SSL_CERT_FILE"):
        monkeypatch.delenv(f"PREFECT_API_{name}", raising=False)
    known = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.asked.append((self.path, self.headers.get("Authorization", "")))
            status, body = known.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        known.url = f"http://127.0.0.1:{http.server_port}/api"
        Thread(target=http.serve_forever, daemon=True).start()
        yield known
        http.shutdown()


async def read(find: Callable[[], str | None], times: int = 1) -> object:
    """Return what the last of so many questions is answered."""
    async with aclosing(ApiAnnouncements(find)) as announcements:
        for _ in range(times):
            found = await announcements.of("ACReu1", "Plant1")
    return found


async def test_the_variable_of_the_registry_is_read(server):
    server.answer = (200, json.dumps({"name": "x", "value": VALUE}))

    found = await read(lambda: server.url)

    assert {image: said.digest for image, said in found.items()} == {"app/web:stable": VALUE[0][1]}
    assert all(isinstance(said, Announced) for said in found.values())
    assert server.asked == [("/api/variables/name/arcfleet_arrived_acreu1_plant1", "")]


async def test_where_nothing_was_kept_nothing_was_announced(server):
    assert await read(lambda: server.url) == {}


BASIC = base64.b64encode(b"admin:pass").decode()
SIGNED = {
    "password": ({"PREFECT_API_AUTH_STRING": "admin:pass"}, f"Basic {BASIC}"),
    "key": ({"PREFECT_API_KEY": "pnu_1"}, "Bearer pnu_1"),
}


@pytest.mark.parametrize(("environment", "header"), SIGNED.values(), ids=SIGNED)
async def test_it_signs_in_as_prefects_own_client_does(server, monkeypatch, environment, header):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    await read(lambda: server.url)

    assert [authorization for _, authorization in server.asked] == [header]


ANSWERS = {
    "refused": ((401, ""), "answers with status 401"),
    "no such path": ((404, '{"detail":"Not Found"}'), "answers with status 404"),
    "elsewhere": ((302, ""), "answers with status 302"),
    "a defect": ((500, ""), "answers with status 500"),
    "no JSON": ((200, "<html>"), "no Prefect server"),
    "other JSON": ((200, "[1]"), "no Prefect server"),
    "JSON of something else": ((200, '{"detail": 1}'), "no Prefect server"),
}


@pytest.mark.parametrize(("answer", "why"), ANSWERS.values(), ids=ANSWERS)
async def test_what_does_not_answer_as_prefect_is_told_and_not_asked_again(server, answer, why):
    server.answer = answer

    found = await read(lambda: server.url, times=3)

    assert isinstance(found, Unread)
    assert why in found.why
    assert len(server.asked) == 1


async def test_an_authority_that_can_t_be_read_is_no_crash(server, monkeypatch, tmp_path):
    monkeypatch.setenv("PREFECT_API_SSL_CERT_FILE", str(tmp_path / "none.pem"))

    assert await read(lambda: server.url) == Unread("Prefect's server does not answer (FileNotFoundError)")


ABSENT = {
    "none runs": (lambda: None, "no Prefect server runs here"),
    "nobody listens": (lambda: "http://127.0.0.1:9/api", "does not answer"),
    "no address": (lambda: "http://[", "does not answer"),
    "no port": (lambda: "http://127.0.0.1:port/api", "does not answer"),
    "no scheme": (lambda: "nonsense", "does not answer"),
}


@pytest.mark.parametrize(("find", "why"), ABSENT.values(), ids=ABSENT)
async def test_without_a_server_it_is_said_so(find, why):
    found = await read(find, times=2)

    assert isinstance(found, Unread)
    assert why in found.why
