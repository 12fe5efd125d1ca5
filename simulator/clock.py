"""Simulated time.

One `Clock` serves a whole simulator. In running mode simulated time flows `speed` times as fast as real
time and one asyncio timer waits for the nearest event, so that an idle simulator uses no CPU. In manual
mode time stands still but for `step`. In both modes a callback sees `now()` equal to the moment it was
due, however late the machine was, so that chains of events keep exact distances.
"""

import asyncio
import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Callback = Callable[[], None]


@dataclass(eq=False, slots=True)
class Handle:
    """A scheduled callback; `cancel` makes it do nothing."""

    when: datetime
    order: int
    callback: Callback | None

    def __lt__(self, other: "Handle") -> bool:
        return (self.when, self.order) < (other.when, other.order)

    def cancel(self) -> None:
        """Forget the callback; a second cancel changes nothing."""
        self.callback = None


class Clock:
    """Simulated time and the events that wait for it.

    Args:
        start: The first simulated moment; the real time when absent.
        speed: Simulated seconds in a real second.
        manual: Whether time moves only by `step`.
    """

    def __init__(self, start: datetime | None = None, *, speed: float = 1.0, manual: bool = False) -> None:
        self.manual = manual
        self.speed = speed
        self._anchor = start or datetime.now(UTC)
        self._anchored = time.monotonic()
        self._due: datetime | None = None
        self._heap: list[Handle] = []
        self._counter = 0
        self._sleeping: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use this loop's timer for due events from now on."""
        self._loop = loop
        self._arm()

    def detach(self) -> None:
        """Stop using a loop: time goes on, but nothing happens by itself."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop = None

    def now(self) -> datetime:
        """Return the simulated moment, aware and in UTC."""
        if self._due is not None:
            return self._due
        if self.manual:
            return self._anchor
        return self._anchor + timedelta(seconds=(time.monotonic() - self._anchored) * self.speed)

    def at(self, when: datetime, callback: Callback) -> Handle:
        """Call `callback` once simulated time reaches `when`; a moment in the past means at once."""
        self._counter += 1
        handle = Handle(when, self._counter, callback)
        heapq.heappush(self._heap, handle)
        if self._heap[0] is handle:
            self._arm()
        return handle

    def adopt(self, handle: Handle) -> None:
        """Take over an event of another clock, behind what is already due at its moment."""
        self._counter += 1
        handle.order = self._counter
        heapq.heappush(self._heap, handle)
        self._arm()

    def after(self, seconds: float, callback: Callback) -> Handle:
        """Call `callback` when `seconds` simulated seconds have passed."""
        return self.at(self.now() + timedelta(seconds=seconds), callback)

    def step(self, seconds: float) -> None:
        """Move time on by `seconds` and run all that falls due on the way, in order."""
        self._shift(self.now() + timedelta(seconds=seconds))
        self.run_due()

    def set_speed(self, speed: float) -> None:
        """Let time flow `speed` times as fast as real time from now on."""
        self._shift(self.now())
        self.speed = speed
        self._arm()

    def reset(self, start: datetime) -> None:
        """Drop every event and set the time: a new world begins. Whoever sleeps in the old one wakes."""
        self._heap.clear()
        for awake in self._sleeping:
            awake.set()
        self._shift(start)

    def run_due(self) -> None:
        """Run the events that are due. The server does it before each request, so none sees a stale state."""
        now = self.now()
        if self._due is not None or not self._heap or self._heap[0].when > now:
            return
        try:
            while self._heap and self._heap[0].when <= now:
                handle = heapq.heappop(self._heap)
                if handle.callback is not None:
                    # An event scheduled in the past must not turn time back.
                    self._due = max(handle.when, self._due or handle.when)
                    handle.callback()
        finally:
            self._due = None
            self._arm()

    async def sleep(self, seconds: float) -> None:
        """Wait until `seconds` simulated seconds have passed."""
        awake = asyncio.Event()
        handle = self.after(seconds, awake.set)
        self._sleeping.add(awake)
        try:
            await awake.wait()
        finally:
            self._sleeping.remove(awake)
            handle.cancel()

    def _shift(self, now: datetime) -> None:
        self._anchor = now
        self._anchored = time.monotonic()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._heap and self._heap[0].callback is None:
            heapq.heappop(self._heap)
        if self._loop is None or self.manual or not self._heap or self._due is not None or self.speed <= 0:
            return
        wait = (self._heap[0].when - self.now()).total_seconds() / self.speed
        self._timer = self._loop.call_later(max(0.0, wait), self.run_due)
