"""The world's time between two answers of the service: its latest one, and what has passed on our clock since."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import Any

from arcfleet.ports import Gateways


class WorldTime:
    """The service's time, which a simulator may have run faster."""

    def __init__(self, gateways: Gateways) -> None:
        self._gateways = gateways
        self._heard: datetime | None = None
        self._at = 0.0

    async def now(self) -> datetime:
        """Return the time."""
        heard, passed = await self._gateways.registries.service_time(), self._gateways.clock.monotonic()
        if heard != self._heard:
            self._heard, self._at = heard, passed
        return heard + timedelta(seconds=passed - self._at)

    async def first_of(self, work: asyncio.Future[Any], seconds: float | None) -> None:
        """Return when `work` is done, or `seconds` of the world have passed; None for no bound."""
        if seconds is None:
            await asyncio.wait([work])
            return
        timer = asyncio.ensure_future(self._gateways.clock.sleep(max(0.0, seconds)))
        try:
            await asyncio.wait([work, timer], return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await timer
