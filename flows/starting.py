"""Who may start now: so many sites at once, and with a bound on failures none more than could fail within it."""

from __future__ import annotations

import asyncio


class Starts:
    """Lets sites start.

    Args:
        width: How many sites at once.
        max_failures: Strict: a site starts only while those under way, if all of them failed, would exceed this by one
            at most; after more failures than this nothing starts any more. None for no bound.
    """

    def __init__(self, width: int, max_failures: int | None = None) -> None:
        self._width, self._max_failures = width, max_failures
        self._running = self._failed = 0
        self._changed = asyncio.Condition()

    @property
    def stopped(self) -> bool:
        """Whether more sites have failed than may."""
        return self._max_failures is not None and self._failed > self._max_failures

    async def begin(self) -> bool:
        """Wait for a place, and tell whether it may be used; False once the run is stopped."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.stopped or self._running < self._allowed)
            if not self.stopped:
                self._running += 1
            return not self.stopped

    async def end(self, *, failed: bool) -> None:
        """Give a place back."""
        async with self._changed:
            self._running -= 1
            self._failed += failed
            self._changed.notify_all()

    @property
    def _allowed(self) -> int:
        if self._max_failures is None:
            return self._width
        return min(self._width, self._max_failures - self._failed + 1)
