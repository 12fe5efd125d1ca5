"""Moments of a rollout: `notBefore` as people write it, and windows that open by cron."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from arcfleet.core.leaks import quote

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY = re.compile(r"(?:(mon|tue|wed|thu|fri|sat|sun) )?(\d\d?):(\d\d)(?: (\S+))?", re.IGNORECASE)


def zone(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        ValueError: There is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{quote(name)} is no time zone: write for example UTC or Europe/Berlin") from None


def check(text: str) -> None:
    """Raise ValueError where `first_after` can't read a text."""
    first_after(text, datetime(2026, 1, 1, tzinfo=UTC))


def first_after(text: str, start: datetime) -> datetime:
    """Return the moment that a text names, or the first one from `start` on of a time of day or of the week.

    Args:
        text: ISO 8601 with its offset, or for example `Sat 20:00 Europe/Berlin`, `20:00` (UTC).
        start: When the run began.

    Raises:
        ValueError: The text is neither.
    """
    weekly = _WEEKLY.fullmatch(text.strip())
    if weekly:
        return _weekly(weekly, start)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{quote(text)} is no moment: write for example Sat 20:00 UTC, or 2026-12-01T20:00:00Z"
        ) from None
    if moment.tzinfo is None:
        raise ValueError(f"{quote(text)} has no offset: end it with Z, or for example +01:00")
    return moment


def _weekly(match: re.Match[str], start: datetime) -> datetime:
    day, hour, minute, where = match.groups()
    if int(hour) > 23 or int(minute) > 59:
        raise ValueError(f"{hour}:{minute} is no time of day")
    here = start.astimezone(zone(where or "UTC"))
    moment = here.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    ahead = (_DAYS.index(day.lower()) - here.weekday()) % 7 if day else 0
    moment += timedelta(days=ahead)
    return moment if moment >= here else moment + timedelta(days=7 if day else 1)


def opens_at(cron: str, length: timedelta, timezone: str, now: datetime) -> datetime | None:
    """Return when a window opens next; None while it is open."""
    here = now.astimezone(zone(timezone))
    # A moment later, since a tick is not before itself: a window that opens just now is open.
    opened: datetime = croniter(cron, here + timedelta(microseconds=1)).get_prev(datetime)
    if here < opened + length:
        return None
    ahead: datetime = croniter(cron, here).get_next(datetime)
    return ahead.astimezone(UTC)
