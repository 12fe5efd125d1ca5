"""Long-running operations: what a client polls after a write that takes time."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

# A finished operation can be asked about for so long; later its URL answers 404 (how long is ours).
KEPT = timedelta(hours=24)


@dataclass(slots=True)
class Operation:
    """One operation; `status` is what its URL shows, `ended` when it reached its last one."""

    id: str
    status: str
    ended: datetime | None = None
    error: dict[str, Any] | None = None

    def end(self, status: str, now: datetime, error: dict[str, Any] | None = None) -> None:
        """Finish with a terminal status; an operation ends once."""
        if self.ended is None:
            self.status, self.ended, self.error = status, now, error


@dataclass(slots=True)
class Operations:
    """Every operation by id. Expired ones are dropped as new ones begin."""

    _by_id: dict[str, Operation] = field(default_factory=dict)

    def begin(self, status: str, now: datetime, *, prefix: str = "") -> Operation:
        """Start an operation, with an id like Azure's: `prefix` and a GUID."""
        self._drop_expired(now)
        operation = Operation(prefix + str(uuid.uuid4()), status)
        self._by_id[operation.id] = operation
        return operation

    def find(self, identifier: str, now: datetime) -> Operation | None:
        """Return the operation, or None when there was none or it has expired."""
        operation = self._by_id.get(identifier.lower())
        return None if operation is None or _expired(operation, now) else operation

    def end_all(self, identifiers: list[str], status: str, now: datetime, error: dict[str, Any] | None = None) -> None:
        """Finish those that have not ended yet, and forget them in `identifiers`."""
        for identifier in identifiers:
            operation = self.find(identifier, now)
            if operation is not None:
                operation.end(status, now, error)
        identifiers.clear()

    def _drop_expired(self, now: datetime) -> None:
        # Operations end nearly in the order of their start: stop at the first that is still needed.
        for identifier, operation in list(islice(self._by_id.items(), 2)):
            if not _expired(operation, now):
                break
            del self._by_id[identifier]


def _expired(operation: Operation, now: datetime) -> bool:
    return operation.ended is not None and now - operation.ended > KEPT
