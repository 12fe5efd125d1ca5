"""The container registry SDK's models to facts, and what is written to its models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from azure.mgmt.containerregistry import models

from arcfleet.core.durations import iso8601
from arcfleet.core.facts import (
    ConnectedRegistryFacts,
    GarbageCollectionFacts,
    PasswordFacts,
    RegistryFacts,
    ScopeMapFacts,
    StatusDetail,
    TokenFacts,
    Trace,
)
from arcfleet.core.names import last_segment
from arcfleet.core.planning.registry_settings import ConnectedRegistrySpec
from arcfleet.gateways.arc import parse_time


def text_of(value: object, default: str = "") -> str:
    """Return an SDK enum's value, or the text that the SDK keeps for a value it does not know."""
    return str(getattr(value, "value", value) or default)


def registry(item: models.Registry, name: str) -> RegistryFacts:
    """Return what a cloud registry is like; `name` where it gives none."""
    return RegistryFacts(
        name=item.name or name,
        login_server=item.login_server or "",
        sku=text_of(item.sku.name if item.sku else None),
        data_endpoint_enabled=bool(item.data_endpoint_enabled),
    )


def scope_map(item: models.ScopeMap) -> ScopeMapFacts:
    """Return a scope map and its actions."""
    return ScopeMapFacts(item.name or "", tuple(item.actions or ()), _trace(item))


def connected_registry(item: models.ConnectedRegistry) -> ConnectedRegistryFacts:
    """Return what a connected registry is like."""
    raw: Mapping[str, Any] = item.get("properties") or {}
    parent = item.parent
    sync = parent.sync_properties if parent else None
    raw_sync = (raw.get("parent") or {}).get("syncProperties") or {}
    result = raw.get("registrySyncResult") or {}
    return ConnectedRegistryFacts(
        name=item.name or "",
        mode=text_of(item.mode),
        provisioning_state=text_of(item.provisioning_state, "Succeeded"),
        connection_state=text_of(item.connection_state, "Offline"),
        activation=text_of(item.activation.status if item.activation else None, "Inactive"),
        sync_token_id=(sync.token_id if sync else None) or "",
        gateway_endpoint=(sync.gateway_endpoint if sync else None) or "",
        parent=_parent(parent.id if parent else None),
        login_host=item.login_server.host if item.login_server else None,
        schedule=sync.schedule if sync else None,
        # As the service wrote it: the model would turn the ISO 8601 duration into a timedelta.
        sync_window=raw_sync.get("syncWindow"),
        last_sync=sync.last_sync_time if sync else None,
        last_activity=item.last_activity_time,
        # These are of preview API versions, which the stable models drop but their mappings keep.
        sync_state=result.get("syncState"),
        last_successful_sync=_time(result.get("lastSuccessfulSyncEndTime")),
        sync_ended=_time(result.get("lastSyncEndTime")),
        auth_type=raw_sync.get("authType") or "SyncToken",
        client_token_ids=tuple(item.client_token_ids or ()),
        status_details=tuple(
            StatusDetail(detail.type or "", detail.code or "", detail.description or "")
            for detail in item.status_details or ()
        ),
        message_ttl=sync.message_ttl if sync else None,
        log_level=text_of(item.logging.log_level) or None if item.logging else None,
        audit_log=_audit(item.logging.audit_log_status if item.logging else None),
        notifications=tuple(item.notifications_list or ()),
        garbage_collection=_collection(item.garbage_collection),
        trace=_trace(item),
    )


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def _trace(item: models.ConnectedRegistry | models.ScopeMap | models.Token) -> Trace:
    system = item.system_data
    return Trace(system.last_modified_by or "", system.last_modified_at) if system else Trace()


def _audit(status: object) -> bool | None:
    return text_of(status).lower() == "enabled" if status else None


def _collection(item: models.GarbageCollectionProperties | None) -> GarbageCollectionFacts | None:
    return GarbageCollectionFacts(item.enabled is not False, item.schedule) if item else None


def _parent(parent_id: str | None) -> str | None:
    return last_segment(parent_id) if parent_id and "/connectedRegistries/" in parent_id else None


def token(item: models.Token) -> TokenFacts:
    """Return a token and its slots."""
    passwords = (item.credentials.passwords if item.credentials else None) or ()
    return TokenFacts(
        name=item.name or "",
        status=text_of(item.status),
        scope_map_id=item.scope_map_id or "",
        passwords=tuple(PasswordFacts(text_of(p.name), p.creation_time, p.expiry) for p in passwords),
        trace=_trace(item),
    )


def creation(spec: ConnectedRegistrySpec) -> models.ConnectedRegistry:
    """Return the body that creates a connected registry (recorded, az acr connected-registry create)."""
    parent = _given(id=spec.parent_id, syncProperties={"tokenId": spec.sync_token_id, **_sync(spec)})
    return models.ConnectedRegistry({"properties": {"mode": spec.mode, "parent": parent, **_common(spec)}})


def update(spec: ConnectedRegistrySpec) -> models.ConnectedRegistryUpdateParameters:
    """Return the body that changes what a spec gives of a connected registry."""
    changes = _given(syncProperties=_sync(spec) or None)
    return models.ConnectedRegistryUpdateParameters({"properties": {**changes, **_common(spec)}})


def _sync(spec: ConnectedRegistrySpec) -> dict[str, Any]:
    # Durations as az writes them: the models' own form, PT04H00M00S, was never seen at the service.
    return _given(
        schedule=spec.schedule,
        syncWindow=iso8601(spec.sync_window) if spec.sync_window else None,
        messageTtl=iso8601(spec.message_ttl) if spec.message_ttl else None,
    )


def _common(spec: ConnectedRegistrySpec) -> dict[str, Any]:
    collection = spec.garbage_collection
    audit = None if spec.audit_log is None else "Enabled" if spec.audit_log else "Disabled"
    return _given(
        logging=_given(logLevel=spec.log_level, auditLogStatus=audit) or None,
        clientTokenIds=None if spec.client_token_ids is None else list(spec.client_token_ids),
        notificationsList=None if spec.notifications is None else list(spec.notifications),
        garbageCollection=_given(enabled=collection.enabled, schedule=collection.schedule) if collection else None,
    )


def _given(**values: Any) -> dict[str, Any]:
    """Return the values that are not None: what is not given is not sent."""
    return {key: value for key, value in values.items() if value is not None}
