"""The bridge's HTTP side: who may tell it of pushes, what it answers, and what it keeps.

Every request is judged in this order, the cheapest question first: is its secret or its token right (401), are there
too many (429), is it too large or too slow (413, 408), is it of a form that Azure sends (400), is it about a registry
of the fleet (403). 200 means: on the disk, and Prefect answers. 503 means: send it again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from arcfleet.app.bridging.bridge_sender import Sender
from arcfleet.app.bridging.outbox import Outbox
from arcfleet.core.fleet.manifest import Fleet
from arcfleet.core.leaks import quote
from arcfleet.core.recent import Recent
from arcfleet.core.secret import Secret
from arcfleet.core.sync import affected, pushes
from arcfleet.core.sync.pushes import NotUnderstoodError, Push, Validation
from arcfleet.errors import PermanentError, TransientError
from arcfleet.gateways.clocks import ScaledClock
from arcfleet.gateways.entra import EventGridTokens
from arcfleet.gateways.pacing import Bucket

LOG = logging.getLogger("arcfleet.bridge")
HEADER, QUERY = "x-arcfleet-secret", "code"
"""Where a sender puts the secret. Event Grid's handshakes carry what is in the address."""
MAX_BODY = 1024 * 1024
"""Bytes; Event Grid's own bound on a delivery."""
BODY_SECONDS = 10.0
KNOWN, STRANGERS = (2000.0, 100.0), (50.0, 5.0)
"""How many requests at once, and per second, with the right secret and without it."""
REMEMBERED, IDS_FOR, DIGESTS_FOR = 10_000, 86_400.0, 60.0
"""Event Grid repeats an event for a day. The digest tells a push that two subscriptions announce."""
ORIGIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
RETRY_AFTER = {"Retry-After": "10"}


@dataclass(slots=True)
class Known:
    """What the bridge goes by; both are read anew while it runs."""

    fleet: Fleet
    secrets: tuple[Secret, ...]


@dataclass(slots=True)
class Receiver:
    """Takes notifications, and answers once they are on the disk."""

    known: Known
    outbox: Outbox
    sender: Sender
    tokens: EventGridTokens | None = None
    ids: Recent = field(default_factory=lambda: Recent(REMEMBERED, IDS_FOR))
    digests: Recent = field(default_factory=lambda: Recent(REMEMBERED, DIGESTS_FOR))

    def permits(self, given: Sequence[str]) -> bool:
        """Tell whether one of the given texts is a secret, in a time that tells nothing about the secrets."""
        mine = [_hash(secret.reveal()) for secret in self.known.secrets]
        # All of them, so that no early end tells which one was right.
        return True in [hmac.compare_digest(_hash(text), secret) for text in given for secret in mine]

    def take(self, body: bytes) -> Response:
        """Keep the pushes that a delivery tells of and that are new, and answer."""
        try:
            notices = pushes.parse(body)
        except NotUnderstoodError as error:
            return _refused(400, f"not understood: {error}")
        for notice in notices:
            if isinstance(notice, Validation):
                LOG.info("Event Grid asked whether its events are wanted: yes")
                return JSONResponse({"validationResponse": notice.code})
            if not isinstance(notice, Push):
                LOG.info("%s", notice.what)
            elif not affected.is_of(self.known.fleet, notice):
                return _refused(403, f"{quote(notice.registry)} is no registry of fleet {self.known.fleet.name}")
        told = [notice for notice in notices if isinstance(notice, Push)]
        wanted = [push for push in told if affected.concerns(self.known.fleet, push)]
        for push in told:
            if push not in wanted:
                LOG.info("%s: no site there wants this tag", push)
        return self._keep(wanted, ignored=len(notices) - len(wanted))

    def _keep(self, wanted: Sequence[Push], *, ignored: int) -> Response:
        now = time.time()
        fresh = [push for push in wanted if not self._is_known(push, now)]
        try:
            if fresh:
                self.outbox.put(fresh, now)
        except sqlite3.Error as error:
            LOG.error("the outbox can't be written: %s", error)  # noqa: TRY400 - the traceback says no more
            return JSONResponse({"error": "the outbox can't be written"}, 503, RETRY_AFTER)
        for push in fresh:
            self.ids.note(push.id, "", now)
            self.digests.note(str(push), push.digest, now)
            LOG.info("%s %s: %s", push, "has arrived" if push.arrived else "was pushed", push.digest)
        if wanted and not self.sender.answers:
            return JSONResponse({"error": "noted, but Prefect does not answer: send it again"}, 503, RETRY_AFTER)
        return JSONResponse({"accepted": len(fresh), "repeated": len(wanted) - len(fresh), "ignored": ignored})

    def _is_known(self, push: Push, now: float) -> bool:
        return self.ids.text(push.id, now) is not None or self.digests.text(str(push), now) == push.digest

    def health(self) -> Response:
        """Say whether what is told here reaches Prefect."""
        waiting, since = self.outbox.waiting()
        shown: dict[str, Any] = {"prefect": self.sender.answers, "waiting": waiting}
        if since is not None:
            shown["oldest"] = round(time.time() - since)
        return JSONResponse(shown, 200 if self.sender.answers else 503)


