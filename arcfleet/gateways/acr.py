"""Azure Container Registry over ARM: registries, connected registries, tokens, scope maps, passwords."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from azure.core.exceptions import ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.mgmt.containerregistry import models
from azure.mgmt.containerregistry.aio import ContainerRegistryManagementClient

from arcfleet.core.facts import ConnectedRegistryFacts, RegistryFacts, ScopeMapFacts, TokenFacts
from arcfleet.core.names import RegistryRef, last_segment
from arcfleet.core.passwords.credentials import Minted
from arcfleet.core.planning import scope_actions
from arcfleet.core.planning.registry_settings import ConnectedRegistrySpec
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import OutcomeUnknownError, PermanentError
from arcfleet.gateways import acr_models, translation
from arcfleet.gateways.acr_deletes import RegistryDeletes
from arcfleet.gateways.acr_writes import Operation
from arcfleet.gateways.azure import ONCE
from arcfleet.gateways.polling import PatientPolling

RECENT = 300.0
"""Seconds for which a registry's own facts, its tokens and its scope maps are not read again."""
RESYNC_API = "2026-01-01-preview"
"""The first API version that has it; no stable one does (azure-cli, azure-mgmt-containerregistry 15.1.0b3)."""


class AzureRegistries(RegistryDeletes):
    """`ports.Registries` on azure-mgmt-containerregistry."""

    async def add_actions(self, registry: RegistryRef, name: str, actions: Sequence[str]) -> None:
        """Add actions to a scope map, which is created where it is missing.

        A write replaces all actions, so each is made of what was read under the scope map's lock: sites that extend the
        scope map of one parent at once lose nothing. Against another process there is no such lock: Azure has no ETags
        for scope maps.
        """
        async with self._locks["scope map", registry, name.lower()]:
            held = await self._scope_map(registry, name)
            lacking = list(scope_actions.missing(actions, held.actions if held else ()))
            if not lacking:
                return

            def begin(acr: ContainerRegistryManagementClient, polling: PatientPolling) -> Awaitable[Operation]:
                place = (registry.resource_group, registry.name, name)
                if held is None:
                    made = models.ScopeMap(properties=models.ScopeMapProperties(actions=lacking))
                    return acr.scope_maps.begin_create(*place, made, polling=polling)
                actions = [*held.actions, *lacking]
                change = models.ScopeMapPropertiesUpdateParameters(actions=actions)
                update = models.ScopeMapUpdateParameters(properties=change)
                return acr.scope_maps.begin_update(*place, update, polling=polling)

            await self._write(registry, f"scope map {name}", begin, ("scope maps", registry))

    async def connected_registries(
        self, registry: RegistryRef, *, max_age: float
    ) -> Mapping[str, ConnectedRegistryFacts]:
        """Return all connected registries of a registry by lower-case name."""

        async def call() -> Mapping[str, ConnectedRegistryFacts]:
            with translation.azure(f"registry {registry.name}", Reason.REGISTRY_NOT_FOUND, _look_for(registry)):
                pages = self._acr(registry).connected_registries.list(registry.resource_group, registry.name)
                return {str(item.name).lower(): acr_models.connected_registry(item) async for item in pages}

        return await self._shared.get(("connected", registry), call, max_age)

    async def create_connected_registry(self, registry: RegistryRef, name: str, spec: ConnectedRegistrySpec) -> None:
        """Create a connected registry."""
        place, made = (registry.resource_group, registry.name, name), acr_models.creation(spec)
        await self._write(
            registry,
            f"connected registry {name}",
            lambda acr, polling: acr.connected_registries.begin_create(*place, made, polling=polling),
            ("connected", registry),
        )

    async def create_token(self, registry: RegistryRef, name: str, scope_map: str) -> None:
        """Create an enabled token without passwords; one that exists is left alone.

        What a second PUT does to the passwords of a token that was made meanwhile is not documented.
        """
        place = (registry.resource_group, registry.name, name)
        made = models.Token(
            properties=models.TokenProperties(scope_map_id=f"{registry.id}/scopeMaps/{scope_map}", status="enabled")
        )
        async with self._locks["token", registry, name.lower()]:
            with translation.azure(f"token {name} of registry {registry.name}"), suppress(ResourceNotFoundError):
                await self._acr(registry).tokens.get(*place)
                return
            await self._write(
                registry,
                f"token {name}",
                lambda acr, polling: acr.tokens.begin_create(*place, made, polling=polling),
                ("tokens", registry),
                ("token", registry, name.lower()),
            )

    async def enable_data_endpoint(self, registry: RegistryRef) -> None:
        """Enable the registry's dedicated data endpoint, once for all who ask."""
        async with self._locks["data endpoint", registry]:
            if (await self.registry(registry)).data_endpoint_enabled:
                return
            place, change = (
                (registry.resource_group, registry.name),
                models.RegistryUpdateParameters(
                    properties=models.RegistryPropertiesUpdateParameters(data_endpoint_enabled=True)
                ),
            )
            await self._write(
                registry,
                f"data endpoint of registry {registry.name}",
                lambda acr, polling: acr.registries.begin_update(*place, change, polling=polling),
                ("registry", registry),
            )

    async def generate_password(
        self, registry: RegistryRef, token_id: str, slot: str, *, expires: datetime | None = None
    ) -> Minted:
        """Replace one password slot of a token. Sent once: every request mints a password.

        Raises:
            TransientError: Refused before anything was minted.
            OutcomeUnknownError: The answer was lost: it may have been minted.
        """
        subject = f"password of token {last_segment(token_id)}"
        parameters = models.GenerateCredentialsParameters(token_id=token_id, name=slot, expiry=expires)
        with translation.azure(subject, Reason.SYNC_TOKEN_NOT_FOUND), translation.unrepeatable(subject):
            poller = await self._acr(registry).registries.begin_generate_credentials(
                registry.resource_group, registry.name, parameters, **ONCE
            )
            result = await poller.result()
        for found in (result.passwords if result else None) or ():
            if found.name == slot and found.value:
                return Minted(Secret(found.value), found.creation_time)
        raise OutcomeUnknownError(Reason.BAD_RESPONSE, f"{subject}: the answer holds no password")

    async def registry(self, registry: RegistryRef) -> RegistryFacts:
        """Return a cloud registry."""

        async def call() -> RegistryFacts:
            with translation.azure(f"registry {registry.name}", Reason.REGISTRY_NOT_FOUND, _look_for(registry)):
                item = await self._acr(registry).registries.get(registry.resource_group, registry.name)
            return acr_models.registry(item, registry.name)

        return await self._shared.get(("registry", registry), call, RECENT)

    async def resync(self, registry: RegistryRef, name: str) -> None:
        """Ask a connected registry for a full sync, as `az acr connected-registry resync` does."""
        path = f"{self._clients.arm}{registry.id}/connectedRegistries/{name}/resync"
        request = HttpRequest("POST", path, params={"api-version": RESYNC_API})
        try:
            with translation.azure(f"resync of connected registry {name}"):
                response = await self._acr(registry).send_request(request, **ONCE)
                response.raise_for_status()
        finally:
            self._shared.forget(("connected", registry))

    async def service_time(self) -> datetime:
        """Return the service's time of its latest answer."""
        return self._clients.service_time

    async def scope_actions(self, registry: RegistryRef, scope_map_id: str) -> Collection[str]:
        """Return the actions of a scope map."""
        maps = await self.scope_maps(registry, max_age=RECENT)
        found = maps.get(last_segment(scope_map_id).lower())
        return frozenset(found.actions if found else ())

    async def scope_maps(self, registry: RegistryRef, *, max_age: float) -> Mapping[str, ScopeMapFacts]:
        """Return all scope maps of a registry by lower-case name."""

        async def call() -> Mapping[str, ScopeMapFacts]:
            with translation.azure(f"scope maps of registry {registry.name}"):
                pages = self._acr(registry).scope_maps.list(registry.resource_group, registry.name)
                return {str(item.name).lower(): acr_models.scope_map(item) async for item in pages}

        return await self._shared.get(("scope maps", registry), call, max_age)

    async def token(self, registry: RegistryRef, token_id: str, *, max_age: float) -> TokenFacts:
        """Return a token of a registry."""
        name = last_segment(token_id)
        remedy = f"az acr token create --registry {registry.name} --name {name or 'NAME'} --scope-map …"
        if not name:
            raise PermanentError(Reason.SYNC_TOKEN_NOT_FOUND, "the connected registry names no sync token", remedy)

        async def call() -> TokenFacts:
            with translation.azure(f"token {name} of registry {registry.name}", Reason.SYNC_TOKEN_NOT_FOUND, remedy):
                item = await self._acr(registry).tokens.get(registry.resource_group, registry.name, name)
            return acr_models.token(item)

        return await self._shared.get(("token", registry, name.lower()), call, max_age)

    async def tokens(self, registry: RegistryRef, *, max_age: float) -> Mapping[str, TokenFacts]:
        """Return all tokens of a registry by lower-case name."""

        async def call() -> Mapping[str, TokenFacts]:
            with translation.azure(f"tokens of registry {registry.name}"):
                pages = self._acr(registry).tokens.list(registry.resource_group, registry.name)
                return {str(item.name).lower(): acr_models.token(item) async for item in pages}

        return await self._shared.get(("tokens", registry), call, max_age)

    async def update_connected_registry(self, registry: RegistryRef, name: str, spec: ConnectedRegistrySpec) -> None:
        """Change what a spec gives of a connected registry."""
        place, change = (registry.resource_group, registry.name, name), acr_models.update(spec)
        await self._write(
            registry,
            f"connected registry {name}",
            lambda acr, polling: acr.connected_registries.begin_update(*place, change, polling=polling),
            ("connected", registry),
        )


def _look_for(registry: RegistryRef) -> str:
    return f"check registries: {registry.name}, resource group {registry.resource_group}, the subscription"
