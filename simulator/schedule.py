"""When a connected registry talks to its parent: a cron schedule and an optional window.

Without a window the instance is in contact at each tick and counts as connected in between. With one, it
is in contact each minute from a tick until the window closes and disconnected until the next tick
(MicrosoftDocs, intro-connected-registry.md; that Offline is shown between windows is inferred).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from croniter import croniter

MINUTE = timedelta(minutes=1)
EACH_MINUTE = "* * * * *"

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


@dataclass(frozen=True, slots=True)
class SyncSchedule:
    """A cron expression in UTC, and the window as the client wrote it (ISO 8601) or None."""

    cron: str = EACH_MINUTE
    window: str | None = None

    def next(self, after: datetime) -> datetime:
        """Return the first moment of contact later than `after`."""
        if self.cron == EACH_MINUTE:
            return _minute(after) + MINUTE
        if self.window is not None and self.open(minute := _minute(after) + MINUTE):
            return minute
        return _aware(croniter(self.cron, after).get_next(datetime))

    def last(self, at: datetime) -> datetime:
        """Return the last moment of contact not later than `at`."""
        if self.cron == EACH_MINUTE:
            return _minute(at)
        tick = self._tick(at)
        if self.window is None:
            return tick
        end = _minute(tick + parse_duration(self.window) - timedelta(microseconds=1))
        return max(tick, min(_minute(at), end))

    def open(self, at: datetime) -> bool:
        """Say whether the instance counts as connected at this moment."""
        if self.cron == EACH_MINUTE or self.window is None:
            return True
        return at < self._tick(at) + parse_duration(self.window)

    def _tick(self, at: datetime) -> datetime:
        # get_prev is strict: a moment that is a tick itself counts.
        return _aware(croniter(self.cron, at + timedelta(seconds=1)).get_prev(datetime))


def valid_cron(expression: str) -> bool:
    """Say whether `expression` is a cron schedule of five fields."""
    return len(expression.split()) == 5 and croniter.is_valid(expression)


def parse_duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of days to seconds, for example `PT3H`; ValueError when it is none."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is no ISO 8601 duration")
    days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _aware(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
