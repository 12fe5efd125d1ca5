"""The journal of who only reads: empty, and not to be written to."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext

from arcfleet.core.passwords.journal import Entry
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError


class NoJournal:
    """`ports.Journal` for plans and status, which change nothing."""

    owner = ""

    def alone(self, _key: str) -> AbstractAsyncContextManager[None]:
        """Return at once: nothing is written."""
        return nullcontext()

    async def forget(self, key: str) -> None:
        """Refuse, as nothing is written here."""
        raise PermanentError(Reason.INTERNAL, f"no journal to take {key} out of")

    async def read(self, _key: str) -> Entry | None:
        """Return nothing."""
        return None

    async def write(self, key: str, _entry: Entry) -> None:
        """Refuse: a password whose way isn't written down must not be generated."""
        raise PermanentError(Reason.INTERNAL, f"no journal to write {key} to")
