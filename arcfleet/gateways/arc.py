"""Azure Arc over ARM: connected clusters, and the extension on them with its long-running operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.mgmt.core.polling.async_arm_polling import AsyncARMPolling
from azure.mgmt.kubernetesconfiguration.v2023_05_01 import models

from arcfleet.core.commands import addressed
from arcfleet.core.durations import clock_time
from arcfleet.core.facts import ClusterFacts, ExtensionFacts, ExtensionStatus
from arcfleet.core.fleet.inventory import FoundCluster
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import CLUSTER_RP, CLUSTER_TYPE, EXTENSION_TYPE, ClusterRef
from arcfleet.core.polling import next_delay, usual_length
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.core.verdicts import extension as rules
from arcfleet.errors import PermanentError, TransientError
from arcfleet.gateways import translation
from arcfleet.gateways.azure import AzureClients
from arcfleet.ports import Clock
from arcfleet.waiting import as_error

CLUSTER_API = "2024-01-01"
UNINSTALL = 60.0
"""Seconds that an uninstall is expected to take; no recording has one."""


class AdaptivePolling(AsyncARMPolling):
    """Azure's own polling with intervals that fit the operation's usual length, and with a deadline."""

    def __init__(
        self, clock: Clock, *, usual: float, deadline: float, on_status: Callable[[str], None], does: str
    ) -> None:
        super().__init__(lro_options={"final-state-via": "azure-async-operation"})
        self._clock, self._usual, self._deadline, self._on_status = clock, usual, deadline, on_status
        self._does = does
        self._began, self._told = clock.monotonic(), ""

    async def update_status(self) -> None:
        """Poll once, and tell what changed."""
        before = self._told
        await super().update_status()
        self._told = self.status()
        if self._told != before:
            self._on_status(f"operation {self._told} (usually {clock_time(self._usual)})")

    async def _delay(self) -> None:
        elapsed = self._clock.monotonic() - self._began
        if elapsed >= self._deadline:
            raise PermanentError(
                Reason.EXTENSION_STUCK,
                f"extension: operation still {self.status()} after {elapsed:.0f} s",
                f"look at the pods of namespace connected-registry; Azure goes on {self._does} meanwhile",
                rule="E10",
            )
        # A Retry-After names the earliest time that the service wants to be asked again.
        asked = self._extract_delay() if self._asked_to_wait() else 0.0
        await self._clock.sleep(max(next_delay(elapsed, self._usual), asked))

    def _asked_to_wait(self) -> bool:
        return "Retry-After" in self._pipeline_response.http_response.headers


class AzureExtensions:
    """`ports.Extensions` on azure-mgmt-kubernetesconfiguration."""

    def __init__(self, clients: AzureClients, clock: Clock, *, usual: float) -> None:
        self._clients, self._clock, self._prior = clients, clock, usual
        self._lengths: list[float] = []

    async def apply(
        self, site: Site, connection_string: Secret, *, exists: bool, on_status: Callable[[str], None]
    ) -> ExtensionFacts:
        """Create the extension, or update the one that exists, and wait for the operation's end.

        Args:
            site: Where, and with which settings.
            connection_string: The protected setting `connectionString`; it goes into the request and nowhere else.
            exists: Update with PATCH, which keeps settings that others made; else create with PUT.
            on_status: Told the operation's status whenever it changes.

        Returns:
            The extension after the operation; it may be in progress still if the operation's URL is gone.
        """
        ref, subject, target = site.cluster_ref, f"extension {site.extension_name}", _target(site)
        operations = self._clients.arc(ref.subscription).extensions
        began = self._clock.monotonic()
        polling = AdaptivePolling(
            self._clock,
            usual=usual_length(self._lengths, self._prior),
            deadline=site.timeouts.extension.total_seconds(),
            on_status=on_status,
            does="installing",
        )
        with translation.azure(subject, Reason.CLUSTER_NOT_FOUND, f"check cluster {ref.name} of site {site.name}"):
            if exists:
                poller = await operations.begin_update(
                    *target, models.PatchExtension(**_options(site, connection_string)), polling=polling
                )
            else:
                poller = await operations.begin_create(*target, _extension(site, connection_string), polling=polling)
        with translation.azure(subject):
            try:
                facts = extension_facts(await poller.result())
            except HttpResponseError as error:
                return await self._after_failed_poll(site, error, poller.status())
        self._lengths.append(self._clock.monotonic() - began)
        return facts

    async def cluster(self, site: Site) -> ClusterFacts:
        """Return the site's Arc cluster."""
        ref = site.cluster_ref
        request = HttpRequest("GET", f"{self._clients.arm}{ref.id}", params={"api-version": CLUSTER_API})
        remedy = f"check cluster {ref.name}, resource group {ref.resource_group} of site {site.name}"
        with translation.azure(f"Arc cluster {ref.name}", Reason.CLUSTER_NOT_FOUND, remedy):
            response = await self._clients.acr(ref.subscription).send_request(request)
            response.raise_for_status()
            properties = response.json().get("properties") or {}
        heartbeat = properties.get("lastConnectivityTime")
        return ClusterFacts(
            name=ref.name,
            connectivity=properties.get("connectivityStatus") or "Unknown",
            last_heartbeat=parse_time(heartbeat) if heartbeat else None,
        )

    async def clusters(self, subscription: str, resource_group: str | None) -> Sequence[FoundCluster]:
        """Return the Arc clusters of a subscription, or of one resource group of it, page by page."""
        group = f"/resourceGroups/{resource_group}" if resource_group else ""
        path = f"/subscriptions/{subscription}{group}/providers/{CLUSTER_RP}/{CLUSTER_TYPE}"
        address: str | None = f"{self._clients.arm}{path}?api-version={CLUSTER_API}"
        found: list[FoundCluster] = []
        remedy = "check subscription and resourceGroup of the fleet's sitesFrom"
        while address:
            with translation.azure("Arc clusters", Reason.CLUSTER_NOT_FOUND, remedy):
                response = await self._clients.acr(subscription).send_request(HttpRequest("GET", address))
                response.raise_for_status()
                page = response.json()
            try:
                found += [_found(item) for item in page.get("value") or ()]
            except (AttributeError, KeyError, TypeError, ValueError):
                raise TransientError(Reason.BAD_RESPONSE, "Arc clusters: the answer lists something else") from None
            address = page.get("nextLink")
        return found

    async def delete(self, site: Site, *, forced: bool, on_status: Callable[[str], None]) -> None:
        """Delete the extension and wait for the operation's end; one that is gone already is deleted.

        With `forced` Azure only forgets it (recorded: `forceDelete=true` answers at once); its cluster is not asked.
        """
        operations = self._clients.arc(site.cluster_ref.subscription).extensions
        polling = AdaptivePolling(
            self._clock,
            usual=UNINSTALL,
            deadline=site.timeouts.extension.total_seconds(),
            on_status=on_status,
            does="uninstalling",
        )
        options: dict[str, Any] = {"force_delete": True} if forced else {}
        with translation.azure(f"extension {site.extension_name}"):
            try:
                poller = await operations.begin_delete(*_target(site), polling=polling, **options)
                await poller.result()
            except HttpResponseError as error:
                if error.status_code == 200:
                    raise as_error(addressed(rules.failure(failure_text(error)), site)) from None
                if error.status_code != 404:
                    raise

    async def extension(self, site: Site) -> ExtensionFacts | None:
        """Return the connected registry extension of the site, or None where it does not exist."""
        ref = site.cluster_ref
        operations = self._clients.arc(ref.subscription).extensions
        with translation.azure(f"extension {site.extension_name}"):
            try:
                item = await operations.get(*_target(site))
            except ResourceNotFoundError:
                return None
        return extension_facts(item)

    async def _after_failed_poll(self, site: Site, error: HttpResponseError, status: str) -> ExtensionFacts:
        """Tell a failed operation, whose words say why, from a poll that failed.

        The URL of an operation expires; the extension itself then says how it stands.
        """
        if status.lower() in {"failed", "canceled"} and error.status_code == 200:
            raise as_error(addressed(rules.failure(failure_text(error)), site)) from None
        found = await self.extension(site) if error.status_code == 404 else None
        if found is None:
            raise error
        return found


