"""A cluster that nobody has asked for yet costs nothing: it is built on first use, as old as the world says it is."""

from collections.abc import Callable
from datetime import datetime

from simulator.clock import Callback, Clock, Handle
from simulator.kube import Cluster


class LateClock(Clock):
    """A clock that starts in the past and, once it has caught up with the world's, is the world's.

    Args:
        world: The clock to catch up with.
        start: The moment in the past.
    """

    def __init__(self, world: Clock, start: datetime) -> None:
        super().__init__(start, manual=True)
        self._world = world
        self._caught_up = False

    def now(self) -> datetime:
        """Return the moment: a past one, then the world's."""
        return self._world.now() if self._caught_up else super().now()

    def at(self, when: datetime, callback: Callback) -> Handle:
        """Call `callback` at `when`."""
        return self._world.at(when, callback) if self._caught_up else super().at(when, callback)

    def catch_up(self) -> None:
        """Run what has been due until now, and leave what is still to come to the world's clock."""
        self.step((self._world.now() - self.now()).total_seconds())
        self._caught_up = True
        for handle in sorted(self._heap):
            self._world.adopt(handle)
        self._heap.clear()


class LatentCluster:
    """A cluster to be.

    Args:
        clock: The world's.
        born: When the cluster came to be.
        build: Builds it, with the clock that it is given.
    """

    def __init__(self, clock: Clock, born: datetime, build: Callable[[Clock], Cluster]) -> None:
        self._clock = clock
        self._born = born
        self._build = build
        self._built: Cluster | None = None
        self._reachable = True
        self.furnish: Callable[[], None] | None = None
        """Puts in place what it was born with, and uses `get` for that."""

    @property
    def built(self) -> bool:
        """Whether somebody has asked for it."""
        return self._built is not None

    @property
    def reachable(self) -> bool:
        """Whether its API can be reached."""
        return self._reachable

    @reachable.setter
    def reachable(self, value: bool) -> None:
        self._reachable = value
        if self._built is not None:
            self._built.connected = value

    def get(self) -> Cluster:
        """Return the cluster; KubeError when it refuses what it was born with."""
        if self._built is None:
            late = LateClock(self._clock, self._born)
            self._built = self._build(late)
            if self.furnish is not None:
                self.furnish()
            late.catch_up()
            self._built.connected = self._reachable
        return self._built
