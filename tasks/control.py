"""What a run was told while it goes: to pause, to end, to leave sites out, to try again; and how sites obey."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from arcfleet.core.reasons import Reason
from arcfleet.core.runs.orders import Orders
from arcfleet.errors import PermanentError

WORDS = {
    Reason.ABORTED: ("the run was aborted", "deploy again when it may go on"),
    Reason.INTERRUPTED: ("the run's process was told to end", "run it again: it continues from here"),
    Reason.LEASE_LOST: ("another run has taken the fleet over", "see the other run: arcfleet ui"),
    Reason.SERVER_LOST: (
        "the Prefect server does not answer, so this run could not hold the fleet any longer",
        "see that the server runs, then run it again: it continues from here",
    ),
}


class Control:
    """The orders that a run's sites obey between two steps.

    Nothing is ever rolled back, and a step that is under way is never broken off by an order.

    Args:
        monotonic: Returns the seconds that pauses are counted in.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.orders = Orders("")
        self.ending: Reason | None = None
        self.changed = asyncio.Event()
        """Set whenever something was said; who looks at it clears it."""
        self.ended = asyncio.Event()
        """Set once the run is to end."""
        self.unheard = False
        """Whether the server that orders come from does not answer now."""
        self._paused_at: float | None = None
        self._paused_for = 0.0
        self._released = asyncio.Event()
        self._released.set()

    @property
    def paused(self) -> bool:
        """Whether nothing is to be begun now."""
        return self.orders.paused and not self.ending

    @property
    def paused_for(self) -> float:
        """Seconds for which the run has been paused so far."""
        return self._paused_for + (self._monotonic() - self._paused_at if self._paused_at is not None else 0.0)

    def told(self, orders: Orders) -> None:
        """Take new orders."""
        if orders == self.orders:
            return
        self.orders = orders
        if orders.aborted:
            self.end(Reason.ABORTED)
        if orders.paused and self._paused_at is None:
            self._paused_at = self._monotonic()
        elif not orders.paused:
            self._paused_for, self._paused_at = self.paused_for, None
        self._tell()

    def hear(self, *, answers: bool) -> None:
        """Take whether the server that orders come from answers."""
        if self.unheard is answers:
            self.unheard = not answers
            self._tell()

    def end(self, why: Reason) -> None:
        """End the run: sites stop after their step."""
        self.ending = self.ending or why
        self.ended.set()
        self._tell()

    def error(self) -> PermanentError:
        """Return what a site ends with that was under way when the run was ended."""
        why = self.ending or Reason.INTERRUPTED
        return PermanentError(why, *WORDS[why])

    async def boundary(self) -> None:
        """Wait between two steps while the run is paused.

        Raises:
            PermanentError: The run is to end.
        """
        await self._released.wait()
        if self.ending:
            raise self.error()

    def _tell(self) -> None:
        if self.paused:
            self._released.clear()
        else:
            self._released.set()
        self.changed.set()
