"""The bridge over HTTP: who may speak, what is kept, and what the sender is told."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from pathlib import Path

import httpx
import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings

from arcfleet.app.bridging import bridge_command
from arcfleet.app.bridging.bridge import MAX_BODY, STRANGERS, Known, Receiver, application
from arcfleet.app.bridging.bridge_sender import Sender
from arcfleet.app.bridging.outbox import Outbox
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import ManifestError, PermanentError
from tests.conftest import SUBSCRIPTION, fleet_of, fleet_text

DIGEST = f"sha256:{'ab' * 32}"
NEW, OLD = "new-secret-of-the-bridge", "old-secret-of-the-bridge"
TOPIC = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry/registries/acreu1"


class FakePrefect:
    """Stands for the sender: it answers, or it does not."""

    answers = True


class World:
    """A bridge, and a client that speaks to it."""

    def __init__(self, folder: Path) -> None:
        self.prefect = FakePrefect()
        self.outbox = Outbox(folder / "bridge.db")
        known = Known(fleet_of(fleet_text(1)), (Secret(NEW), Secret(OLD)))
        app = application(Receiver(known, self.outbox, self.prefect))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bridge")

    async def tell(self, body, secret: str | None = NEW, **options) -> httpx.Response:
        headers = {"X-Arcfleet-Secret": secret} if secret else {}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post("/push", content=content, headers=headers, **options)

    @property
    def waiting(self) -> int:
        return self.outbox.waiting()[0]


@pytest.fixture
async def world(tmp_path):
    made = World(tmp_path)
    yield made
    await made.client.aclose()
    made.outbox.close()


def webhook(number=1, *, tag="stable", repository="app/web", digest=DIGEST, host="acreu1.azurecr.io"):
    target = {"repository": repository, "tag": tag, "digest": digest}
    return {"id": f"id-{number}", "action": "push", "target": target, "request": {"host": host}}


def event(number=1, topic=TOPIC, **values):
    kind = "Microsoft.ContainerRegistry.ImagePushed"
    return {"id": f"event-{number}", "eventType": kind, "topic": topic, "data": webhook(number, **values)}


def other_digest(number):
    return f"sha256:{number:064x}"


@pytest.mark.parametrize("secret", [NEW, OLD])
async def test_both_secrets_hold_during_a_rotation(world, secret):
    answer = await world.tell(webhook(), secret)

    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "repeated": 0, "ignored": 0})
    assert world.waiting == 1


async def test_event_grid_may_give_the_secret_in_the_address(world):
    answer = await world.tell([event()], None, params={"code": NEW})

    assert answer.status_code == 200
    assert world.waiting == 1


@pytest.mark.parametrize("secret", [None, "", NEW[:-1], f"{NEW}x", NEW.upper(), "\u00fcnknown", "x" * 9000])
async def test_who_does_not_know_the_secret_is_refused_and_starts_nothing(world, secret):
    given = secret.encode() if secret else None
    headers = {"X-Arcfleet-Secret": given} if given else {}
    for method, body in (("POST", json.dumps(webhook()).encode()), ("OPTIONS", b""), ("POST", b"[" * 100_000)):
        answer = await world.client.request(method, "/push", content=body, headers=headers)
        assert answer.status_code == 401

    assert world.waiting == 0


async def test_the_handshakes_of_event_grid_are_answered_to_who_knows_the_secret(world):
    question = {"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "id": "1", "topic": TOPIC}
    code = await world.tell([question | {"data": {"validationCode": "512d38b6"}}])
    options = await world.client.options(
        "/push", params={"code": NEW}, headers={"WebHook-Request-Origin": "eventgrid.azure.net"}
    )
    odd = await world.client.options("/push", params={"code": NEW}, headers={"WebHook-Request-Origin": "a b"})

    assert code.json() == {"validationResponse": "512d38b6"}
    assert (options.status_code, options.headers["WebHook-Allowed-Origin"]) == (200, "eventgrid.azure.net")
    assert odd.status_code == 400


async def test_a_push_is_taken_once_by_its_id_and_once_by_its_digest(world):
    answers = [
        await world.tell(webhook(1)),
        await world.tell(webhook(1, digest=other_digest(1))),  # The same id again.
        await world.tell([event(2)]),  # Another subscription tells of the same push.
        await world.tell(webhook(3, digest=other_digest(2))),
        await world.tell(webhook(4)),  # Pushed back to what it was: that is news.
    ]

    assert [answer.json()["accepted"] for answer in answers] == [1, 0, 0, 1, 1]


async def test_a_push_that_no_site_follows_is_ignored_and_one_to_another_registry_is_refused(world):
    ignored = await world.tell(webhook(1, tag="dev"))
    unknown = await world.tell(webhook(2, repository="app/unknown"))
    foreign = await world.tell(webhook(3, host="acreu2.azurecr.io"))
    namesake = await world.tell([event(4, topic=TOPIC.replace(SUBSCRIPTION, "another"))])
    mixed = await world.tell([event(5), event(6, topic=TOPIC.replace("acreu1", "acreu2"), host="acreu2.azurecr.io")])

    assert [answer.status_code for answer in (ignored, unknown)] == [200, 200]
    assert [answer.status_code for answer in (foreign, namesake, mixed)] == [403, 403, 403]
    assert world.waiting == 0


async def test_what_has_come_to_a_site_s_registry_is_noted_and_starts_nothing(world):
    def told(number, name, **values):
        data = webhook(number, **values) | {"timestamp": "2026-11-24T12:00:00Z", "connectedRegistry": {"name": name}}
        return event(number) | {"data": data}

    noted = await world.tell([told(1, "plant1"), told(2, "plant9"), told(3, "plant1", repository="app/unknown")])
    again = await world.tell([told(1, "plant1")])
    elsewhere = {"topic": TOPIC.replace("acreu1", "acreu2")}
    foreign = await world.tell([told(4, "plant1", host="acreu2.azurecr.io") | elsewhere])

    assert noted.json() == {"accepted": 1, "repeated": 0, "ignored": 2}
    assert again.json()["repeated"] == 1
    assert foreign.status_code == 403
    assert [(found.connected_registry, found.digest) for found in world.outbox.arrivals()] == [("plant1", DIGEST)]
    assert not world.outbox.due(1e12, quiet=0, longest=0)


async def test_a_body_that_is_too_large_is_refused_however_it_is_sent(world):
    async def pieces():
        for _ in range(40):
            yield b" " * 65_536

    whole = await world.tell(b" " * (MAX_BODY + 1))
    headers = {"X-Arcfleet-Secret": NEW}
    piecewise = await world.client.post("/push", content=pieces(), headers=headers)

    assert [whole.status_code, piecewise.status_code] == [413, 413]


async def test_a_delivery_of_the_largest_size_is_read(world):
    body = json.dumps([event(n) for n in range(2000)]).encode().ljust(MAX_BODY)

    assert (await world.tell(body)).json() == {"accepted": 2000, "repeated": 0, "ignored": 0}
    assert world.waiting == 1


async def test_strangers_are_slowed_down_and_those_with_the_secret_are_not(world):
    burst = int(STRANGERS[0]) + 20
    statuses = [(await world.tell(webhook(), "a-guess")).status_code for _ in range(burst)]

    assert statuses.count(401) >= STRANGERS[0]
    assert statuses[-1] == 429
    assert (await world.tell(webhook())).status_code == 200


async def test_where_prefect_does_not_answer_the_sender_shall_send_again_and_nothing_is_lost(world):
    world.prefect.answers = False
    refused = [await world.tell(webhook()), await world.tell(webhook())]
    health = await world.client.get("/health")
    world.prefect.answers = True
    again = await world.tell(webhook())

    assert [answer.status_code for answer in refused] == [503, 503]
    assert refused[0].headers["Retry-After"]
    assert health.status_code == 503
    assert health.json() == {"prefect": False, "waiting": 1, "oldest": 0}
    assert (again.status_code, again.json()["repeated"]) == (200, 1)
    assert world.waiting == 1


async def test_a_disk_that_takes_nothing_is_no_success(world):
    world.outbox.close()

    assert (await world.tell(webhook())).status_code == 503


async def test_a_thousand_pushes_are_one_entry_with_the_newest_digest(world):
    answers = await asyncio.gather(*(world.tell(webhook(n, digest=other_digest(n))) for n in range(1000)))
    entries = world.outbox.due(1e12, quiet=5, longest=60)

    assert {answer.status_code for answer in answers} == {200}
    assert [(entry.count, entry.digest) for entry in entries] == [(1000, other_digest(999))]


async def test_no_log_line_shows_a_secret(world, caplog):
    with caplog.at_level(logging.DEBUG):
        for secret in (NEW, "a-wrong-guess-of-it", None):
            await world.tell(webhook(), secret)
            await world.tell(b"{}", secret, params={"code": secret or ""})

    lines = [line for line in caplog.messages if not line.startswith("HTTP Request")]
    assert any("401" in line for line in lines)
    assert not any(secret in line for secret in (NEW, OLD, "a-wrong-guess-of-it") for line in lines)


@pytest.mark.parametrize("manners", ["closes", "hangs", "refuses"])
async def test_a_prefect_that_is_gone_is_noticed_soon_and_nothing_leaves_the_outbox(world, monkeypatch, manners):
    async def serve(reader, writer):
        while manners == "hangs" and await reader.read(1000):
            pass
        writer.close()

    monkeypatch.setattr(bridge_command, "PREFECT_TIMEOUT", 0.5)
    await world.tell(webhook())
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api"
    if manners == "refuses":
        server.close()
    with temporary_settings({PREFECT_API_URL: address}):
        async with bridge_command.prefect_client() as client, asyncio.timeout(5):
            sender = Sender(world.outbox, client, "test", quiet=0, longest=0)
            await sender.once()
    server.close()

    assert not sender.answers
    assert world.waiting == 1


async def test_a_bridge_that_cannot_send_any_more_ends_and_says_why(tmp_path):
    class Broken(FakePrefect):
        async def run(self):
            raise sqlite3.OperationalError("disk I/O error")

    options = bridge_command.Options(tmp_path, ("env:A",), "127.0.0.1", 0, 1, 1, tmp_path / "bridge.db")
    outbox = Outbox(options.outbox)
    receiver = Receiver(Known(fleet_of(fleet_text(1)), (Secret(NEW),)), outbox, Broken())
    with bridge_command.listening(options) as place, pytest.raises(sqlite3.OperationalError, match="disk I/O"):
        await asyncio.wait_for(bridge_command.serve(options, receiver, place), 20)
    outbox.close()


def test_an_address_in_use_is_told_with_the_remedy(tmp_path):
    def options(port):
        return bridge_command.Options(tmp_path, (), "127.0.0.1", port, 1, 1, tmp_path / "bridge.db")

    with bridge_command.listening(options(0)) as place, pytest.raises(PermanentError) as caught:
        bridge_command.listening(options(place.getsockname()[1]))

    assert "in use" in caught.value.message
    assert "--port" in caught.value.remedy


@pytest.mark.parametrize("given", [(), ("env:A", "env:B", "env:C"), ("my-own-secret-in-clear",), ("file:",)])
def test_places_of_secrets_are_checked_and_never_repeated(given):
    with pytest.raises(ManifestError) as caught:
        bridge_command.check_sources(given)

    assert "clear" not in str(caught.value)


async def test_secrets_are_read_where_they_are_and_a_short_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MINE", NEW)
    (tmp_path / "old").write_text(f"{OLD}\n")
    found = await bridge_command.read_secrets(("env:MINE", f"file:{tmp_path / 'old'}"))
    monkeypatch.setenv("MINE", "short")

    with pytest.raises(PermanentError) as caught:
        await bridge_command.read_secrets(("env:MINE",))

    assert [secret.reveal() for secret in found] == [NEW, OLD]
    assert caught.value.reason is Reason.BRIDGE_SECRET
    assert "openssl" in caught.value.remedy
    assert "short" not in caught.value.message.replace("too short", "")


async def test_the_fleet_and_the_secrets_are_read_anew_and_stay_where_they_cannot_be(tmp_path, monkeypatch):
    path = tmp_path / "fleet.yaml"
    path.write_text(fleet_text(1))
    monkeypatch.setenv("MINE", NEW)
    monkeypatch.setattr(bridge_command, "REFRESH", 0.05)
    options = bridge_command.Options(path, ("env:MINE",), "127.0.0.1", 0, 1, 1, tmp_path / "bridge.db")
    known = Known(fleet_of(fleet_text(1)), (Secret(OLD),))
    task = asyncio.create_task(bridge_command.refresh(options, known))
    changed = yaml.safe_load(fleet_text(1))
    changed["metadata"]["name"] = "changed"

    async def until(condition):
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.01)

    await until(lambda: known.secrets[0].reveal() == NEW)
    path.write_text("no: fleet")
    await asyncio.sleep(0.2)
    assert known.fleet.name == "test"
    path.write_text(yaml.safe_dump(changed))
    await until(lambda: known.fleet.name == "changed")
    task.cancel()
