"""What connected registries have announced of images that came to them: the newest digest of each, within a bound.

Kept as a list, whose order every database keeps, and short enough for a Variable of Prefect's (5,000 characters).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

LONGEST = 4900
"""Characters of JSON."""
LATEST = 32_503_680_000
"""Seconds since 1970 at the year 3000: what is no moment of an announcement any more."""


@dataclass(frozen=True, slots=True)
class Announced:
    """The digest that came to a connected registry under a tag, and when it did, by the registry's clock."""

    digest: str
    at: datetime


def key(registry: str, connected_registry: str) -> str:
    """Return the name under which a connected registry's announcements are kept; names there are in lower case."""
    return f"arcfleet_arrived_{registry}_{connected_registry}".lower()


def parse(value: object) -> dict[str, Announced]:
    """Return by `repository:tag` what plain values say; what is no announcement of `to_json`'s is left out."""
    found: dict[str, Announced] = {}
    for item in value if isinstance(value, list) else ():
        match item:
            case [str(image), str(digest), int(at) | float(at)] if 0 <= at < LATEST:
                found[image] = Announced(digest, datetime.fromtimestamp(at, UTC))
    return found


def merged(known: Mapping[str, Announced], more: Mapping[str, Announced]) -> dict[str, Announced]:
    """Return the newest announcement of each image, whatever the order in which they were told."""
    newer = {image: new for image, new in more.items() if image not in known or known[image].at <= new.at}
    return {**known, **newer}


def to_json(known: Mapping[str, Announced]) -> list[Any]:
    """Return announcements as plain values, the oldest first; the oldest that are too many are left out."""
    values = [[image, said.digest, said.at.timestamp()] for image, said in sorted(known.items(), key=_moment)]
    while len(json.dumps(values)) > LONGEST:
        values.pop(0)
    return values


def _moment(item: tuple[str, Announced]) -> datetime:
    return item[1].at
