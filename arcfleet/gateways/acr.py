"""Azure Container Registry over ARM: connected registries, tokens, scope maps, passwords."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from azure.mgmt.containerregistry import models

from arcfleet.core.credentials import Minted
from arcfleet.core.facts import (
    ConnectedRegistryFacts,
    PasswordFacts,
    RegistryFacts,
    StatusDetail,
    TokenFacts,
)
from arcfleet.core.names import RegistryRef, last_segment
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError, TransientError
from arcfleet.gateways import translation
from arcfleet.gateways.azure import ONCE, AzureClients
from arcfleet.gateways.shared import Shared
from arcfleet.ports import Clock

RECENT = 300.0
"""Seconds for which a registry's own facts, its tokens and its scope maps are not read again."""


class AzureRegistries:
    """`ports.Registries` on azure-mgmt-containerregistry."""

    def __init__(self, clients: AzureClients, clock: Clock) -> None:
        self._clients = clients
        self._shared = Shared(clock)

    async def connected_registries(
        self, registry: RegistryRef, *, max_age: float
    ) -> Mapping[str, ConnectedRegistryFacts]:
        """Return all connected registries of a registry by lower-case name."""

        async def call() -> Mapping[str, ConnectedRegistryFacts]:
            with translation.azure(f"registry {registry.name}", Reason.REGISTRY_NOT_FOUND, _look_for(registry)):
                pages = self._clients.acr(registry.subscription).connected_registries.list(
                    registry.resource_group, registry.name
                )
                return {str(item.name).lower(): _connected_registry(item) async for item in pages}

        return await self._shared.get(("connected", registry), call, max_age)

    async def generate_password(self, registry: RegistryRef, token_id: str, slot: str) -> Minted:
        """Replace one password slot of a token. Sent once: every request mints a password.

        Raises:
            TransientError: Refused before anything was minted, or the outcome is unknown. The slot is not one in use,
                so minting into it again does no harm.
        """
        subject = f"password of token {last_segment(token_id)}"
        parameters = models.GenerateCredentialsParameters(token_id=token_id, name=slot)
        with translation.azure(subject, Reason.SYNC_TOKEN_NOT_FOUND):
            poller = await self._clients.acr(registry.subscription).registries.begin_generate_credentials(
                registry.resource_group, registry.name, parameters, **ONCE
            )
            result = await poller.result()
        for found in (result.passwords if result else None) or ():
            if found.name == slot and found.value:
                return Minted(Secret(found.value), found.creation_time)
        raise TransientError(Reason.BAD_RESPONSE, f"{subject}: the answer holds no password")

    async def registry(self, registry: RegistryRef) -> RegistryFacts:
        """Return a cloud registry."""

        async def call() -> RegistryFacts:
            with translation.azure(f"registry {registry.name}", Reason.REGISTRY_NOT_FOUND, _look_for(registry)):
                item = await self._clients.acr(registry.subscription).registries.get(
                    registry.resource_group, registry.name
                )
            return RegistryFacts(
                name=item.name or registry.name,
                login_server=item.login_server or "",
                sku=text_of(item.sku.name if item.sku else None),
                data_endpoint_enabled=bool(item.data_endpoint_enabled),
            )

        return await self._shared.get(("registry", registry), call, RECENT)

    async def service_time(self) -> datetime:
        """Return the service's time of its latest answer."""
        return self._clients.service_time

    async def scope_actions(self, registry: RegistryRef, scope_map_id: str) -> Collection[str]:
        """Return the actions of a scope map."""

        async def call() -> Mapping[str, Collection[str]]:
            with translation.azure(f"scope maps of registry {registry.name}"):
                pages = self._clients.acr(registry.subscription).scope_maps.list(registry.resource_group, registry.name)
                return {str(item.name).lower(): frozenset(item.actions or ()) async for item in pages}

        maps = await self._shared.get(("scope maps", registry), call, RECENT)
        return maps.get(last_segment(scope_map_id).lower(), frozenset())

    async def tokens(self, registry: RegistryRef, *, max_age: float) -> Mapping[str, TokenFacts]:
        """Return all tokens of a registry by lower-case name."""

        async def call() -> Mapping[str, TokenFacts]:
            with translation.azure(f"tokens of registry {registry.name}"):
                pages = self._clients.acr(registry.subscription).tokens.list(registry.resource_group, registry.name)
                return {str(item.name).lower(): _token(item) async for item in pages}

        return await self._shared.get(("tokens", registry), call, max_age)

    async def token(self, registry: RegistryRef, token_id: str, *, max_age: float) -> TokenFacts:
        """Return a token of a registry."""
        name = last_segment(token_id)
        remedy = f"az acr token create --registry {registry.name} --name {name or 'NAME'} --scope-map …"
        if not name:
            raise PermanentError(Reason.SYNC_TOKEN_NOT_FOUND, "the connected registry names no sync token", remedy)

        async def call() -> TokenFacts:
            with translation.azure(f"token {name} of registry {registry.name}", Reason.SYNC_TOKEN_NOT_FOUND, remedy):
                item = await self._clients.acr(registry.subscription).tokens.get(
                    registry.resource_group, registry.name, name
                )
            return _token(item)

        return await self._shared.get(("token", registry, name.lower()), call, max_age)


def text_of(value: object, default: str = "") -> str:
    """Return an SDK enum's value, or the text that the SDK keeps for a value it does not know."""
    return str(getattr(value, "value", value) or default)


def _look_for(registry: RegistryRef) -> str:
    return f"check registries: {registry.name}, resource group {registry.resource_group}, the subscription"


def _connected_registry(item: models.ConnectedRegistry) -> ConnectedRegistryFacts:
    raw: Mapping[str, Any] = item.get("properties") or {}
    parent = item.parent
    sync = parent.sync_properties if parent else None
    raw_sync = (raw.get("parent") or {}).get("syncProperties") or {}
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
        # Both are of preview API versions, which the stable models drop but their mappings keep.
        sync_state=(raw.get("registrySyncResult") or {}).get("syncState"),
        auth_type=raw_sync.get("authType") or "SyncToken",
        client_token_ids=tuple(item.client_token_ids or ()),
        status_details=tuple(
            StatusDetail(detail.type or "", detail.code or "", detail.description or "")
            for detail in item.status_details or ()
        ),
    )


def _parent(parent_id: str | None) -> str | None:
    return last_segment(parent_id) if parent_id and "/connectedRegistries/" in parent_id else None


def _token(item: models.Token) -> TokenFacts:
    passwords = (item.credentials.passwords if item.credentials else None) or ()
    return TokenFacts(
        name=item.name or "",
        status=text_of(item.status),
        scope_map_id=item.scope_map_id or "",
        passwords=tuple(PasswordFacts(text_of(p.name), p.creation_time, p.expiry) for p in passwords),
    )
