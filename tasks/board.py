"""What the Prefect UI shows of a run while it goes: how far it is, and the fleet's table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
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

from arcfleet.core.reporting import report as rendering
from arcfleet.core.reporting.run_view import RunView
from arcfleet.settings import Settings

PROGRESS_EVERY = 5.0
"""Seconds between two updates of the progress, at least."""
TABLE_EVERY = 30.0
"""Seconds between two updates of the table, at least: it is sent whole. A new wave does not wait for it."""


class Board(RunView):
    """A `ports.Progress` that publishes. A run has one table, updated in place: whoever opens it sees how it ended.

    Args:
        fleet: The fleet's name, which the artifacts' keys carry.
    """

    def __init__(self, fleet: str) -> None:
        super().__init__(time.monotonic, Settings().time_scale)
        self._fleet = fleet
        self._progress: UUID | None = None
        self.table: UUID | None = None
        """The table's artifact, once there is one."""
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
            # Its last state is the report's.
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
        self.table = await put_table(self.table, f"fleet-{self._fleet}", self.rows(), self.title(self._fleet))
        self._table_wave, self._table_at = self._wave, time.monotonic()

    @property
    def _wave(self) -> str:
        return self.where.name if self.where else ""


async def put_table(table: UUID | None, key: str, rows: list[dict[str, Any]], description: str) -> UUID:
    """Update a table in place, or make it where there is none, or none any more; return its artifact."""
    if table:
        data = await TableArtifact(table=rows).aformat()
        try:
            async with get_client() as client:
                await client.update_artifact(table, ArtifactUpdate(data=data, description=description))
        except httpx.HTTPStatusError as error:
            if error.response.status_code != HTTPStatus.NOT_FOUND:
                raise
        else:
            return table
    return await acreate_table_artifact(rows, key=key, description=description)
