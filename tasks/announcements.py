"""What connected registries have announced, in Prefect's Variables: the bridge writes it, runs read it."""

from __future__ import annotations

from collections.abc import Mapping

from prefect.client.orchestration import PrefectClient

from arcfleet.core.sync import announcements
from arcfleet.core.sync.announcements import Announced
from tasks import variables
from tasks.server import translated


class PrefectAnnouncements:
    """`ports.Announcements` on Prefect's Variables.

    Args:
        client: The server's, one for all of a run.
    """

    def __init__(self, client: PrefectClient) -> None:
        self._client = client

    async def of(self, registry: str, connected_registry: str) -> Mapping[str, Announced]:
        """Return what a connected registry has announced."""
        name = announcements.key(registry, connected_registry)
        with translated(f"announcements {name}"):
            return announcements.parse(await variables.read(self._client, name))


async def keep(client: PrefectClient, registry: str, connected_registry: str, more: Mapping[str, Announced]) -> None:
    """Add to what a connected registry has announced, and return once the server has taken it.

    Raises:
        TransientError: The server did not take it.
    """
    name = announcements.key(registry, connected_registry)
    with translated(f"announcements {name}"):
        known = announcements.parse(await variables.read(client, name))
        await variables.write(client, name, announcements.to_json(announcements.merged(known, more)))
