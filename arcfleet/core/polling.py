"""When to look again: intervals that fit the length of what is waited for.

An operation of five minutes is not watched on a fixed grid. While it can't be over yet, few looks suffice to notice a
failure; around its usual end the gaps are a fixed share of the time passed, plus a second, so that its end is seen
within a tenth of its length, requests' own time included.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

EARLY = (0.15, 0.4, 0.6)
"""Fractions of the usual length at which to look while the end is not to be expected yet."""


GAP = 0.085
"""Share of the time passed that a gap near the end is long."""


def next_delay(elapsed: float, usual: float) -> float:
    """Return the seconds to wait until the next look.

    Args:
        elapsed: Seconds since the operation began.
        usual: Its usual length in seconds.
    """
    for fraction in EARLY:
        if elapsed < fraction * usual * 0.999:
            return fraction * usual - elapsed
    return GAP * elapsed + 1


def usual_length(seen: Iterable[float], prior: float) -> float:
    """Return the usual length in seconds: the median of the lengths seen, or the prior before there are any."""
    lengths = sorted(seen)
    # Just below the median, so that the close watch begins before half of them have ended.
    return median(lengths) * 0.95 if lengths else prior
