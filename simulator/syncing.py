"""Full syncs of a connected registry, the messages between them, and `registrySyncResult` of the preview API.

Triggers and states are those of azure-mgmt-containerregistry 15.1.0b3; when each occurs is inferred. A push reaches a
site as a message at its next contact, unless it is older than `messageTtl` by then; a full sync brings everything. One
is done at the activation, after a change of what the sync token may read, and when somebody asks for a resync, which is
a message itself: it waits for the site's next contact, and no longer than `messageTtl`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulator.schedule import parse_duration

if TYPE_CHECKING:
    from simulator.cloud import ConnectedRegistry

INITIAL, MANUAL, TOKEN_UPDATE = "InitialSync", "ManualResync", "SyncTokenUpdate"
# A site that is connected picks a message up so soon (inferred).
PICKED_UP = timedelta(seconds=5)


@dataclass(slots=True)
class FullSync:
    """One full sync: asked for, begun and ended."""

    trigger: str
    asked: datetime
    began: datetime | None = None
    ended: datetime | None = None
    failed: bool = False


def alive(connected: "ConnectedRegistry", since: datetime, moment: datetime) -> bool:
    """Say whether a message of `since` can still be delivered."""
    return moment - since <= parse_duration(connected.message_ttl)


def due(
    connected: "ConnectedRegistry", scope: frozenset[str], known: frozenset[str] | None, at: datetime
) -> FullSync | None:
    """Return the full sync that a contact begins; `known` is the scope at the last one, None before the first."""
    asked = connected.full_sync
    if asked is not None and asked.began is None and alive(connected, asked.asked, at):
        return asked
    if known is None:
        return FullSync(INITIAL, at)
    return FullSync(TOKEN_UPDATE, at) if scope - known else None


def begin(connected: "ConnectedRegistry", sync: FullSync, at: datetime, takes: float, *, failed: bool) -> None:
    """Note a full sync that begins now and takes `takes` seconds."""
    connected.full_sync = sync
    sync.began, sync.ended, sync.failed = at, at + timedelta(seconds=takes), failed
    if not failed:
        connected.full_synced = sync.ended


def result_view(connected: "ConnectedRegistry", now: datetime) -> dict[str, Any]:
    """Return `registrySyncResult`."""
    sync = connected.full_sync
    if connected.activated_by is None or sync is None:
        return {"syncState": "NotActivated"}
    view = {
        "syncTrigger": sync.trigger,
        "syncState": _state(connected, sync, now),
        "lastSyncStartTime": sync.began and sync.began.isoformat(),
        "lastSyncEndTime": sync.ended.isoformat() if sync.ended and sync.ended <= now else None,
        "lastSuccessfulSyncEndTime": _succeeded(connected, now),
    }
    return {key: value for key, value in view.items() if value is not None}


def _succeeded(connected: "ConnectedRegistry", now: datetime) -> str | None:
    end = connected.full_synced
    return end.isoformat() if end is not None and end <= now else None


def _state(connected: "ConnectedRegistry", sync: FullSync, now: datetime) -> str:
    if sync.began is None or sync.ended is None:
        return "Pending" if alive(connected, sync.asked, now) else "TimedOut"
    if now < sync.ended:
        return "Syncing"
    broken = connected.instance is not None and connected.instance.problem is not None
    return "Failed" if sync.failed or broken else "Succeeded"
