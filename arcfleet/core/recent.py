"""A bounded memory of what was there lately."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable


class Recent:
    """Remembers a text per key for a while, and never more keys than so many.

    Args:
        most: How many keys; the oldest is forgotten for a newer one.
        seconds: How long a key is remembered.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._noted: OrderedDict[Hashable, tuple[str, float]] = OrderedDict()

    def note(self, key: Hashable, text: str, now: float) -> None:
        """Remember a key's newest text."""
        self._noted[key] = (text, now)
        self._noted.move_to_end(key)
        while len(self._noted) > self._most:
            self._noted.popitem(last=False)

    def text(self, key: Hashable, now: float) -> str | None:
        """Return the text that was noted for a key, or None where there was none lately."""
        text, at = self._noted.get(key, (None, now))
        return text if now - at < self._seconds else None