class Gate:
    """What every request has to pass before it is read."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._known, self._strangers = Bucket(*KNOWN, ScaledClock()), Bucket(*STRANGERS, ScaledClock())

    def refusal(self, request: Request) -> Response | None:
        """Return the answer to who may not speak now, None to the others."""
        status, why = self._objection(request)
        wait = (self._strangers if status else self._known).take_now()
        if wait > 0:
            # Not logged one by one: a flood of requests would be one of lines.
            return JSONResponse({"error": "too many requests"}, 429, {"Retry-After": str(int(wait) + 1)})
        if not status:
            return None
        peer = request.client.host if request.client else "?"
        return _refused(status, f"{peer}: {why}")

    def _objection(self, request: Request) -> tuple[int, str]:
        """Return the status and the words for who has neither a secret nor a token that is right; else 0."""
        given = [*request.headers.getlist(HEADER), *request.query_params.getlist(QUERY)]
        if self._receiver.permits(given[:4]):
            return 0, ""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if not self._receiver.tokens or kind.lower() != "bearer":
            return 401, "the secret is not one of ours" if given else "without a secret"
        try:
            self._receiver.tokens.check(token.strip())
        except PermanentError as error:
            return 401, error.message
        except TransientError as error:
            return 503, error.message
        return 0, ""


def application(receiver: Receiver) -> FastAPI:
    """Return the bridge as an ASGI application."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    gate = Gate(receiver)

    @app.post("/push")
    async def push(request: Request) -> Response:
        return gate.refusal(request) or await _read(request, receiver)

    @app.options("/push")
    async def handshake(request: Request) -> Response:
        return gate.refusal(request) or _handshake(request)

    @app.get("/health")
    async def health() -> Response:
        return receiver.health()

    return app


async def _read(request: Request, receiver: Receiver) -> Response:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    return _refused(413, f"the body is larger than {MAX_BODY:,} bytes")
    except (TimeoutError, ClientDisconnect):
        return _refused(408, f"the body did not come within {BODY_SECONDS:.0f} s")
    return receiver.take(bytes(body))


def _handshake(request: Request) -> Response:
    """Answer the handshake of CloudEvents' webhooks. The callback that it may name is never called."""
    origin = request.headers.get("webhook-request-origin", "")
    if not ORIGIN.fullmatch(origin):
        return _refused(400, "OPTIONS without a WebHook-Request-Origin")
    LOG.info("%s asked whether its CloudEvents are wanted: yes", origin)
    headers = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": str(int(KNOWN[1] * 60)), "Allow": "POST"}
    return Response(status_code=200, headers=headers)


def _refused(status: int, why: str) -> Response:
    LOG.warning("refused with %d: %s", status, why)
    return JSONResponse({"error": why}, status, RETRY_AFTER if status == 503 else None)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
