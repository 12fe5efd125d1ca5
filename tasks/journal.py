"""The journal of passwords, in Prefect's Variables: on the server that the run itself lives by. Never their values."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from uuid import uuid4

import httpx
from prefect.context import AsyncClientContext
from prefect.exceptions import PrefectException
from prefect.variables import Variable

from arcfleet.core import journal
from arcfleet.core.journal import Entry
from arcfleet.core.reasons import Reason
from arcfleet.errors import TransientError

TAGS = ["arcfleet"]


class PrefectJournal:
    """`ports.Journal` on Prefect's Variables."""

    def __init__(self) -> None:
        self.owner = uuid4().hex
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def alone(self, key: str) -> AbstractAsyncContextManager[None]:
        """Return the lock of a token's passwords, which all sites of this run share."""
        return self._locks[key]

    async def forget(self, key: str) -> None:
        """Keep a token's entry no longer."""
        with translated(f"journal {key}"):
            await Variable.aunset(key)

    async def read(self, key: str) -> Entry | None:
        """Return a token's entry."""
        with translated(f"journal {key}"):
            return journal.parse(await Variable.aget(key))

    async def write(self, key: str, entry: Entry) -> None:
        """Keep a token's entry."""
        with translated(f"journal {key}"):
            await Variable.aset(key, entry.to_json(), tags=TAGS, overwrite=True)


@asynccontextmanager
async def opened() -> AsyncIterator[PrefectJournal]:
    """Yield the journal outside of a run, with one client of the server for all that is read of it."""
    async with AsyncClientContext.get_or_create():
        yield PrefectJournal()


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise our error where the Prefect server does not answer about `what`."""
    try:
        yield
    except (httpx.HTTPError, PrefectException) as error:
        raise TransientError(
            Reason.UNREACHABLE, f"{what}: the Prefect server does not answer ({type(error).__name__})"
        ) from None
