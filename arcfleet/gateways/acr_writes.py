"""How the container registry is written to: an operation is begun and followed; what it changed is forgotten."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.polling import AsyncLROPoller
from azure.mgmt.containerregistry.aio import ContainerRegistryManagementClient

from arcfleet.core.facts import ScopeMapFacts
from arcfleet.core.names import RegistryRef
from arcfleet.gateways import acr_models, translation
from arcfleet.gateways.azure import AzureClients
from arcfleet.gateways.polling import PatientPolling
from arcfleet.gateways.shared import Shared
from arcfleet.ports import Clock

Operation = AsyncLROPoller[Any]
Begin = Callable[[ContainerRegistryManagementClient, PatientPolling], Awaitable[Operation]]


class RegistryWrites:
    """What every change of a cloud registry goes through."""

    def __init__(self, clients: AzureClients, clock: Clock) -> None:
        self._clients, self._clock = clients, clock
        self._shared = Shared(clock)
        self._locks: defaultdict[object, asyncio.Lock] = defaultdict(asyncio.Lock)

    def _acr(self, registry: RegistryRef) -> ContainerRegistryManagementClient:
        return self._clients.acr(registry.subscription)

    async def _scope_map(self, registry: RegistryRef, name: str) -> ScopeMapFacts | None:
        """Return a scope map as it is now, or None where it does not exist."""
        with translation.azure(f"scope map {name} of registry {registry.name}"):
            try:
                item = await self._acr(registry).scope_maps.get(registry.resource_group, registry.name, name)
            except ResourceNotFoundError:
                return None
        return acr_models.scope_map(item)

    async def _write(
        self, registry: RegistryRef, subject: str, begin: Begin, *changed: object, missing_ok: bool = False
    ) -> None:
        """Send a write and return when its operation has ended; what was shared of `changed` is forgotten.

        Also where it failed: an answer that was lost says nothing about what was done. With `missing_ok` a 404 is an
        end as good as any, at the beginning or of the operation.
        """
        try:
            with translation.azure(f"{subject} of registry {registry.name}"):
                try:
                    poller = await begin(self._acr(registry), PatientPolling(self._clock, subject))
                    await poller.result()
                except HttpResponseError as error:
                    if error.status_code != 404 or not missing_ok:
                        raise
        finally:
            self._shared.forget(*changed)
