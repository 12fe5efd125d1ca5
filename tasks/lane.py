"""A lane to Prefect's server: small requests one after the other, and again where its database was too busy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

AGAIN = 0.2
"""Seconds after which a request is tried again, behind those that came meanwhile."""
PATIENCE = 60.0
"""Seconds for which a request is tried."""
T = TypeVar("T")
Request = Callable[[], Awaitable[T]]


class Lane:
    """Does the requests of many.

    A hundred at once starve each other on SQLite, until they time out. One that its database refuses, as it does with
    one in a hundred under load, must not hold up the others for the seconds that Prefect's own retries wait.

    Args:
        patience: Seconds for which a request is tried.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._waiting: asyncio.Queue[tuple[Request[Any], asyncio.Future[Any]]] = asyncio.Queue()

    async def do(self, request: Request[T]) -> T:
        """Return what a request results in. A write may have been done more than once then.

        Raises:
            httpx.HTTPError, PrefectException: The server refuses it, or was too busy or out of reach for too long.
        """
        ends = time.monotonic() + self._patience
        while True:
            done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            self._waiting.put_nowait((request, done))
            try:
                return await done
            except (httpx.TransportError, PrefectHTTPStatusError) as error:
                if not _passes(error) or time.monotonic() > ends:
                    raise
            await asyncio.sleep(AGAIN)

    async def serve(self) -> None:
        """Do what comes until cancelled."""
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            while True:
                request, done = await self._waiting.get()
                if done.done():
                    continue  # Who wanted it has been cancelled.
                try:
                    result = await request()
                except Exception as error:  # noqa: BLE001 - it is handed on to who asked
                    if not done.done():
                        done.set_exception(error)
                else:
                    if not done.done():
                        done.set_result(result)


@asynccontextmanager
async def opened() -> AsyncIterator[Lane]:
    """Yield a lane that serves while the context is open."""
    lane = Lane()
    serving = asyncio.create_task(lane.serve())
    try:
        yield lane
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def _passes(error: Exception) -> bool:
    """Tell whether a refusal is one of a busy server, or of none at all."""
    busy = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.BAD_GATEWAY, HTTPStatus.TOO_MANY_REQUESTS}
    return not isinstance(error, PrefectHTTPStatusError) or error.response.status_code in busy
