"""What Azure Resource Manager says of subscriptions and of the caller: registered providers, permissions."""

from __future__ import annotations

from typing import Any

from azure.core.rest import HttpRequest

from arcfleet.core.names import last_segment
from arcfleet.core.planning.surveys import Permission
from arcfleet.gateways import translation
from arcfleet.gateways.azure import AzureClients
from arcfleet.gateways.shared import Shared
from arcfleet.ports import Clock

PROVIDERS_API = "2021-04-01"
PERMISSIONS_API = "2022-04-01"
RUN = float("inf")
"""Rights and registrations are read once per run."""


class AzureSubscriptions:
    """`ports.Subscriptions` over raw ARM requests: no SDK of ours covers these two."""

    def __init__(self, clients: AzureClients, clock: Clock) -> None:
        self._clients = clients
        self._shared = Shared(clock)

    async def permissions(self, scope: str) -> tuple[Permission, ...]:
        """Return what the caller may do at a scope."""

        async def call() -> tuple[Permission, ...]:
            path = f"{scope}/providers/Microsoft.Authorization/permissions"
            entries: list[dict[str, Any]] = []
            address: str | None = f"{self._clients.arm}{path}?api-version={PERMISSIONS_API}"
            while address:
                page = await self._get(_subscription(scope), address, f"permissions on {last_segment(scope)}")
                entries += page.get("value") or ()
                address = page.get("nextLink")
            return tuple(
                Permission(tuple(entry.get("actions") or ()), tuple(entry.get("notActions") or ())) for entry in entries
            )

        return await self._shared.get(("permissions", scope.lower()), call, RUN)

    async def registration(self, subscription: str, provider: str) -> str:
        """Return a resource provider's registration state."""

        async def call() -> str:
            address = f"{self._clients.arm}/subscriptions/{subscription}/providers/{provider}"
            found = await self._get(
                subscription, f"{address}?api-version={PROVIDERS_API}", f"resource provider {provider}"
            )
            return str(found.get("registrationState") or "Unknown")

        return await self._shared.get(("provider", subscription, provider), call, RUN)

    def throttled(self) -> int:
        """Return how many answers were 429."""
        return sum(pacer.throttled for pacer in self._clients.pacers.values())

    async def _get(self, subscription: str, address: str, subject: str) -> dict[str, Any]:
        with translation.azure(subject):
            response = await self._clients.acr(subscription).send_request(HttpRequest("GET", address))
            response.raise_for_status()
            found: dict[str, Any] = response.json()
        return found


def _subscription(scope: str) -> str:
    """Return the subscription of an ARM id, `/subscriptions/ID/…`."""
    return scope.split("/")[2]
