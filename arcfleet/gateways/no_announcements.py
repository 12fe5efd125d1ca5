"""The announcements of who does without a Prefect server: none."""

from __future__ import annotations

from collections.abc import Mapping

from arcfleet.core.announcements import Announced


class NoAnnouncements:
    """`ports.Announcements` for commands without Prefect: weaker evidence is what they see."""

    async def of(self, _registry: str, _connected_registry: str) -> Mapping[str, Announced]:
        """Return nothing."""
        return {}
