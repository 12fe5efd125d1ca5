"""The announcements of who does without a Prefect server: none that could be read."""

from __future__ import annotations

from arcfleet.core.facts import Unread


class NoAnnouncements:
    """`ports.Announcements` for who has no Prefect: weaker evidence is what they see."""

    async def of(self, _registry: str, _connected_registry: str) -> Unread:
        """Return that there is nobody who keeps them."""
        return Unread("without a Prefect server nobody keeps it")
