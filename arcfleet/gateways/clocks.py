"""The clock that waiting goes by."""

from __future__ import annotations

import asyncio
import time


class ScaledClock:
    """Real time, or time that runs `scale` times faster, as a simulator's does.

    Args:
        scale: Seconds of the world per real second.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def monotonic(self) -> float:
        """Return the world's seconds that only grow."""
        return time.monotonic() * self._scale

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of the world."""
        await asyncio.sleep(seconds / self._scale)
