"""The world's time between two answers of the service: its latest one, and what has passed on our clock since."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from arcfleet.ports import Gateways

T = TypeVar("T")


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

    async def unless(
        self, heard: Coroutine[Any, Any, object], work: Coroutine[Any, Any, T], seconds: float | None = None
    ) -> T | None:
        """Do work unless something is heard of before it is done.

        Args:
            heard: Done once it is heard of.
            work: Cancelled then; what it results in all the same is returned.
            seconds: Of the world, that the work may take; None for no bound.

        Returns:
            What the work results in; None where it was cancelled.

        Raises:
            TimeoutError: The seconds have passed before.
        """
        hearing, doing = asyncio.ensure_future(heard), asyncio.ensure_future(work)
        either = asyncio.ensure_future(asyncio.wait([hearing, doing], return_when=asyncio.FIRST_COMPLETED))
        try:
            await self.first_of(either, seconds)
            late = not either.done()
        finally:
            for part in (either, hearing, doing):
                part.cancel()
            await asyncio.gather(either, hearing, doing, return_exceptions=True)
        if not doing.cancelled():
            return doing.result()
        if late:
            raise TimeoutError
        return None
