"""The bridge's outbox: pushes that were acknowledged and that Prefect does not know of yet, in a file.

What was acknowledged outlives the bridge's process. One row per repository: a burst of pushes to it becomes one entry,
which is enough, since the registry itself is asked what its tags are then.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arcfleet.core.pushes import Push

TABLE = """CREATE TABLE IF NOT EXISTS pushes (
    registry TEXT, repository TEXT, tag TEXT, digest TEXT, count INTEGER, first REAL, last REAL, id TEXT,
    PRIMARY KEY (registry, repository))"""
PUT = """INSERT INTO pushes VALUES (?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT DO UPDATE SET
    tag = excluded.tag, digest = excluded.digest, count = count + 1, last = excluded.last, id = excluded.id"""


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

    def put(self, pushes: Sequence[Push], now: float) -> None:
        """Keep pushes.

        Raises:
            sqlite3.Error: The disk does not take them; then none of them is kept.
        """
        rows = [(p.registry, p.repository, p.tag, p.digest, now, now, str(uuid.uuid4())) for p in pushes]
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.executemany(PUT, rows)
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

    def waiting(self) -> tuple[int, float | None]:
        """Return how many entries there are, and since when the oldest one waits."""
        count, oldest = self._database.execute("SELECT count(*), min(first) FROM pushes").fetchone()
        return int(count), oldest

    def close(self) -> None:
        """Close the file."""
        self._database.close()
