"""What a removal deletes in a cloud registry. What is gone already is deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from azure.mgmt.containerregistry import models
from azure.mgmt.containerregistry.aio import ContainerRegistryManagementClient

from arcfleet.core.names import RegistryRef
from arcfleet.gateways.acr_writes import Begin, Operation, RegistryWrites
from arcfleet.gateways.polling import PatientPolling

Client = ContainerRegistryManagementClient
Call = Callable[..., Awaitable[Operation]]


class RegistryDeletes(RegistryWrites):
    """The deleting half of `ports.Registries`."""

    async def deactivate(self, registry: RegistryRef, name: str) -> None:
        """Free a connected registry from the instance that has activated it."""
        await self._end(
            registry,
            "connected registry",
            name,
            lambda acr: acr.connected_registries.begin_deactivate,
            ("connected", registry),
        )

    async def delete_connected_registry(self, registry: RegistryRef, name: str) -> None:
        """Delete a connected registry; its tokens and scope maps stay."""
        await self._end(
            registry,
            "connected registry",
            name,
            lambda acr: acr.connected_registries.begin_delete,
            ("connected", registry),
        )

    async def delete_passwords(self, registry: RegistryRef, name: str, slots: Collection[str]) -> None:
        """Delete passwords of a token and nothing else, as az acr token credential delete does (its token.py)."""
        place = (registry.resource_group, registry.name, name)

        async def begin(acr: ContainerRegistryManagementClient, polling: PatientPolling) -> Operation:
            token = await acr.tokens.get(*place)
            made = (token.credentials.passwords if token.credentials else None) or ()
            kept = [models.TokenPassword(name=each.name) for each in made if each.name not in slots]
            credentials = models.TokenCredentialsProperties(passwords=kept)
            change = models.TokenUpdateParameters(properties=models.TokenUpdateProperties(credentials=credentials))
            return await acr.tokens.begin_update(*place, change, polling=polling)

        async with self._locks["token", registry, name.lower()]:
            await self._delete(registry, f"token {name}", begin, *_of_token(registry, name))

    async def delete_scope_map(self, registry: RegistryRef, name: str) -> None:
        """Delete a scope map that no token has any more."""
        await self._end(registry, "scope map", name, lambda acr: acr.scope_maps.begin_delete, ("scope maps", registry))

    async def delete_token(self, registry: RegistryRef, name: str) -> None:
        """Delete a token with its passwords; its scope map stays."""
        await self._end(registry, "token", name, lambda acr: acr.tokens.begin_delete, *_of_token(registry, name))

    async def remove_actions(self, registry: RegistryRef, name: str, actions: Sequence[str]) -> None:
        """Take actions out of a scope map; none of the others is lost, as in `add_actions`."""
        unwanted = {action.lower() for action in actions}
        async with self._locks["scope map", registry, name.lower()]:
            held = await self._scope_map(registry, name)
            if held is None or not unwanted & {action.lower() for action in held.actions}:
                return
            left = [action for action in held.actions if action.lower() not in unwanted]
            place = (registry.resource_group, registry.name, name)
            update = models.ScopeMapUpdateParameters(properties=models.ScopeMapPropertiesUpdateParameters(actions=left))

            def begin(acr: ContainerRegistryManagementClient, polling: PatientPolling) -> Awaitable[Operation]:
                return acr.scope_maps.begin_update(*place, update, polling=polling)

            await self._write(registry, f"scope map {name}", begin, ("scope maps", registry))

    async def _end_connected(self, registry: RegistryRef, name: str, call: Callable[[Client], Call]) -> None:
        await self._end(registry, "connected registry", name, call, ("connected", registry))

    async def _end(
        self, registry: RegistryRef, kind: str, name: str, call: Callable[[Client], Call], *changed: object
    ) -> None:
        """Send one call about a thing of the registry that takes nothing but its name."""
        place = (registry.resource_group, registry.name, name)
        await self._delete(
            registry, f"{kind} {name}", lambda acr, polling: call(acr)(*place, polling=polling), *changed
        )

    async def _delete(self, registry: RegistryRef, subject: str, begin: Begin, *changed: object) -> None:
        await self._write(registry, subject, begin, *changed, missing_ok=True)


def _of_token(registry: RegistryRef, name: str) -> tuple[object, ...]:
    return ("tokens", registry), ("token", registry, name.lower())
