"""The authority: client credentials for azure-identity and the discovery documents around them.

Any client and secret is welcome; what a client may do is in `roles.py`. Shapes: what az and azure-identity
ask for when they are pointed at another cloud.
"""

import base64
import json
from urllib.parse import parse_qs

from simulator.http import Request, Response, Router
from simulator.world import World

LIFETIME = 3599
# Who does not say who he is.
ANONYMOUS = "simulator"


def register(world: World, router: Router) -> None:
    """Add the authority's routes."""
    authority = Authority(world)
    router.add("GET", "/metadata/endpoints", authority.endpoints, "GET endpoints")
    router.add("POST", "/{tenant}/oauth2/v2.0/token", authority.token, "POST token")
    for path in ("/{tenant}/v2.0/.well-known/openid-configuration", "/common/discovery/instance"):
        router.add("GET", path, authority.configuration, "GET openid-configuration")


class Authority:
    """Handlers of the authority."""

    def __init__(self, world: World) -> None:
        self._world = world

    def endpoints(self, request: Request, _params: dict[str, str]) -> Response:
        """Describe the cloud to `az cloud register`."""
        url = request.base_url
        return Response.json(
            {
                "name": "Simulator",
                "resourceManager": url,
                "authentication": {"loginEndpoint": url, "audiences": [url], "tenant": "common"},
                "suffixes": {"acrLoginServer": "azurecr.io"},
            }
        )

    def configuration(self, request: Request, params: dict[str, str]) -> Response:
        """Show a tenant's OpenID configuration."""
        base = f"{request.base_url}/{params.get('tenant', self._world.tenant)}"
        return Response.json(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "tenant_region_scope": "EU",
            }
        )

    def token(self, request: Request, params: dict[str, str]) -> Response:
        """Give a token to whoever asks: the simulator has no secrets of its own to guard."""
        client = parse_qs(request.body.decode(errors="replace")).get("client_id", [ANONYMOUS])[0]
        caller = self._world.roles.client(client)
        # The client's clock is the real one: the token says only how long it holds.
        claims = {"tid": params["tenant"], "oid": caller.object_id, "appid": caller.client_id}
        parts = [{"alg": "none", "typ": "JWT"}, claims]
        encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts]
        return Response.json(
            {
                "token_type": "Bearer",
                "expires_in": LIFETIME,
                "ext_expires_in": LIFETIME,
                "access_token": ".".join([*encoded, "simulator"]),
            }
        )
