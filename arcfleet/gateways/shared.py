"""One call serves all who ask for the same thing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from arcfleet.ports import Clock

T = TypeVar("T")


class Shared:
    """Answers shared by all who wait for the same thing: one call at a time, and none while the last is fresh."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._locks: dict[object, asyncio.Lock] = {}
        self._answers: dict[object, tuple[float, int, Any]] = {}
        self._failures: dict[object, tuple[float, Exception]] = {}
        self._forgotten: Counter[object] = Counter()

    async def get(self, key: object, call: Callable[[], Awaitable[T]], max_age: float) -> T:
        """Return the answer for `key`, at most `max_age` seconds old at the time of asking."""
        asked = self._clock.monotonic()
        async with self._locks.setdefault(key, asyncio.Lock()):
            # An answer that arrived while we queued is newer than our question; so is a failure.
            if key in self._failures and self._failures[key][0] >= asked:
                raise self._failures[key][1]
            if not self._is_fresh(key, asked, max_age):
                since = self._forgotten[key]
                answer = await self._ask(key, call)
                self._answers[key] = (self._clock.monotonic(), since, answer)
            result: T = self._answers[key][2]
            return result

    def forget(self, *keys: object) -> None:
        """Let no answer for these keys be used again: not the last one, nor one that is on its way."""
        self._forgotten.update(keys)

    def _is_fresh(self, key: object, asked: float, max_age: float) -> bool:
        if key not in self._answers:
            return False
        answered, forgotten, _ = self._answers[key]
        return asked - answered <= max_age and forgotten == self._forgotten[key]

    async def _ask(self, key: object, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await call()
        except Exception as error:
            self._failures[key] = (self._clock.monotonic(), error)
            raise
