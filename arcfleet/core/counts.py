"""Numbers with their nouns, as people read them."""

from __future__ import annotations


def some(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun, for example `1 site`, `12 sites`.

    Args:
        count: The number.
        one: The noun, or noun and verb, of one.
        many: Of none and of several; `one` with an s where not given.
    """
    return f"{count} {one if count == 1 else many or f'{one}s'}"
