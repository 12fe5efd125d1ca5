"""What the Prefect UI shows of a run while it goes: how far it is, and the fleet's table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import (
    TableArtifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.exceptions import PrefectException

from arcfleet.core import report as rendering
from arcfleet.core.run_view import RunView
from arcfleet.settings import Settings

PROGRESS_EVERY = 5.0
"""Seconds between two updates of the progress, at least."""
TABLE_EVERY = 30.0
"""Seconds between two updates of the table, at least: it is sent whole. A new wave does not wait for it."""


class Board(RunView):
    """A `ports.Progress` that publishes. The table has a new version per wave; in between it is updated in place.

    Args:
        fleet: The fleet's name, which the artifacts' keys carry.
    """

    def __init__(self, fleet: str) -> None:
        super().__init__(time.monotonic, Settings().time_scale)
        self._fleet = fleet
        self._progress: UUID | None = None
        self._table: UUID | None = None
        self._table_wave = ""
        self._table_at = 0.0

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the artifacts current while the context is open."""
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def publish(self) -> None:
        """Bring the artifacts up to now. A server that does not answer is asked again the next time."""
        try:
            await self._publish_progress()
            # The last one is the report's.
            if not self.report and self._table_is_due():
                await self._publish_table()
        except (httpx.HTTPError, PrefectException) as error:
            # The run does not depend on being shown.
            get_run_logger().warning("The run's progress could not be published: %s", type(error).__name__)

    async def _keep(self) -> None:
        while True:
            await self.publish()
            await asyncio.sleep(PROGRESS_EVERY)

    async def _publish_progress(self) -> None:
        share = 100.0 * len(self.ended) / max(1, len(self.sites))
        waits = f"waits for {self.where.waiting}" if self.where and self.where.waiting else ""
        todo = self.where.do if self.where else ""
        counts = "  ".join(text for _, text in self.counts())
        shown = [rendering.headline(self.report)] if self.report else [self.title(self._fleet), counts, waits, todo]
        text = "\n\n".join(rendering.escape(line) for line in shown if line)
        if self._progress:
            await aupdate_progress_artifact(self._progress, share, text)
        else:
            self._progress = await acreate_progress_artifact(share, key=f"progress-{self._fleet}", description=text)

    def _table_is_due(self) -> bool:
        return self._wave != self._table_wave or time.monotonic() - self._table_at >= TABLE_EVERY

    async def _publish_table(self) -> None:
        text = self.title(self._fleet)
        if self._table and self._wave == self._table_wave:
            data = await TableArtifact(table=self.rows()).aformat()
            async with get_client() as client:
                await client.update_artifact(self._table, ArtifactUpdate(data=data, description=text))
        else:
            key = f"fleet-{self._fleet}"
            self._table = await acreate_table_artifact(self.rows(), key=key, description=text)
        self._table_wave, self._table_at = self._wave, time.monotonic()

    @property
    def _wave(self) -> str:
        return self.where.name if self.where else ""
