"""Tokens, scope maps and generateCredentials of Microsoft.ContainerRegistry.

Shapes and status codes: data/recordings/acr_token.json and acr_connected_registry.json seq 8 to 12, 36.
"""

from datetime import datetime
from typing import Any

from simulator.acr import REGISTRY, Params, find_registry, invalid, last, missing, operation_url
from simulator.arm import ArmError, body_of, page, properties_of
from simulator.cloud import ACR, Registry, ScopeMap, Stamps, Token
from simulator.credentials import SLOTS, Password
from simulator.http import Request, Response, Router
from simulator.loader import moment
from simulator.world import World

# 500 repository permissions for each scope map (MicrosoftDocs, intro-connected-registry.md).
MAX_ACTIONS = 500


def register(world: World, router: Router) -> None:
    """Add the provider's routes for tokens, scope maps and passwords."""
    api = TokenApi(world)
    tokens, maps = f"{REGISTRY}/tokens", f"{REGISTRY}/scopeMaps"
    router.add("GET", tokens, api.list_tokens, "LIST tokens")
    router.add("GET", tokens + "/{token}", api.get_token, "GET tokens")
    router.add("PUT", tokens + "/{token}", api.put_token, "PUT tokens")
    router.add("PATCH", tokens + "/{token}", api.put_token, "PATCH tokens")
    router.add("DELETE", tokens + "/{token}", api.delete_token, "DELETE tokens")
    router.add("GET", maps, api.list_maps, "LIST scopeMaps")
    router.add("GET", maps + "/{map}", api.get_map, "GET scopeMaps")
    router.add("PUT", maps + "/{map}", api.put_map, "PUT scopeMaps")
    router.add("PATCH", maps + "/{map}", api.update_map, "PATCH scopeMaps")
    router.add("DELETE", maps + "/{map}", api.delete_map, "DELETE scopeMaps")
    router.add("POST", f"{REGISTRY}/generateCredentials", api.generate, "POST generateCredentials")


class TokenApi:
    """Handlers of tokens, scope maps and their passwords."""

    def __init__(self, world: World) -> None:
        self._world = world

    def generate(self, request: Request, params: dict[str, str]) -> Response:
        """Generate one password, or both without a name; their values are in this answer only."""
        registry, body = find_registry(self._world, params), body_of(request)
        token = registry.tokens.get(last(str(body.get("tokenId", ""))).lower())
        if token is None:
            raise missing(last(str(body.get("tokenId", ""))))
        name = body.get("name")
        if name is not None and name not in SLOTS:
            raise invalid(f"The password name {name} is not one of {', '.join(SLOTS)}.")
        expiry = _expiry(body.get("expiry"), self._world.now())
        passwords = regenerate(self._world, registry, token, [name] if name else list(SLOTS), expiry)
        return Response.json(
            {
                "username": token.name,
                "passwords": [_password(slot, p) | {"value": p.value} for slot, p in passwords.items()],
            }
        )

    def list_tokens(self, request: Request, params: dict[str, str]) -> Response:
        """List tokens, without any password's value."""
        registry = find_registry(self._world, params)
        return page(self._world, [_token_view(registry, t) for t in registry.tokens.values()], request)

    def get_token(self, _request: Request, params: dict[str, str]) -> Response:
        """Show one token, without any password's value."""
        registry, token = self._token(params)
        return Response.json(_token_view(registry, token))

    def put_token(self, request: Request, params: dict[str, str]) -> Response:
        """Create or change a token: 201 and an operation that has ended when it is asked for."""
        registry = find_registry(self._world, params)
        properties = properties_of(request)
        token = registry.tokens.get(params["token"].lower())
        if token is None and request.method == "PATCH":
            raise missing(params["token"])
        scope_map = last(str(properties.get("scopeMapId", token.scope_map if token else "")))
        if scope_map.lower() not in registry.scope_maps:
            raise missing(scope_map)
        now = self._world.now()
        registry.settle(now)
        token = token or Token(params["token"], scope_map, Stamps(now, now))
        token.scope_map = scope_map
        status = str(properties.get("status", "enabled" if token.enabled else "disabled"))
        token.enabled = status.lower() == "enabled"
        _keep_passwords(token, properties.get("credentials") or {})
        token.stamps.modified = now
        registry.tokens[token.name.lower()] = token
        view = _token_view(registry, token)
        view["properties"]["provisioningState"] = "Updating" if request.method == "PATCH" else "Creating"
        return self._accepted(request, view)

    def delete_token(self, request: Request, params: dict[str, str]) -> Response:
        """Delete a token that no connected registry uses (text: MicrosoftDocs)."""
        registry = find_registry(self._world, params)
        token = registry.tokens.get(params["token"].lower())
        if token is None:
            return Response(204)
        users = [c.name for c in registry.connected.values() if c.token.lower() == token.name.lower()]
        if users:
            raise ArmError(
                409,
                "Conflict",
                "You can't delete the sync token until you delete the connected registry " + ", ".join(users),
            )
        registry.settle(self._world.now())
        del registry.tokens[token.name.lower()]
        return self._deleted(request, registry)

    def list_maps(self, request: Request, params: dict[str, str]) -> Response:
        """List scope maps."""
        registry = find_registry(self._world, params)
        return page(self._world, [_map_view(registry, m) for m in registry.scope_maps.values()], request)

    def get_map(self, _request: Request, params: dict[str, str]) -> Response:
        """Show one scope map."""
        registry, scope_map = self._map(params)
        return Response.json(_map_view(registry, scope_map))

    def put_map(self, request: Request, params: dict[str, str]) -> Response:
        """Create or replace a scope map: 200 at once (recorded, seq 9)."""
        registry = find_registry(self._world, params)
        properties = properties_of(request)
        now = self._world.now()
        registry.settle(now)
        old = registry.scope_maps.get(params["map"].lower())
        stamps = Stamps(old.stamps.created if old else now, now)
        scope_map = ScopeMap(params["map"], _actions(properties), stamps, properties.get("description"))
        registry.scope_maps[scope_map.name.lower()] = scope_map
        return Response.json(_map_view(registry, scope_map))

    def update_map(self, request: Request, params: dict[str, str]) -> Response:
        """Replace a scope map's actions or description: 201 and an operation (recorded, seq 36)."""
        registry, scope_map = self._map(params)
        properties = properties_of(request)
        registry.settle(self._world.now())
        if "actions" in properties:
            scope_map.actions = _actions(properties)
        scope_map.description = properties.get("description", scope_map.description)
        scope_map.stamps.modified = self._world.now()
        view = _map_view(registry, scope_map)
        view["properties"]["provisioningState"] = "Updating"
        return self._accepted(request, view)

    def delete_map(self, request: Request, params: dict[str, str]) -> Response:
        """Delete a scope map that no token uses."""
        registry = find_registry(self._world, params)
        scope_map = registry.scope_maps.get(params["map"].lower())
        if scope_map is None:
            return Response(204)
        if any(t.scope_map.lower() == scope_map.name.lower() for t in registry.tokens.values()):
            raise ArmError(409, "Conflict", f"The scope map {scope_map.name} is in use by a token.")
        del registry.scope_maps[scope_map.name.lower()]
        return self._deleted(request, registry)

    def _token(self, params: Params) -> tuple[Registry, Token]:
        registry = find_registry(self._world, params)
        token = registry.tokens.get(params["token"].lower())
        if token is None:
            raise missing(params["token"])
        return registry, token

    def _map(self, params: Params) -> tuple[Registry, ScopeMap]:
        registry = find_registry(self._world, params)
        scope_map = registry.scope_maps.get(params["map"].lower())
        if scope_map is None:
            raise missing(params["map"])
        return registry, scope_map

    def _accepted(self, request: Request, view: dict[str, Any]) -> Response:
        url = operation_url(self._world, request, view["id"], "token-")
        return Response.json(view, 201, {"Azure-AsyncOperation": url})

    def _deleted(self, request: Request, registry: Registry) -> Response:
        url = operation_url(self._world, request, registry.id, "token-", "operationResults")
        return Response(202, headers={"Location": url})


