"""Microsoft Entra ID tokens that Event Grid delivers with: whether one is meant for us, and is Event Grid's own.

Sources: "Deliver events to Microsoft Entra protected endpoints" (Azure Event Grid; the application's id is in its
scripts) and "Access tokens in the Microsoft identity platform" (issuers, `appid` and `azp`, keys that are replaced
without notice).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt

from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError, TransientError

LOG = logging.getLogger("arcfleet.bridge")
EVENT_GRID = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
"""The application Microsoft.EventGrid, the same in every tenant."""
LEEWAY = 300.0
"""Seconds by which clocks may differ."""
BETWEEN, READ_AGAIN, BELIEVED = 30.0, 3600.0, 86_400.0
"""Seconds: two questions for the keys at least; while nobody needs others; until they are too old to go by."""
TIMEOUT = 10.0
WRONG: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "its token has expired"),
    (jwt.ImmatureSignatureError, "its token is not valid yet"),
    (jwt.InvalidAudienceError, "its token is for another audience"),
    (jwt.InvalidIssuerError, "its token is of another tenant"),
    (jwt.InvalidSignatureError, "its token was not signed by Entra ID"),
    (Exception, "its token is none that Entra ID makes"),
)
"""What is said of a token that is refused, by the first kind that fits. The library's words may repeat parts of it."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose tokens are believed.

    Attributes:
        tenant: The id of the tenant that the bridge's application is in.
        audience: The application's id or its URI, as the event subscription names it.
        authority: Address that signs in, for example `https://login.microsoftonline.com`.
        issuer: Address that the issuer of version 1 tokens begins with, for example `https://sts.windows.net`.
    """

    tenant: str
    audience: str
    authority: str
    issuer: str

    @property
    def issuers(self) -> list[str]:
        """Who may have made a token: the application's manifest decides which of the two versions they are."""
        return [f"{self.issuer}/{self.tenant}/", f"{self.authority}/{self.tenant}/v2.0"]

    @property
    def keys(self) -> str:
        """Where the keys are that the authority signs with."""
        return f"{self.authority}/{self.tenant}/discovery/v2.0/keys"


@dataclass(slots=True)
class EventGridTokens:
    """Judges tokens by keys that it reads beside, so that no request waits for Entra ID, and none has it asked."""

    trust: Trust
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _read_at: float | None = None
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)

    def check(self, token: str) -> None:
        """Return where a token is Event Grid's, and for us.

        Raises:
            PermanentError: It is not.
            TransientError: It can't be told now; the keys are read anew.
        """
        try:
            key = self._key(jwt.get_unverified_header(token))
            claims = jwt.decode(
                token, key, algorithms=["RS256"], audience=self.trust.audience, issuer=self.trust.issuers,
                leeway=LEEWAY, options={"require": ["exp", "nbf", "aud", "iss"]},
            )  # fmt: skip
        except (jwt.PyJWTError, RecursionError) as error:
            why = next(words for kind, words in WRONG if isinstance(error, kind))
            raise PermanentError(Reason.AUTHENTICATION, why) from None
        if claims.get("appid", claims.get("azp")) != EVENT_GRID:
            raise PermanentError(Reason.AUTHENTICATION, "its token is of another application than Event Grid")

    def _key(self, header: dict[str, Any]) -> jwt.PyJWK:
        """Return the key that a token says it was signed with.

        An unknown one may be new. Event Grid sends an event that is answered with 401 never again, so that is said
        only where the keys were read just now.
        """
        if header.get("alg") != "RS256":
            raise jwt.InvalidAlgorithmError
        age = BELIEVED if self._read_at is None else time.monotonic() - self._read_at
        key = self._keys.get(header.get("kid", ""))
        if age >= BELIEVED or (key is None and age >= BETWEEN):
            self._wanted.set()
            raise TransientError(Reason.UNREACHABLE, "the keys of Entra ID are not at hand: send it again")
        if key is None:
            raise jwt.InvalidSignatureError
        return key

    async def keep(self) -> None:
        """Read the keys again for ever: every hour, and soon where a token names an unknown one."""
        while True:
            await asyncio.sleep(BETWEEN)
            if self._read_at is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wanted.wait(), READ_AGAIN)
            await self.read()

    async def read(self) -> None:
        """Read the keys; what can't be read leaves those that are known."""
        self._wanted.clear()
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT) as client:
                answer = (await client.get(self.trust.keys)).raise_for_status()
            keys = {key.key_id: key for key in jwt.PyJWKSet.from_json(answer.text) if key.key_type == "RSA"}
        except (httpx.HTTPError, ValueError, AttributeError, jwt.PyJWTError) as error:
            what = "the keys of Entra ID can't be read at %s (%s); tokens that need them are asked for again, with 503"
            LOG.error(what, self.trust.keys, type(error).__name__)  # noqa: TRY400 - the traceback says no more
            return
        self._keys, self._read_at = {kid: key for kid, key in keys.items() if kid}, time.monotonic()
