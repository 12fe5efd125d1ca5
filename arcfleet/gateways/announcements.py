"""What connected registries have announced, read over Prefect's REST API: who only looks needs no more of Prefect.

To import Prefect's own client takes longer than many a status. Source: Prefect 3's `GET /variables/name/{name}`, and
the settings by which its client signs in.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from collections.abc import Callable, Mapping

import httpx

from arcfleet.core.facts import Unread
from arcfleet.core.sync import announcements
from arcfleet.core.sync.announcements import Announced

NOT_KEPT = "Variable not found"
TIMEOUT = 3.0
"""Seconds for one answer, of a server that does nothing but look it up."""


class ApiAnnouncements:
    """`ports.Announcements` of a Prefect server that runs already. One that has not answered is not asked again.

    Args:
        find: Returns the address of the server's API at the first question; None where no server runs.
    """

    def __init__(self, find: Callable[[], str | None]) -> None:
        self._find = find
        self._turn = asyncio.Lock()
        self._http: httpx.AsyncClient | None = None
        self._why = ""

    async def of(self, registry: str, connected_registry: str) -> Mapping[str, Announced] | Unread:
        """Return what a connected registry has announced; why, where that can't be read."""
        # Of many who ask at once, only one waits for a server that does not answer.
        async with self._turn:
            known = Unread(self._why) if self._why else await self._ask(announcements.key(registry, connected_registry))
        self._why = known.why if isinstance(known, Unread) else ""
        return known

    async def aclose(self) -> None:
        """Close the connection."""
        if self._http:
            await self._http.aclose()

    async def _ask(self, name: str) -> Mapping[str, Announced] | Unread:
        url = self._find() if self._http is None else ""
        if url is None:
            return Unread("no Prefect server runs here, and PREFECT_API_URL names none")
        try:
            self._http = self._http or _client(url)
            response = await self._http.get(f"/variables/name/{name}")
            # So that an address of something else does not count as a Prefect that was told nothing.
            if response.status_code == httpx.codes.NOT_FOUND and NOT_KEPT in response.text:
                return {}
            return announcements.parse(response.raise_for_status().json()["value"])
        except httpx.HTTPStatusError as error:
            return Unread(f"Prefect's server answers with status {error.response.status_code}")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Unread(f"Prefect's server does not answer ({type(error).__name__})")
        except (ValueError, KeyError, TypeError):
            return Unread("what answers is no Prefect server")


def _client(url: str) -> httpx.AsyncClient:
    key, password = (os.environ.get(f"PREFECT_API_{name}", "") for name in ("KEY", "AUTH_STRING"))
    basic = f"Basic {base64.b64encode(password.encode()).decode()}" if password else ""
    signed = f"Bearer {key}" if key else basic
    authority = os.environ.get("PREFECT_API_SSL_CERT_FILE")
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": signed} if signed else {},
        timeout=TIMEOUT,
        verify=ssl.create_default_context(cafile=authority) if authority else True,
    )
