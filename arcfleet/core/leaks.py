"""What looks like a secret, so that no file holds one and no message repeats one.

A fleet file lies in a repository and is read by many: what is secret belongs elsewhere. The forms: passwords of Azure
Container Registry's tokens (`…+ACR…`, 52 characters), connection strings of connected registries and of Azure's other
services, and private keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

Path = tuple[str | int, ...]

_KEY = re.compile(
    r"connection.?string|passw(or)?d|secret|tls\.key|(private|access|account|api|shared).?key|token.?value|token$",
    re.IGNORECASE,
)
_NAMES = frozenset({"clientToken", "prefectSecret", "pullSecret", "pullSecretFrom"})
"""The fleet file's keys for names of secrets."""
_VALUES = tuple(
    # Each begins with letters of its own, so that a search skips through a long text at the speed of memory.
    re.compile(pattern)
    for pattern in (
        r"\+ACR(?<=[A-Za-z0-9+/]{42}\+ACR)[A-Za-z0-9+/]{6}",
        r"SyncTokenPassword\s*=",
        r"AccountKey\s*=",
        r"SharedAccessKey\s*=",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY",
    )
)
SHORTEST = len("AccountKey=")
LONGEST = 60
"""Characters of a value that a message repeats."""


def is_secret(text: str) -> bool:
    """Tell whether a text holds something of a secret's form."""
    return len(text) >= SHORTEST and any(pattern.search(text) for pattern in _VALUES)


@lru_cache(maxsize=10_000)
def _names_a_secret(key: str) -> bool:
    return key not in _NAMES and bool(_KEY.search(key))


def quote(text: object) -> str:
    """Return a value as a message may repeat it: as Python writes it, cut where it is long, never a secret."""
    if is_secret(str(text)):
        return "(hidden)"
    shown = repr(text)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def found(value: Any, path: Path = (), *, keys: bool = True) -> Iterator[tuple[Path, str]]:
    """Yield where a value of a YAML file looks like a secret, and why; never the value itself.

    Args:
        value: What the file holds, as plain values.
        path: Where it stands.
        keys: Judge keys by their names too, not values only.
    """
    if isinstance(value, dict):
        for key, below in value.items():
            if is_secret(key):
                yield path, "a key of it looks like a secret; a fleet file never holds one"
            elif keys and below is not None and _names_a_secret(key):
                yield (*path, key), "looks like a secret; a fleet file never holds one"
            else:
                yield from found(below, (*path, key), keys=keys)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from found(below, (*path, index), keys=keys)
    elif isinstance(value, str) and is_secret(value):
        yield path, "its value looks like a secret; a fleet file never holds one"
