"""The cloud registries' data plane, over httpx: which digest a tag has.

Source: ACR's token exchange (`/oauth2/exchange` turns an Azure access token into a refresh token, `/oauth2/token` that
into an access token for one repository), and the OCI distribution API's manifests.
"""

from __future__ import annotations

from datetime import datetime

import httpx

from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError, TransientError
from arcfleet.gateways import translation
from arcfleet.gateways.arc import parse_time
from arcfleet.gateways.azure import AzureClients
from arcfleet.gateways.shared import Shared
from arcfleet.ports import Clock
from arcfleet.settings import Settings

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
PINNED = float("inf")
"""A tag is read once per run: what a run deploys does not move under it."""
SIGNED_IN = 3600.0
"""Seconds for which a registry's refresh token is used; the service lets it live for three hours."""


class RegistryImages:
    """`ports.Images` on httpx."""

    def __init__(self, clients: AzureClients, settings: Settings, clock: Clock) -> None:
        self._clients, self._settings = clients, settings
        self._shared = Shared(clock)
        self._http = httpx.AsyncClient(timeout=settings.request_timeout)

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def digest(self, login_server: str, image: ImageRef) -> str:
        """Return the digest that an image has in the cloud registry.

        Raises:
            PermanentError: The cloud registry has no such image, or refuses to say.
        """

        async def call() -> str:
            with translation.registry(login_server, f"image {image}"):
                return await self._head(login_server, image)

        return await self._shared.get((login_server, image), call, PINNED)

    async def any_repository(self, login_server: str) -> bool:
        """Tell whether a cloud registry holds a repository that the caller may list."""

        async def call() -> bool:
            with translation.registry(login_server, "the list of repositories"):
                token = await self._token(login_server, "registry:catalog:*")
                response = await self._http.get(
                    f"{self._base(login_server)}/v2/_catalog",
                    params={"n": 1},
                    headers={"Host": login_server, "Authorization": f"Bearer {token}"},
                )
                response.raise_for_status()
                return bool(response.json().get("repositories"))

        return await self._shared.get((login_server, "repositories"), call, PINNED)

    async def pushed(self, login_server: str, image: ImageRef) -> datetime | None:
        """Return when a tag was pushed last; None for a digest, or where the registry does not say.

        Source: ACR's tag attributes, `GET /acr/v1/{repository}/_tags/{tag}`.
        """
        if ":" in image.reference:
            return None

        async def call() -> datetime | None:
            with translation.registry(login_server, f"push time of {image}"):
                return await self._tag_time(login_server, image)

        return await self._shared.get((login_server, image, "pushed"), call, PINNED)

    async def _tag_time(self, host: str, image: ImageRef) -> datetime | None:
        token = await self._token(host, f"repository:{image.repository}:metadata_read")
        response = await self._http.get(
            f"{self._base(host)}/acr/v1/{image.repository}/_tags/{image.reference}",
            headers={"Host": host, "Authorization": f"Bearer {token}"},
        )
        if response.status_code == 404:
            return None
        response.raise_for_status()
        text = (response.json().get("tag") or {}).get("lastUpdateTime")
        return parse_time(text) if text else None

    async def _head(self, host: str, image: ImageRef) -> str:
        scope = f"repository:{image.repository}:pull"
        token = await self._token(host, scope)
        response = await self._http.head(
            f"{self._base(host)}/v2/{image.repository}/manifests/{image.reference}",
            headers={"Host": host, "Accept": ACCEPT, "Authorization": f"Bearer {token}"},
        )
        if response.status_code == 404:
            raise PermanentError(
                Reason.NOT_IN_CLOUD,
                f"image {image} is not in registry {host}",
                "push the image, or correct the workload's image",
            )
        response.raise_for_status()
        digest: str = response.headers.get("Docker-Content-Digest", "")
        if not digest.startswith("sha256:"):
            raise TransientError(Reason.BAD_RESPONSE, f"image {image} in {host}: the answer names no digest")
        return digest

    async def _token(self, host: str, scope: str) -> str:
        refresh = await self._shared.get(("refresh", host), lambda: self._exchange(host), SIGNED_IN)
        form = {"grant_type": "refresh_token", "service": host, "scope": scope, "refresh_token": refresh}
        return await self._post(host, "/oauth2/token", form, "access_token")

    async def _exchange(self, host: str) -> str:
        with translation.azure(f"registry {host}"):
            token = await self._clients.credential.get_token(self._settings.arm_scope)
        form = {"grant_type": "access_token", "service": host, "access_token": token.token}
        return await self._post(host, "/oauth2/exchange", form, "refresh_token")

    async def _post(self, host: str, path: str, form: dict[str, str], field: str) -> str:
        response = await self._http.post(f"{self._base(host)}{path}", data=form, headers={"Host": host})
        response.raise_for_status()
        value = response.json().get(field)
        if not isinstance(value, str):
            raise TransientError(Reason.BAD_RESPONSE, f"registry {host}: {path} answered without {field}")
        return value

    def _base(self, host: str) -> str:
        return (self._settings.registry_endpoint or f"https://{host}").rstrip("/")
