"""The bridge's outbox: pushes that were acknowledged and that Prefect does not know of yet, in a file.

Those that connected registries tell of are kept apart, one row per image: they start nothing, and need not be quiet.

What was acknowledged outlives the bridge's process. One row per repository: a burst of pushes to it becomes one entry,
which is enough, since the registry itself is asked what its tags are then.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arcfleet.core.sync.pushes import Arrived, Push

TABLE = """CREATE TABLE IF NOT EXISTS pushes (
    registry TEXT, repository TEXT, tag TEXT, digest TEXT, count INTEGER, first REAL, last REAL, id TEXT,
    PRIMARY KEY (registry, repository))"""
PUT = """INSERT INTO pushes VALUES (?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT DO UPDATE SET
    tag = excluded.tag, digest = excluded.digest, count = count + 1, last = excluded.last, id = excluded.id"""

ARRIVALS = """CREATE TABLE IF NOT EXISTS arrivals (
    registry TEXT, connected TEXT, image TEXT, digest TEXT, at REAL, noted REAL, id TEXT,
    PRIMARY KEY (registry, connected, image))"""
PUT_ARRIVAL = """INSERT INTO arrivals VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    digest = excluded.digest, at = excluded.at, id = excluded.id WHERE excluded.at >= at"""


@dataclass(frozen=True, slots=True)
class Entry:
    """Pushes to one repository: the newest one's tag and digest, and how many there were."""

    registry: str
    repository: str
    tag: str
    digest: str
    count: int
    first: float
    last: float
    id: str
    """Changes with every push."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The newest image, `repository:tag`, of which a connected registry has told that it came there."""

    registry: str
    connected_registry: str
    image: str
    digest: str
    at: float
    """When it came, in seconds since 1970, by the registry's clock."""
    noted: float
    id: str
    """Changes with every one."""


class Outbox:
    """Entries in a SQLite file, each written to the disk before `put` returns. For one thread at a time.

    Args:
        path: The file; it is made where it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute(TABLE)
        self._database.execute(ARRIVALS)

    def put(self, pushes: Sequence[Push], now: float) -> None:
        """Keep pushes.

        Raises:
            sqlite3.Error: The disk does not take them; then none of them is kept.
        """
        rows = [
            (p.registry, p.repository, p.tag, p.digest, now, now, str(uuid.uuid4())) for p in pushes if not p.arrived
        ]
        arrivals = [_arrival(p, p.arrived, now) for p in pushes if p.arrived]
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.executemany(PUT, rows)
            self._database.executemany(PUT_ARRIVAL, arrivals)
            self._database.execute("COMMIT")
        except sqlite3.Error:
            self._database.execute("ROLLBACK")
            raise

    def due(self, now: float, *, quiet: float, longest: float) -> list[Entry]:
        """Return the entries without a push for `quiet` seconds, and those that have waited for `longest`."""
        asked = "SELECT * FROM pushes WHERE last <= ? OR first <= ? ORDER BY first"
        return [Entry(*row) for row in self._database.execute(asked, (now - quiet, now - longest))]

    def remove(self, entry: Entry) -> None:
        """Drop an entry that was handed over; one that was pushed to since waits anew, for those pushes."""
        key = (entry.registry, entry.repository)
        self._database.execute("DELETE FROM pushes WHERE registry = ? AND repository = ? AND id = ?", (*key, entry.id))
        changed = "UPDATE pushes SET first = last, count = count - ? WHERE registry = ? AND repository = ?"
        self._database.execute(changed, (entry.count, *key))

    def arrivals(self) -> list[Arrival]:
        """Return the images that have come to connected registries."""
        return [Arrival(*row) for row in self._database.execute("SELECT * FROM arrivals")]

    def remove_arrivals(self, arrivals: Sequence[Arrival]) -> None:
        """Drop arrivals that were handed over; one of which there is newer word stays."""
        self._database.executemany("DELETE FROM arrivals WHERE id = ?", [(arrival.id,) for arrival in arrivals])

    def waiting(self) -> tuple[int, float | None]:
        """Return how many entries there are, and since when the oldest one waits."""
        asked = "SELECT count(*), min(at) FROM (SELECT first AS at FROM pushes UNION ALL SELECT noted FROM arrivals)"
        count, oldest = self._database.execute(asked).fetchone()
        return int(count), oldest

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _arrival(push: Push, arrived: Arrived, now: float) -> tuple[str | float, ...]:
    image, place = f"{push.repository}:{push.tag}", arrived.connected_registry.lower()
    return push.registry.lower(), place, image, push.digest, arrived.at.timestamp(), now, str(uuid.uuid4())
