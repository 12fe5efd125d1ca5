"""A connected registry's own properties: what a creation sends, and what an update changes.

Sources: az acr connected-registry create (defaults) and update; a recorded PATCH of a schedule without a sync window
dropped the window, so properties that travel together are sent together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from arcfleet.core.differences import Difference, Kind
from arcfleet.core.durations import iso8601
from arcfleet.core.facts import ConnectedRegistryFacts, GarbageCollectionFacts
from arcfleet.core.fleet.manifest import ConnectedRegistrySettings, GarbageCollection
from arcfleet.core.names import last_segment
from arcfleet.core.schedule import CONTINUOUS, window_of

READ_ONLY = "ReadOnly"
MESSAGE_TTL = timedelta(days=2)
LOG_LEVEL = "Information"


@dataclass(frozen=True, slots=True)
class ConnectedRegistrySpec:
    """What a write of a connected registry sends. None is not sent: it stays as it is."""

    mode: str | None = None
    parent_id: str | None = None
    sync_token_id: str | None = None
    schedule: str | None = None
    sync_window: timedelta | None = None
    message_ttl: timedelta | None = None
    log_level: str | None = None
    audit_log: bool | None = None
    notifications: tuple[str, ...] | None = None
    garbage_collection: GarbageCollectionFacts | None = None
    client_token_ids: tuple[str, ...] | None = None


def creation(
    settings: ConnectedRegistrySettings, *, parent_id: str | None, sync_token_id: str, client_token_ids: tuple[str, ...]
) -> ConnectedRegistrySpec:
    """Return what creates a connected registry: what the file gives, az's defaults for the rest."""
    return ConnectedRegistrySpec(
        mode=settings.mode or READ_ONLY,
        parent_id=parent_id,
        sync_token_id=sync_token_id,
        schedule=settings.schedule or CONTINUOUS,
        sync_window=settings.window,
        message_ttl=settings.message_ttl or MESSAGE_TTL,
        log_level=settings.log_level or LOG_LEVEL,
        audit_log=bool(settings.audit_log),
        notifications=settings.notifications,
        garbage_collection=_collection(settings.garbage_collection or GarbageCollection()),
        client_token_ids=client_token_ids or None,
    )


def update(
    settings: ConnectedRegistrySettings, cr: ConnectedRegistryFacts, client_token_id: str | None
) -> tuple[ConnectedRegistrySpec, tuple[Difference, ...]]:
    """Return what brings a connected registry to what the file gives, and each difference.

    Args:
        settings: What the file gives; what it does not give is left as it is.
        cr: As it stands.
        client_token_id: The token that must be among its client tokens; None where the site needs none.
    """
    sync, log, other = _sync(settings, cr), _logging(settings, cr), _lists(settings, cr)
    tokens = _client_tokens(cr, client_token_id)
    collection = _collection(settings.garbage_collection)
    spec = ConnectedRegistrySpec(
        schedule=(settings.schedule or cr.schedule) if sync else None,
        sync_window=(settings.window or window_of(cr)) if sync else None,
        message_ttl=(settings.message_ttl or cr.message_ttl) if sync else None,
        log_level=(settings.log_level or cr.log_level) if log else None,
        audit_log=(cr.audit_log if settings.audit_log is None else settings.audit_log) if log else None,
        notifications=settings.notifications if "notifications" in other else None,
        garbage_collection=collection if "garbageCollection" in other else None,
        client_token_ids=(*cr.client_token_ids, client_token_id) if tokens and client_token_id else None,
    )
    return spec, (*sync.values(), *log.values(), *other.values(), *tokens)


def _sync(settings: ConnectedRegistrySettings, cr: ConnectedRegistryFacts) -> dict[str, Difference]:
    return _differences(
        cr,
        schedule=(cr.schedule, settings.schedule),
        window=(window_of(cr), settings.window),
        messageTtl=(cr.message_ttl, settings.message_ttl),
    )


def _logging(settings: ConnectedRegistrySettings, cr: ConnectedRegistryFacts) -> dict[str, Difference]:
    return _differences(cr, logLevel=(cr.log_level, settings.log_level), auditLog=(cr.audit_log, settings.audit_log))


def _lists(settings: ConnectedRegistrySettings, cr: ConnectedRegistryFacts) -> dict[str, Difference]:
    wanted = None if settings.notifications is None else tuple(sorted(settings.notifications))
    held = cr.garbage_collection
    if held and not held.enabled:
        # When nothing is collected, no schedule says when.
        held = GarbageCollectionFacts(enabled=False)
    return _differences(
        cr,
        notifications=(tuple(sorted(cr.notifications)), wanted),
        garbageCollection=(held, _collection(settings.garbage_collection)),
    )


def _client_tokens(cr: ConnectedRegistryFacts, token_id: str | None) -> tuple[Difference, ...]:
    name = last_segment(token_id or "")
    known = {last_segment(held).lower() for held in cr.client_token_ids}
    missing = name and name.lower() not in known
    what = f"client token {name}"
    return (Difference(Kind.CLIENT_TOKEN, what, "not assigned", "assigned", cr.trace),) if missing else ()


def _collection(wanted: GarbageCollection | None) -> GarbageCollectionFacts | None:
    if wanted is None:
        return None
    return GarbageCollectionFacts(wanted.enabled, wanted.schedule if wanted.enabled else None)


def _differences(cr: ConnectedRegistryFacts, **pairs: tuple[Any, Any]) -> dict[str, Difference]:
    """Return a difference for each property that the file gives and that stands otherwise."""
    return {
        key: Difference(Kind.CONNECTED_REGISTRY, key, _show(held), _show(wanted), cr.trace)
        for key, (held, wanted) in pairs.items()
        if wanted is not None and held != wanted
    }


def _show(value: Any) -> str:
    if isinstance(value, GarbageCollectionFacts):
        return (value.schedule or "on") if value.enabled else "off"
    if isinstance(value, timedelta):
        return iso8601(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    return (", ".join(value) if isinstance(value, tuple) else str(value or "")) or "none"
