"""Durations as people write them: `90s`, `30m`, `2h`, `1h30m`, `90d`; and as they read them: `1:12`, `2 h`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from arcfleet.core.leaks import quote

_PART = re.compile(r"([0-9]+)([smhd])")
LONGEST = 100
"""Characters; a longer text names no time that anybody means."""
_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(value: Any) -> timedelta:
    """Return the duration that a text names.

    Raises:
        ValueError: It is no duration, or not longer than nothing.
    """
    if isinstance(value, timedelta):
        return value
    text = str(value).replace(" ", "")
    parts = _PART.findall(text[:LONGEST])
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"{quote(value)} is no duration: write for example 90s, 30m, 2h or 1h30m")
    try:
        total = sum((timedelta(**{_UNIT[unit]: int(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        raise ValueError(f"{quote(value)} is longer than time goes") from None
    if total <= timedelta():
        raise ValueError(f"{quote(value)} is no time at all")
    return total


def iso8601(value: timedelta) -> str:
    """Return a duration of whole seconds as Azure writes one, for example `PT4H`, `P2D`, `P1DT12H`."""
    minutes, second = divmod(value.seconds, 60)
    hour, minute = divmod(minutes, 60)
    date = f"{value.days}D" if value.days else ""
    time = "".join(f"{count}{unit}" for count, unit in ((hour, "H"), (minute, "M"), (second, "S")) if count)
    return f"P{date}T{time}" if time else f"P{date or '0D'}"


def clock_time(seconds: float) -> str:
    """Return a length as `m:ss` or `h:mm:ss`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def ago(seconds: float) -> str:
    """Return an age in its largest unit, for example `12 s`, `48 min`, `2 h`, `3 d`."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (unit == "min" and seconds >= 90):
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def duration_text(length: timedelta) -> str:
    """Return a duration as people write it, so that `parse_duration` reads the same, for example `1h30m`."""
    rest, parts = round(length.total_seconds()), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
