"""Pacing: no more requests per second than Azure Resource Manager refills, and a pause for all when it says so.

Source: ARM limits requests per subscription and principal with token buckets for reads, writes and deletes, and tells
what is left in `x-ms-ratelimit-remaining-subscription-*`; a 429 names a Retry-After in seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from arcfleet.ports import Clock

KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
LIMITS = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}
"""Published bucket sizes and refills per second; the headers correct them downwards."""


class Bucket:
    """A token bucket in the world's time. Waiters are served in their order."""

    def __init__(self, size: float, refill: float, clock: Clock) -> None:
        self._size, self._refill, self._clock = size, refill, clock
        self._tokens, self._at, self._paused_until = size, clock.monotonic(), 0.0
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Wait for a token and take it."""
        async with self._turn:
            while (wait := self._wait()) > 0:
                await self._clock.sleep(wait)
            self._tokens -= 1

    def take_now(self) -> float:
        """Take a token if there is one and return 0; else return the seconds until there will be."""
        wait = self._wait()
        if wait <= 0:
            self._tokens -= 1
        return wait

    def pause(self, seconds: float) -> None:
        """Let nobody through for `seconds`."""
        self._paused_until = max(self._paused_until, self._clock.monotonic() + seconds)

    def correct(self, remaining: float) -> None:
        """Lower the tokens to what the service says is left."""
        self._tokens = min(self._tokens, remaining)

    def _wait(self) -> float:
        now = self._clock.monotonic()
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._refill)
        self._at = now
        missing = max(0.0, 1 - self._tokens) / self._refill
        return max(self._paused_until - now, missing)


class Pacer:
    """The three buckets of one subscription."""

    def __init__(self, clock: Clock) -> None:
        self._buckets = {kind: Bucket(size, refill, clock) for kind, (size, refill) in LIMITS.items()}
        self.throttled = 0
        """How many 429 answers came."""

    async def take(self, method: str) -> None:
        """Wait until a request of this method may be sent."""
        await self._buckets[KINDS.get(method, "writes")].take()

    def observe(self, method: str, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer."""
        kind = KINDS.get(method, "writes")
        remaining = headers.get(f"x-ms-ratelimit-remaining-subscription-{kind}", "")
        if remaining.isdigit():
            self._buckets[kind].correct(float(remaining))
        if status == 429:
            self.throttled += 1
            self._buckets[kind].pause(seconds_of(headers.get("Retry-After")) or 1.0)


def seconds_of(retry_after: str | None) -> float | None:
    """Return a Retry-After header as seconds; None where it is absent or a date, which the SDK's retry obeys itself."""
    try:
        seconds = float(retry_after or "nan")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