def regenerate(
    world: World, registry: Registry, token: Token, slots: list[str], expiry: datetime | None = None
) -> dict[str, Password]:
    """Replace passwords of a token, after every instance has synced with the old ones as long as it could."""
    now = world.now()
    registry.settle(now)
    return {slot: token.generate(slot, now, world.timings.password_replication, expiry) for slot in slots}


def _keep_passwords(token: Token, credentials: dict[str, Any]) -> None:
    """Delete the passwords that an update does not name, as az acr token credential delete sends it (its token.py).

    What the update sends of those it names changes nothing (inferred).
    """
    if "passwords" in credentials:
        kept = {str(each.get("name")) for each in credentials["passwords"] or []}
        token.passwords = {slot: made for slot, made in token.passwords.items() if slot in kept}


def _expiry(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        expiry = moment(text)
    except ValueError as error:
        raise invalid(f"The expiry {text} is not a valid time.") from error
    if expiry <= now:
        raise invalid(f"The expiry {text} is in the past.")
    return expiry


def _actions(properties: dict[str, Any]) -> list[str]:
    actions = [str(a) for a in properties.get("actions") or []]
    if len([a for a in actions if a.startswith("repositories/")]) > MAX_ACTIONS:
        raise invalid(f"A scope map has at most {MAX_ACTIONS} repository permissions.")
    return actions


def _password(slot: str, password: Password) -> dict[str, str]:
    expiry = {"expiry": password.expiry.isoformat()} if password.expiry else {}
    return {"creationTime": password.created.isoformat(), **expiry, "name": slot}


def _token_view(registry: Registry, token: Token) -> dict[str, Any]:
    return {
        "type": f"{ACR}/registries/tokens",
        "id": f"{registry.id}/tokens/{token.name}",
        "name": token.name,
        "systemData": token.stamps.system_data(),
        "properties": {
            "creationDate": token.stamps.created.isoformat(),
            "provisioningState": "Succeeded",
            "scopeMapId": f"{registry.id}/scopeMaps/{token.scope_map}",
            "credentials": {"passwords": [_password(slot, p) for slot, p in sorted(token.passwords.items())]},
            "status": "enabled" if token.enabled else "disabled",
        },
    }


def _map_view(registry: Registry, scope_map: ScopeMap) -> dict[str, Any]:
    description = {"description": scope_map.description} if scope_map.description else {}
    return {
        "type": f"{ACR}/registries/scopeMaps",
        "id": f"{registry.id}/scopeMaps/{scope_map.name}",
        "name": scope_map.name,
        "systemData": scope_map.stamps.system_data(),
        "properties": {
            **description,
            "type": "UserDefined",
            "creationDate": scope_map.stamps.created.isoformat(),
            "provisioningState": "Succeeded",
            "actions": scope_map.actions,
        },
    }
