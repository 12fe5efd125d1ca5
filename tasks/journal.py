"""The journal of passwords, in Prefect's Variables: on the server that the run itself lives by. Never their values."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from uuid import uuid4

from prefect.client.orchestration import PrefectClient

from arcfleet.core.passwords import journal
from arcfleet.core.passwords.journal import Entry
from arcfleet.settings import Settings
from tasks import lane as lanes
from tasks import variables
from tasks.lane import Lane
from tasks.server import translated


class PrefectJournal:
    """`ports.Journal` on Prefect's Variables.

    Args:
        client: The server's. One for all of a run: a new one for each entry takes five times as long.
        lane: For what is read and written.
        place: What the Variables' names end in.
    """

    def __init__(self, client: PrefectClient, lane: Lane, place: str) -> None:
        self.owner = uuid4().hex
        self._client, self._lane, self._place = client, lane, place
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def alone(self, key: str) -> AbstractAsyncContextManager[None]:
        """Return the lock of a token's passwords, which all sites of this run share."""
        return self._locks[key]

    async def forget(self, key: str) -> None:
        """Keep a token's entry no longer."""
        with translated(f"journal {key}"):
            await self._lane.do(partial(variables.delete, self._client, key + self._place))

    async def read(self, key: str) -> Entry | None:
        """Return a token's entry."""
        with translated(f"journal {key}"):
            return journal.parse(await self._lane.do(partial(variables.read, self._client, key + self._place)))

    async def write(self, key: str, entry: Entry) -> None:
        """Keep a token's entry."""
        with translated(f"journal {key}"):
            await self._lane.do(partial(variables.write, self._client, key + self._place, entry.to_json()))


@asynccontextmanager
async def opened(client: PrefectClient) -> AsyncIterator[PrefectJournal]:
    """Yield the journal of the Azure that the settings name, with a lane of its own."""
    async with lanes.opened() as lane:
        yield PrefectJournal(client, lane, Settings().place)
