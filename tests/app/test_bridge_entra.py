"""The bridge and Event Grid's Microsoft Entra ID tokens: keys come over HTTP, and every wrong token is refused."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from arcfleet.app.bridging import bridge_command
from arcfleet.app.bridging.bridge import STRANGERS, Known, Receiver, application
from arcfleet.core.secret import Secret
from arcfleet.errors import ManifestError
from arcfleet.gateways import entra
from arcfleet.gateways.entra import EVENT_GRID, EventGridTokens
from tests.app.test_bridge import NEW, World, event, webhook
from tests.conftest import fleet_of, fleet_text

TENANT, OTHER_TENANT = "11111111-1111-4111-8111-111111111111", "99999999-9999-4999-8999-999999999999"
AUDIENCE = "22222222-2222-4222-8222-222222222222"
KEY, NEXT_KEY, STRANGER = (rsa.generate_private_key(65537, 2048) for _ in range(3))
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Authority:
    """What signs in, over HTTP: it tells its keys, or it answers with an error."""

    def __init__(self) -> None:
        self.keys = {"k1": KEY}
        self.status, self.asked = 200, 0
        self.url = ""

    async def tell(self, _request: web.Request) -> web.Response:
        self.asked += 1
        shown = [jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) for key in self.keys.values()]
        keys = [key | {"kid": kid, "use": "sig"} for kid, key in zip(self.keys, shown, strict=True)]
        return web.json_response({"keys": keys}, status=self.status)

    def token(self, key=KEY, kid="k1", version=2, algorithm="RS256", **changes) -> str:
        """Return a token as Event Grid has it made; a claim that is changed to None is left out."""
        now = int(time.time())
        v1 = {"iss": f"https://sts.windows.net/{TENANT}/", "appid": EVENT_GRID}
        v2 = {"iss": f"{self.url}/{TENANT}/v2.0", "azp": EVENT_GRID}
        claims = {"aud": AUDIENCE, "nbf": now - 5, "exp": now + 3600, **(v1 if version == 1 else v2), **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


@pytest.fixture
async def authority():
    made = Authority()
    server = web.Application()
    server.router.add_get(f"/{TENANT}/discovery/v2.0/keys", made.tell)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def world(authority, tmp_path):
    made = World(tmp_path)
    trust = bridge_command.trusted(TENANT, AUDIENCE, authority.url)
    made.tokens = EventGridTokens(trust)
    made.client._transport.app = application(
        Receiver(Known(fleet_of(fleet_text(1)), (Secret(NEW),)), made.outbox, made.prefect, made.tokens)
    )
    await made.tokens.read()
    yield made
    await made.client.aclose()
    made.outbox.close()


async def tell(world, token: str, body=None, **headers):
    content = json.dumps(body or [event()]).encode()
    return await world.client.post(
        "/push", content=content, headers={"Authorization": f"Bearer {token}".encode(), **headers}
    )


@pytest.mark.parametrize("version", [1, 2])
async def test_event_grid_s_own_token_is_enough(world, authority, version):
    answer = await tell(world, authority.token(version=version))

    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert world.waiting == 1


async def test_the_handshakes_are_answered_to_a_token_too(world, authority):
    headers = {"Authorization": f"Bearer {authority.token()}", "WebHook-Request-Origin": "eventgrid.azure.net"}

    assert (await world.client.options("/push", headers=headers)).status_code == 200


async def test_a_secret_is_as_good_as_before(world):
    assert (await world.tell(webhook())).status_code == 200
    assert (await tell(world, "no.token.at-all", **{"X-Arcfleet-Secret": NEW})).status_code == 200


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


WRONG = {
    "another audience": {"aud": "api://somebody-else"},
    "another tenant": {"iss": f"https://sts.windows.net/{OTHER_TENANT}/"},
    "expired": {"exp": int(time.time()) - 3600},
    "not valid yet": {"nbf": int(time.time()) + 3600},
    "another application": {"azp": "33333333-3333-4333-8333-333333333333"},
    "none that Entra ID makes": {"exp": None},
    "another application ": {"azp": None},
    "not signed": {"key": STRANGER},
    "not signed ": {"kid": "k9"},
    "none that Entra ID makes ": {"kid": None, "key": "a-secret-of-thirty-two-characters", "algorithm": "HS256"},
}


@pytest.mark.parametrize("words", WRONG)
async def test_a_token_that_is_not_event_grid_s_for_us_is_refused(world, authority, words):
    answer = await tell(world, authority.token(**WRONG[words]))

    assert (answer.status_code, words.strip() in answer.json()["error"]) == (401, True), answer.text
    assert world.waiting == 0
    assert authority.asked == 1


async def test_forged_and_hostile_tokens_are_refused(world, authority):
    good = authority.token()
    head, claims, signature = good.split(".")
    # The library itself does not take a public key as the secret of a symmetric signature.
    symmetric = f"{encoded(json.dumps({'alg': 'HS256', 'kid': 'k1'}).encode())}.{claims}"
    confused = f"{symmetric}.{encoded(hmac.new(PEM, symmetric.encode(), hashlib.sha256).digest())}"
    unsigned = f"{encoded(json.dumps({'alg': 'none', 'kid': 'k1'}).encode())}.{claims}."
    for token in (
        confused, unsigned, f"{head}.{claims}.", f"{head}.{claims}.{signature[:-8]}",
        f"{encoded(b'[' * 6000)}.{claims}.x",
        "", ".", "..", "\u00fc", good[1:], f"{good}.{good}", "x" * 9000,
    ):  # fmt: skip
        assert (await tell(world, token)).status_code == 401

    assert world.waiting == 0


async def test_without_keys_event_grid_shall_send_again_and_nothing_is_believed(world, authority, monkeypatch):
    world.tokens._read_at = None
    monkeypatch.setattr(entra, "BETWEEN", 0.05)
    authority.status = 500
    keeping = asyncio.create_task(world.tokens.keep())
    refused = [await tell(world, authority.token()), await tell(world, authority.token(key=STRANGER))]
    await asyncio.sleep(0.2)
    still = await tell(world, authority.token())
    authority.status = 200
    async with asyncio.timeout(10):
        while (await tell(world, authority.token())).status_code != 200:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.02)
    keeping.cancel()

    assert [answer.status_code for answer in (*refused, still)] == [503, 503, 503]
    assert refused[0].headers["Retry-After"]
    assert world.waiting == 1


async def test_keys_that_are_too_old_are_not_gone_by(world, authority):
    world.tokens._read_at = time.monotonic() - entra.BELIEVED

    assert (await tell(world, authority.token())).status_code == 503


async def test_a_new_key_is_asked_for_once_however_many_name_an_unknown_one(world, authority, monkeypatch):
    monkeypatch.setattr(entra, "BETWEEN", 0.3)
    keeping = asyncio.create_task(world.tokens.keep())
    await asyncio.sleep(0.35)
    authority.keys["k2"] = NEXT_KEY
    first = await tell(world, authority.token(key=NEXT_KEY, kid="k2"))
    statuses = [(await tell(world, authority.token(kid=f"k{n}"))).status_code for n in range(3, 23)]
    async with asyncio.timeout(10):
        while (await tell(world, authority.token(key=NEXT_KEY, kid="k2"))).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    known = await tell(world, authority.token())
    keeping.cancel()

    assert first.status_code == 503
    assert set(statuses) <= {503, 401}
    assert authority.asked == 2
    assert known.status_code == 200


async def test_strangers_with_tokens_are_slowed_down_and_event_grid_is_not(world, authority):
    forged = authority.token(key=STRANGER)
    statuses = [(await tell(world, forged)).status_code for _ in range(int(STRANGERS[0]) + 20)]

    assert statuses[-1] == 429
    assert (await tell(world, authority.token())).status_code == 200


async def test_no_log_line_shows_a_token(world, authority, caplog):
    tokens = [authority.token(**changes) for changes in WRONG.values()]
    with caplog.at_level(logging.DEBUG):
        for token in tokens:
            await tell(world, token)

    assert any("401" in line for line in caplog.messages)
    assert not any(token.split(".")[2] in line for token in tokens for line in caplog.messages)


def test_without_options_no_token_is_believed_and_half_of_them_are_refused():
    assert bridge_command.trusted(None, None, None) is None
    public = bridge_command.trusted(TENANT.upper(), "api://arcfleet", None)
    assert public.keys == f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"
    with pytest.raises(ManifestError) as caught:
        bridge_command.trusted("contoso.example", None, "http://login.example.com")

    assert [problem.split()[0] for problem in caught.value.problems] == [
        "--entra-tenant", "--entra-audience", "--entra-authority",
    ]  # fmt: skip


async def test_a_bridge_that_trusts_no_tenant_takes_no_token(tmp_path, authority):
    plain = World(tmp_path)
    answer = await tell(plain, authority.token())
    await plain.client.aclose()
    plain.outbox.close()

    assert answer.status_code == 401


@pytest.mark.parametrize(("given", "least", "fits"), [((), 0, True), ((), 1, False), (("env:A",), 0, True)])
def test_a_secret_is_needed_only_where_no_token_is_believed(given, least, fits):
    if fits:
        bridge_command.check_sources(given, least=least)
    else:
        with pytest.raises(ManifestError):
            bridge_command.check_sources(given, least=least)
