"""The journal of a token's passwords: what we did with which slot, written before it is done. Never a value.

A run may be killed between any two steps. What the journal says then decides which slot is free: Azure shows when a
password was made and when an extension changed, but not which password the extension was given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from arcfleet.core.names import RegistryRef


class Phase(StrEnum):
    """How far a password has come."""

    INTENDED = "intended"
    """It is about to be generated, or was, and nobody was given it: where the run ended here, its value is lost."""
    UNKNOWN = "unknown"
    """It may have been generated, but the answer was lost, and with it its value."""
    DELIVERING = "delivering"
    """It is about to be given, or was; whether it arrived must be looked at."""
    DELIVERED = "delivered"
    """The extension, or the pull secret, was given it."""
    VERIFIED = "verified"
    """It was seen to work."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The last thing that was done with a token's passwords."""

    slot: str
    phase: Phase
    at: datetime
    """When the phase began, by the service's clock."""
    created: datetime | None = None
    """When the slot's password was made, as the service said; None before it was."""
    retiring: bool = False
    """The other slot still holds the password that this one replaced."""
    retired: datetime | None = None
    """When we made the other slot's password, which nobody was given; None where we did not."""
    ending: datetime | None = None
    """When we set about making it; None before."""
    owner: str = ""
    """The run that intended it."""

    @property
    def has_no_value(self) -> bool:
        """Whether nobody was given what its slot holds."""
        return self.phase in {Phase.INTENDED, Phase.UNKNOWN}

    @property
    def mark(self) -> str:
        """What tells this password from any other, without its value; empty before it was made."""
        return f"{self.slot} {self.created.isoformat()}" if self.created else ""

    def is_lost(self, slot: str) -> bool:
        """Tell whether the answer of a slot's last password was lost."""
        return self.phase is Phase.UNKNOWN and self.slot == slot

    def to(self, phase: Phase, at: datetime, **changes: Any) -> Entry:
        """Return the entry in its next phase."""
        return replace(self, phase=phase, at=at, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return the entry as plain values."""
        return {
            "slot": self.slot,
            "phase": self.phase,
            "at": self.at.isoformat(),
            "created": self.created.isoformat() if self.created else None,
            "retiring": self.retiring,
            "retired": self.retired.isoformat() if self.retired else None,
            "ending": self.ending.isoformat() if self.ending else None,
            "owner": self.owner,
        }


def parse(value: object) -> Entry | None:
    """Return the entry of plain values; None for what is no entry, which is then as if nothing had been written."""
    if not isinstance(value, dict):
        return None
    try:
        created, retired, ending = (_moment(value.get(name)) for name in ("created", "retired", "ending"))
        return Entry(
            slot=str(value["slot"]),
            phase=Phase(value["phase"]),
            at=datetime.fromisoformat(value["at"]),
            created=created,
            retiring=bool(value.get("retiring")),
            retired=retired,
            ending=ending,
            owner=str(value.get("owner") or ""),
        )
    except (KeyError, ValueError, TypeError):
        return None


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def key(registry: RegistryRef, token: str) -> str:
    """Return the name under which a token's entry is kept: registries' names are unique in all of Azure."""
    return re.sub(r"[^a-z0-9_-]", "_", f"arcfleet_{registry.name}_{token}".lower())
