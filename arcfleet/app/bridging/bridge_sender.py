"""The bridge's other side: what is in the outbox goes to Prefect, and stays there until Prefect has taken it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient

from arcfleet.app.bridging.outbox import Arrival, Entry, Outbox
from arcfleet.core.reporting import events
from arcfleet.core.sync.announcements import Announced
from arcfleet.errors import TransientError
from tasks.announcements import keep
from tasks.events import ask_health, deliver

LOG = logging.getLogger("arcfleet.bridge")
TICK = 0.5
CHECK = 5.0
"""Seconds between looks whether Prefect answers, while there is nothing to send."""


class Sender:
    """Hands entries of the outbox to Prefect, each once its repository is quiet.

    Args:
        outbox: Where they are.
        client: An open client of Prefect.
        fleet: The fleet's name.
        quiet: Seconds without a push to a repository.
        longest: Seconds after which it is not waited any longer for quiet.
    """

    def __init__(self, outbox: Outbox, client: PrefectClient, fleet: str, *, quiet: float, longest: float) -> None:
        self._outbox, self._client, self._fleet = outbox, client, fleet
        self._quiet, self._longest = quiet, longest
        self._looked = -math.inf
        self.answers = True
        """Whether Prefect answered when it was last spoken to."""

    async def run(self) -> None:
        """Send for ever."""
        while True:
            await self.once()
            await asyncio.sleep(TICK)

    async def once(self) -> None:
        """Send what is due; where there is nothing, look now and then whether Prefect answers."""
        due = self._outbox.due(time.time(), quiet=self._quiet, longest=self._longest)
        arrivals = self._outbox.arrivals()
        patient = time.monotonic() - self._looked < CHECK
        if patient and not (self.answers and (due or arrivals)):
            return
        try:
            for entry in due:
                await self._send(entry)
            await self._keep(arrivals)
            if not due and not arrivals:
                await ask_health(self._client)
        except TransientError as error:
            self._heard(error.message)
        else:
            self._heard()

    async def _send(self, entry: Entry) -> None:
        event = events.image_pushed(self._fleet, entry.registry, entry.repository, entry.tag, entry.digest)
        await deliver(self._client, event, UUID(entry.id))
        self._outbox.remove(entry)
        many = f", the newest of {entry.count} pushes" if entry.count > 1 else ""
        LOG.info("told Prefect of %s:%s %s%s", event.name, entry.tag, entry.digest, many)

    async def _keep(self, arrivals: Sequence[Arrival]) -> None:
        """Keep what connected registries announced where runs look for it; no run is started for it."""
        by_place: defaultdict[tuple[str, str], list[Arrival]] = defaultdict(list)
        for arrival in arrivals:
            by_place[arrival.registry, arrival.connected_registry].append(arrival)
        for place, told in by_place.items():
            more = {each.image: Announced(each.digest, datetime.fromtimestamp(each.at, UTC)) for each in told}
            await keep(self._client, *place, more)
            self._outbox.remove_arrivals(told)
            LOG.info("kept what has arrived at %s: %s", "/".join(place), ", ".join(more))

    def _heard(self, trouble: str = "") -> None:
        """Note how the last word with Prefect went, and log a change."""
        self._looked = time.monotonic()
        if trouble and self.answers:
            LOG.error("%s; pushes are kept, and their senders are asked to send them again", trouble)
        elif not trouble and not self.answers:
            LOG.info("the Prefect server answers again")
        self.answers = not trouble
