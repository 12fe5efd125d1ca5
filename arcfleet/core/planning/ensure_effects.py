"""What a registry holds once changes are made: so that a plan can go on without writing anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from arcfleet.core.durations import iso8601
from arcfleet.core.facts import ConnectedRegistryFacts, RegistryContents, RegistryFacts, ScopeMapFacts, TokenFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import last_segment
from arcfleet.core.planning import ensure, scope_actions
from arcfleet.core.planning.ensure import Change, Kind
from arcfleet.core.planning.registry_settings import ConnectedRegistrySpec

NOT_YET = "<parent gateway endpoint>"
"""Stands for the gateway endpoint of a connected registry that is still to be made; az prints the same where there is
none. No connection string is made of it."""


def expected(site: Site, held: RegistryContents) -> ConnectedRegistryFacts:
    """Return a site's connected registry as it will be once it is made, before anything has connected with it."""
    needs_client = bool(site.workloads or site.connected_registry_settings.repositories)
    client = ensure.client_token(site, None) if needs_client else None
    spec = ensure.creation(site, ensure.sync_token(held, site.connected_registry), client)
    return _written(_blank(site.connected_registry, spec), spec)


def applied(
    changes: Iterable[Change], registry: RegistryFacts, held: RegistryContents
) -> tuple[RegistryFacts, RegistryContents]:
    """Return a registry and what it holds as they are once changes are made."""
    for change in changes:
        if change.kind is Kind.DATA_ENDPOINT:
            registry = replace(registry, data_endpoint_enabled=True)
        else:
            held = _after(change, held)
    return registry, held


def _after(change: Change, held: RegistryContents) -> RegistryContents:
    key = change.name.lower()
    if change.kind is Kind.SCOPE_MAP:
        before = held.scope_maps.get(key, ScopeMapFacts(change.name))
        actions = (*before.actions, *scope_actions.missing(change.actions, before.actions))
        return replace(held, scope_maps={**held.scope_maps, key: replace(before, actions=actions)})
    if change.kind is Kind.TOKEN:
        scope_map = change.call.target.replace(f"/tokens/{change.name}", f"/scopeMaps/{change.scope_map}")
        return replace(held, tokens={**held.tokens, key: TokenFacts(change.name, "enabled", scope_map)})
    spec = change.spec or ConnectedRegistrySpec()
    before_cr = held.connected.get(key) or _blank(change.name, spec)
    return replace(held, connected={**held.connected, key: _written(before_cr, spec)})


def _blank(name: str, spec: ConnectedRegistrySpec) -> ConnectedRegistryFacts:
    """Return a connected registry as a creation leaves it (recorded, az acr connected-registry create)."""
    return ConnectedRegistryFacts(
        name=name,
        mode=spec.mode or "",
        provisioning_state="Succeeded",
        connection_state="Offline",
        activation="Inactive",
        sync_token_id=spec.sync_token_id or "",
        gateway_endpoint=NOT_YET,
        parent=last_segment(spec.parent_id) if spec.parent_id else None,
    )


def _written(cr: ConnectedRegistryFacts, spec: ConnectedRegistrySpec) -> ConnectedRegistryFacts:
    """Return a connected registry after a write: what was sent replaces what was there."""
    values: dict[str, Any] = {
        "schedule": spec.schedule,
        "sync_window": iso8601(spec.sync_window) if spec.sync_window else None,
        "message_ttl": spec.message_ttl,
        "log_level": spec.log_level,
        "audit_log": spec.audit_log,
        "notifications": spec.notifications,
        "garbage_collection": spec.garbage_collection,
        "client_token_ids": spec.client_token_ids,
    }
    return replace(cr, **{key: value for key, value in values.items() if value is not None})
