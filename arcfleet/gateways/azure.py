"""The Azure SDK's clients as arcfleet uses them: one transport per subscription, paced, in the world's time.

The transport is the one place that every request of every client passes, SDK retries and polls included.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import DefaultAzureCredential
from azure.mgmt.containerregistry.aio import ContainerRegistryManagementClient
from azure.mgmt.kubernetesconfiguration.v2023_05_01.aio import SourceControlConfigurationClient

from arcfleet import __version__
from arcfleet.gateways.pacing import Pacer
from arcfleet.ports import Clock
from arcfleet.settings import Settings

RETRIES = {"retry_total": 6, "retry_status": 6, "retry_connect": 3, "retry_read": 3}
"""For reads and repeatable writes: a burst of 5xx or 429 is sat out inside one call."""
ONCE: dict[str, Any] = {"retry_total": 0, "retry_status": 0, "retry_connect": 0, "retry_read": 0}
"""For generateCredentials: each request mints a password, so none is repeated unseen."""


class PacedTransport(AioHttpTransport):  # type: ignore[misc]  # azure-core resolves it lazily, untyped.
    """aiohttp with pacing, the world's sleep, and the service's time of the latest answer."""

    def __init__(self, pacer: Pacer, clock: Clock, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._pacer, self._world = pacer, clock
        self.service_time: datetime | None = None

    async def send(self, request: Any, **config: Any) -> Any:
        """Send a request when its bucket has a token."""
        await self._pacer.take(request.method)
        response = await super().send(request, **config)
        self._pacer.observe(request.method, response.status_code, response.headers)
        date = response.headers.get("Date")
        if date:
            self.service_time = parsedate_to_datetime(date)
        return response

    async def sleep(self, duration: float) -> None:
        """Wait in the world's time: between retries and between polls."""
        await self._world.sleep(duration)


class UnsignedPolicy(SansIOHTTPPolicy[Any, Any]):
    """Stands in for the bearer policy, which refuses plain http. Settings allow it for loopback only."""

    def on_request(self, request: Any) -> None:
        """Add a token that nobody checks."""
        request.http_request.headers["Authorization"] = "Bearer unsigned"


class UnsignedCredential:
    """The credential that goes with UnsignedPolicy."""

    async def get_token(self, *_scopes: str, **_kwargs: Any) -> AccessToken:
        """Return a token that nobody checks."""
        return AccessToken("unsigned", int(datetime.now(UTC).timestamp()) + 3600)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> UnsignedCredential:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


class AzureClients:
    """Clients by subscription, made when first asked for."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._transports: dict[str, PacedTransport] = {}
        self._acr: dict[str, ContainerRegistryManagementClient] = {}
        self._arc: dict[str, SourceControlConfigurationClient] = {}
        self.pacers: dict[str, Pacer] = {}
        self.credential: DefaultAzureCredential | UnsignedCredential = (
            DefaultAzureCredential(authority=settings.authority)
            if settings.credential == "default"
            else UnsignedCredential()
        )

    def acr(self, subscription: str) -> ContainerRegistryManagementClient:
        """Return the container registry client of a subscription."""
        if subscription not in self._acr:
            given = self._settings.registry_api
            version: dict[str, Any] = {"api_version": given} if given else {}
            self._acr[subscription] = ContainerRegistryManagementClient(
                self.credential, subscription, self._settings.arm, **self._options(subscription), **version
            )
        return self._acr[subscription]

    def arc(self, subscription: str) -> SourceControlConfigurationClient:
        """Return the cluster extensions client of a subscription."""
        if subscription not in self._arc:
            self._arc[subscription] = SourceControlConfigurationClient(
                self.credential, subscription, base_url=self._settings.arm, **self._options(subscription)
            )
        return self._arc[subscription]

    @property
    def arm(self) -> str:
        """Azure Resource Manager's address."""
        return self._settings.arm

    @property
    def service_time(self) -> datetime:
        """The service's time of the latest answer; this machine's before there is one."""
        times = [transport.service_time for transport in self._transports.values() if transport.service_time]
        return max(times, default=datetime.now(UTC))

    async def close(self) -> None:
        """Close every connection."""
        for acr in self._acr.values():
            await acr.close()
        for arc in self._arc.values():
            await arc.close()
        for transport in self._transports.values():
            await transport.close()
        await self.credential.close()

    def _options(self, subscription: str) -> dict[str, Any]:
        options: dict[str, Any] = {
            "transport": self._transport(subscription),
            "credential_scopes": [self._settings.arm_scope],
            "user_agent": f"arcfleet/{__version__}",
            **RETRIES,
        }
        if self._settings.credential == "none":
            options["authentication_policy"] = UnsignedPolicy()
        return options

    def _transport(self, subscription: str) -> PacedTransport:
        if subscription not in self._transports:
            self.pacers[subscription] = Pacer(self._clock)
            timeout = self._settings.request_timeout / self._settings.time_scale
            self._transports[subscription] = PacedTransport(
                self.pacers[subscription],
                self._clock,
                # Timeouts are real seconds; a fast simulator is still only as fast as this machine.
                connection_timeout=max(timeout, 10),
                read_timeout=max(timeout, 10),
            )
        return self._transports[subscription]
