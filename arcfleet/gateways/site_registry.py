"""A site's own registry, asked for a manifest over httpx: the best evidence that an image is there (grade A).

Source: the OCI distribution API's manifests, and Docker's token authentication, as a kubelet's pull has it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from arcfleet.core.facts import Unread
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.fleet.site_parts import SiteRegistry
from arcfleet.core.kube.workloads import Login
from arcfleet.core.names import ImageRef
from arcfleet.core.sync.arrivals import Answer, Served
from arcfleet.errors import FleetError
from arcfleet.gateways import translation
from arcfleet.gateways.images import ACCEPT
from arcfleet.settings import Settings

_REALM = re.compile(r'realm="([^"]*)"')
_SERVICE = re.compile(r'service="([^"]*)"')
REFUSED = (401, 403)


class HttpSiteRegistries:
    """`ports.SiteRegistries` on httpx."""

    def __init__(self, settings: Settings) -> None:
        self._timeout = settings.request_timeout

    async def manifest(self, site: Site, image: ImageRef, login: Login) -> Answer | Unread:
        """Return what the site's registry answers about an image; why, where it does not answer."""
        there = site.site_registry
        if there is None:
            return Unread("no siteRegistry")
        try:
            with translation.registry(there.endpoint, f"image {image}"):
                trust = ssl.create_default_context(cafile=there.ca)
                # No redirect is followed: the password goes to the endpoint and nowhere else.
                async with httpx.AsyncClient(verify=trust, timeout=self._timeout, trust_env=False) as http:
                    return _read(await _ask(http, there, image, login), there)
        except FleetError as error:
            return Unread(error.message)
        except (OSError, ssl.SSLError) as error:
            return Unread(f"siteRegistry.ca {there.ca}: {type(error).__name__}")


async def _ask(http: httpx.AsyncClient, there: SiteRegistry, image: ImageRef, login: Login) -> httpx.Response:
    """Ask for a manifest with a token, as the registry's challenge says."""
    url = f"{there.endpoint.rstrip('/')}/v2/{image.repository}/manifests/{image.reference}"
    headers = {"Accept": ACCEPT}
    response = await http.head(url, headers=headers)
    challenge = response.headers.get("WWW-Authenticate", "")
    if response.status_code != httpx.codes.UNAUTHORIZED or not challenge.lower().startswith("bearer"):
        return response
    token = await _token(http, there, challenge, f"repository:{image.repository}:pull", login)
    return await http.head(url, headers={**headers, "Authorization": f"Bearer {token}"}) if token else response


async def _token(http: httpx.AsyncClient, there: SiteRegistry, challenge: str, scope: str, login: Login) -> str | None:
    """Return a token for a scope; None where the login is refused.

    The challenge names the registry by its address in the cluster. From here it is asked at the endpoint,
    and the password goes nowhere else.
    """
    realm, service = (found.group(1) if found else "" for found in (p.search(challenge) for p in (_REALM, _SERVICE)))
    url = f"{there.endpoint.rstrip('/')}{urlsplit(realm).path}"
    auth = httpx.BasicAuth(login.username, login.password.reveal())
    response = await http.get(url, params={"service": service, "scope": scope}, auth=auth)
    if response.status_code in REFUSED:
        return None
    content = response.raise_for_status().json()
    found = (content.get("access_token") or content.get("token")) if isinstance(content, Mapping) else None
    return str(found) if found else None


def _read(response: httpx.Response, there: SiteRegistry) -> Answer | Unread:
    heard = f"HEAD at {there.endpoint}: {response.status_code}"
    if response.status_code in REFUSED:
        return Answer(Served.REFUSED, heard=heard)
    if response.status_code == httpx.codes.NOT_FOUND:
        return Answer(Served.MISSING, heard=heard)
    digest = response.raise_for_status().headers.get("Docker-Content-Digest", "")
    if digest.startswith("sha256:"):
        return Answer(Served.DIGEST, digest, heard)
    return Unread(f"{heard}, without a digest")
