"""Following an operation of the container registry: short intervals, in the world's time, and a deadline."""

from __future__ import annotations

from typing import Any

from azure.mgmt.core.polling.async_arm_polling import AsyncARMPolling

from arcfleet.core.polling import next_delay
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from arcfleet.ports import Clock

USUAL = 5.0
"""Seconds that such an operation takes: recorded ones had ended when they were first asked for."""
DEADLINE = 600.0


class PatientPolling(AsyncARMPolling):
    """Azure's own polling with intervals that fit short operations; its own is 30 s.

    Raises:
        PermanentError: The operation has not ended after `DEADLINE` seconds.
    """

    def __init__(self, clock: Clock, subject: str, **options: Any) -> None:
        super().__init__(**options)
        self._clock, self._subject, self._began = clock, subject, clock.monotonic()

    async def _delay(self) -> None:
        elapsed = self._clock.monotonic() - self._began
        if elapsed >= DEADLINE:
            raise PermanentError(
                Reason.REGISTRY_PROGRESSING,
                f"{self._subject}: operation still {self.status()} after {elapsed:.0f} s",
                "look at the registry's activity log; what was made is kept: deploy again",
            )
        headers = self._pipeline_response.http_response.headers
        asked = self._extract_delay() if "Retry-After" in headers else 0.0
        await self._clock.sleep(max(next_delay(elapsed, USUAL), asked))