def _target(site: Site) -> tuple[str, str, str, str, str]:
    ref = site.cluster_ref
    return ref.resource_group, CLUSTER_RP, CLUSTER_TYPE, ref.name, site.extension_name


def failure_text(error: HttpResponseError) -> str:
    """Return what an operation's error says, its innermost details included."""
    if not error.error:
        return translation.clean(error.message)
    parts = [f"{error.error.code}: {error.error.message}"]
    parts += [f"{detail.code}: {detail.message}" for detail in error.error.details or ()]
    return translation.clean(" · ".join(parts))


def parse_time(text: str) -> datetime:
    """Return a time as ARM writes it; its fractions of a second may have seven digits."""
    return datetime.fromisoformat(re.sub(r"\.(\d{6})\d+", r".\1", text))


def _found(item: dict[str, Any]) -> FoundCluster:
    ref = ClusterRef.of_id(item["id"])
    return FoundCluster(
        ref.name, ref.resource_group, ref.subscription, item.get("location") or "", dict(item.get("tags") or {})
    )


def _extension(site: Site, connection_string: Secret) -> models.Extension:
    return models.Extension(
        identity=models.Identity(type="SystemAssigned"),
        extension_type=EXTENSION_TYPE,
        **_options(site, connection_string),
    )


def _options(site: Site, connection_string: Secret) -> dict[str, Any]:
    wanted = site.extension
    return {
        "auto_upgrade_minor_version": wanted.auto_upgrade,
        "release_train": wanted.release_train,
        "version": wanted.version,
        "configuration_settings": site.settings,
        "configuration_protected_settings": {"connectionString": connection_string.reveal()},
    }


def extension_facts(item: Any) -> ExtensionFacts:
    """Return what ARM shows of an extension."""
    error = item.error_info
    return ExtensionFacts(
        name=item.name or "",
        extension_type=item.extension_type or "",
        provisioning_state=str(item.provisioning_state or "Unknown"),
        version=item.version,
        current_version=item.current_version or item.version,
        auto_upgrade=item.auto_upgrade_minor_version is not False,
        release_train=item.release_train,
        settings=dict(item.configuration_settings or {}),
        statuses=tuple(
            ExtensionStatus(str(s.level or ""), s.code or "", translation.clean(s.message or ""))
            for s in item.statuses or ()
        ),
        error=translation.clean(f"{error.code}: {error.message}") if error and error.code else None,
        last_modified=item.system_data.last_modified_at if item.system_data else None,
        modified_by=(item.system_data.last_modified_by if item.system_data else None) or "",
    )
