"""What a cluster shows of the connected registry that runs in it: frozen values, free of secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from arcfleet.core.facts import PodFacts

NAMESPACE = "connected-registry"
"""Where the extension's chart lands."""
CLAIM = "connected-registry-pvc"
BOUND = "Bound"


@dataclass(frozen=True, slots=True)
class EventFacts:
    """A warning event: what it is about (`Kind/name`), and when it was seen last."""

    about: str
    reason: str
    message: str
    seen: datetime | None = None

    def __str__(self) -> str:
        at = f" {self.seen:%H:%M:%SZ}" if self.seen else ""
        return f"event{at} {self.about} {self.reason}: {self.message}"


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """The registry's volume claim."""

    phase: str
    storage_class: str | None = None


@dataclass(frozen=True, slots=True)
class ExtensionEvidence:
    """The pods of the connected registry, its claim, the newest lines of its log, and warnings, the newest first.

    `unread` says, a line each, what could not be looked at and why.
    """

    pods: tuple[PodFacts, ...] = ()
    claim: ClaimFacts | None = None
    log: tuple[str, ...] = ()
    events: tuple[EventFacts, ...] = ()
    unread: tuple[str, ...] = ()
