"""Sync schedules and windows: when a connected registry is to be in contact.

Source: a schedule is a cron expression in UTC, a window an ISO 8601 duration that begins at each of its ticks; without
a window the registry stays connected between ticks (az acr connected-registry create --sync-schedule, --sync-window).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from croniter import croniter
from pydantic import TypeAdapter

from arcfleet.core.facts import ConnectedRegistryFacts

CONTINUOUS = "* * * * *"
_DURATION = TypeAdapter(timedelta)


def next_sync(cr: ConnectedRegistryFacts, now: datetime) -> datetime:
    """Return the next tick of the registry's schedule after `now`."""
    tick: datetime = croniter(cr.schedule or CONTINUOUS, now).get_next(datetime)
    return tick


def until_next_sync(cr: ConnectedRegistryFacts, now: datetime) -> float:
    """Return the seconds until a registry with windows is to be in contact again; 0 for one that always is."""
    return (next_sync(cr, now) - now).total_seconds() if cr.sync_window else 0.0


def window_of(cr: ConnectedRegistryFacts) -> timedelta | None:
    """Return how long each sync of the registry may last; None where it stays connected."""
    return _DURATION.validate_python(cr.sync_window) if cr.sync_window else None


def synced_since(cr: ConnectedRegistryFacts, moment: datetime) -> bool:
    """Tell whether a sync can have brought what was there at `moment`: contact at the next tick after it, or later.

    While a window is open the registry is in contact every minute, whatever the schedule's ticks.
    """
    if cr.last_sync is None:
        return False
    return cr.last_sync >= (moment + timedelta(minutes=1) if cr.sync_window else next_sync(cr, moment))


def rests_between_syncs(cr: ConnectedRegistryFacts, now: datetime) -> bool:
    """Tell whether the registry is outside its sync window now and made contact in the last one."""
    window = window_of(cr)
    if not window or not cr.schedule or cr.last_sync is None:
        return False
    # A moment later, since a tick is not before itself: a window that opens just now is open.
    opened: datetime = croniter(cr.schedule, now + timedelta(microseconds=1)).get_prev(datetime)
    return now > opened + window and cr.last_sync >= opened
