"""A controller's work queue on simulated time."""

from collections.abc import Callable

from simulator.clock import Clock, Handle
from simulator.kube.store import Key

LAG = 0.02
"""Seconds between a write and the controllers' answer to it.

In the captures a controller answers after 10 to 50 ms: long enough for a client to read the old status under a new
generation, which is why it must be imitated.
"""


class Worker:
    """Calls `sync` for a key a moment after it was added, once for however many additions until then."""

    def __init__(self, clock: Clock, sync: Callable[[Key], None], *, lag: float = LAG) -> None:
        self._clock = clock
        self._sync = sync
        self._lag = lag
        self._soon: dict[Key, Handle] = {}
        self._later: dict[Key, Handle] = {}

    def add(self, key: Key) -> None:
        """Sync this key soon."""
        if key not in self._soon:
            self._soon[key] = self._clock.after(self._lag, lambda: self._run(key, self._soon))

    def add_after(self, key: Key, seconds: float) -> None:
        """Sync this key also after so many seconds; the last such wish of a key counts."""
        if key in self._later:
            self._later[key].cancel()
        self._later[key] = self._clock.after(max(seconds, 0.0), lambda: self._run(key, self._later))

    def _run(self, key: Key, waiting: dict[Key, Handle]) -> None:
        waiting.pop(key, None)
        self._sync(key)
