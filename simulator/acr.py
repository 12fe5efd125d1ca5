"""The resource provider Microsoft.ContainerRegistry: connected registries, and what its other modules share.

Shapes and status codes: recordings of azure-cli (acr_connected_registry.json); rules: azure-cli's
connected_registry.py and the models of azure-mgmt-containerregistry.
Registries are in `registries.py`; tokens, scope maps and passwords in `tokens.py`.
"""

import re
from collections.abc import Mapping
from typing import Any

from simulator.arm import ArmError, api_version, body_of, not_found, page, properties_of
from simulator.cloud import ACR, MANAGED, ConnectedRegistry, Registry, Stamps, group_id
from simulator.http import Request, Response, Router
from simulator.loader import MAX_CLIENTS, MAX_CONNECTED
from simulator.schedule import SyncSchedule, parse_duration, valid_cron
from simulator.syncing import MANUAL, FullSync
from simulator.views import connected_view
from simulator.world import World

GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
REGISTRY = GROUP + "/providers/Microsoft.ContainerRegistry/registries/{registry}"
CONNECTED = REGISTRY + "/connectedRegistries"

Params = Mapping[str, str]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{4,39}")
_MODES = {"readonly": "ReadOnly", "readwrite": "ReadWrite"}


def register(world: World, router: Router) -> None:
    """Add the provider's routes for connected registries, and for operations."""
    api = AcrApi(world)
    router.add("GET", CONNECTED, api.list_connected, "LIST connectedRegistries")
    one = CONNECTED + "/{connected}"
    router.add("GET", one, api.get_connected, "GET connectedRegistries")
    router.add("PUT", one, api.put_connected, "PUT connectedRegistries")
    router.add("PATCH", one, api.update_connected, "PATCH connectedRegistries")
    router.add("DELETE", one, api.delete_connected, "DELETE connectedRegistries")
    router.add("POST", one + "/deactivate", api.deactivate, "POST deactivate")
    router.add("POST", one + "/resync", api.resync, "POST resync")
    statuses, results = "/operationStatuses/{operation}", "/operationResults/{operation}"
    for place in (REGISTRY, REGISTRY + "/tokens/{token}", REGISTRY + "/scopeMaps/{map}", one):
        router.add("GET", place + statuses, api.operation_status, "GET registries/operationStatuses")
        router.add("GET", place + results, api.operation_result, "GET registries/operationResults")


def find_registry(world: World, params: Params) -> Registry:
    """Return the registry that a request names; ArmError 404 when there is none."""
    place = f"{group_id(params['subscription'], params['group'])}/providers/{ACR}/registries"
    registry = world.registries.get(f"{place}/{params['registry']}".lower())
    if registry is None:
        raise not_found(f"{ACR}/registries", params["registry"], params["group"])
    return registry


def missing(name: str) -> ArmError:
    """Return the 404 of a registry's sub-resource (recorded, acr_connected_registry.json seq 8)."""
    return ArmError(404, "ResourceNotFound", f"The resource {name} could not be found.", status="Failed")


def invalid(message: str) -> ArmError:
    """Return a 400 of the provider. The code is general knowledge, the messages are ours."""
    return ArmError(400, "InvalidParameter", message, status="Failed")


class AcrApi:
    """Handlers of connected registries."""

    def __init__(self, world: World) -> None:
        self._world = world

    def list_connected(self, request: Request, params: dict[str, str]) -> Response:
        """List the connected registries of a registry."""
        registry = find_registry(self._world, params)
        registry.settle(self._world.now())
        return page(self._world, [self._view(registry, c, request) for c in registry.connected.values()], request)

    def get_connected(self, request: Request, params: dict[str, str]) -> Response:
        """Show one connected registry."""
        registry, connected = self._find(params)
        registry.settle(self._world.now())
        return Response.json(self._view(registry, connected, request))

    def put_connected(self, request: Request, params: dict[str, str]) -> Response:
        """Create a connected registry, or replace one's settings."""
        registry, name = find_registry(self._world, params), params["connected"]
        old = registry.connected.get(name.lower())
        if old is None:
            self._admit(registry, name)
        registry.settle(self._world.now())
        connected = self._read(registry, name, request, old)
        registry.connected[name.lower()] = connected
        if connected.instance is not None:
            connected.instance.reschedule(self._world.now())
        return Response.json(self._view(registry, connected, request))

    def update_connected(self, request: Request, params: dict[str, str]) -> Response:
        """Change schedule, client tokens, logging, notifications or garbage collection."""
        registry, connected = self._find(params)
        properties = properties_of(request)
        registry.settle(self._world.now())
        sync = properties.get("syncProperties")
        if sync:
            if sync.get("authType") == MANAGED:
                self._migrate(registry, connected, request)
            elif "authType" in sync and connected.auth_type == MANAGED:
                raise invalid(f"The connected registry {connected.name} cannot go back to a sync token.")
            # A schedule without a window drops the window (recorded, seq 84).
            window = sync.get("syncWindow", None if "schedule" in sync else connected.schedule.window)
            connected.schedule = _schedule(sync.get("schedule", connected.schedule.cron), window)
            connected.message_ttl = sync.get("messageTtl", connected.message_ttl)
        self._settings(registry, connected, properties)
        connected.stamps.modified = self._world.now()
        if connected.instance is not None:
            connected.instance.reschedule(self._world.now())
        return Response.json(self._view(registry, connected, request))

    def delete_connected(self, _request: Request, params: dict[str, str]) -> Response:
        """Delete a connected registry without children; its token and scope map stay."""
        registry = find_registry(self._world, params)
        connected = registry.connected.get(params["connected"].lower())
        if connected is None:
            return Response(204)
        if registry.children(connected.name):
            raise ArmError(409, "Conflict", f"The connected registry {connected.name} has children.")
        registry.settle(self._world.now())
        del registry.connected[connected.name.lower()]
        return Response(200)

    def deactivate(self, request: Request, params: dict[str, str]) -> Response:
        """Free a connected registry for another instance (specs/ConnectedRegistryDeactivate.json)."""
        registry, connected = self._find(params)
        now, operations = self._world.now(), self._world.operations
        operation = operations.begin("InProgress", now, prefix="connectedregistries-")

        def free() -> None:
            registry.settle(self._world.now())
            released, connected.instance = connected.instance, None
            connected.activated_by = None
            if released is not None:
                released.reschedule(self._world.now())
            operation.end("Succeeded", self._world.now())

        self._world.clock.after(self._world.timings.deactivate, free)
        url = f"{request.base_url}{registry.id}/connectedRegistries/{connected.name}/operationStatuses"
        location = f"{url}/{operation.id}?api-version={api_version(request)}"
        return Response(202, headers={"Location": location})

    def resync(self, request: Request, params: dict[str, str]) -> Response:
        """Ask for a full sync (preview): it waits for the next contact, as any message does."""
        registry, connected = self._find(params)
        now = self._world.now()
        registry.settle(now)
        if connected.instance is None:
            raise ArmError(409, "Conflict", f"The connected registry {connected.name} is not activated.")
        connected.full_sync = FullSync(MANUAL, now)
        connected.instance.hurry(now)
        return self.get_connected(request, params)

    def operation_status(self, request: Request, params: dict[str, str]) -> Response:
        """Show an operation's status (recorded, seq 11); 202 until it has ended, for those who follow a Location."""
        operation = self._world.operations.find(params["operation"], self._world.now())
        if operation is None:
            raise missing(params["operation"])
        url = f"{request.base_url}{request.path}?api-version={api_version(request)}"
        status = 200 if operation.ended else 202
        return Response.json({"status": operation.status}, status, {"Azure-AsyncOperation": url})

    def operation_result(self, request: Request, params: dict[str, str]) -> Response:
        """Answer 202 until an operation has ended, then 200."""
        operation = self._world.operations.find(params["operation"], self._world.now())
        if operation is None:
            raise missing(params["operation"])
        url = f"{request.base_url}{request.path}?api-version={api_version(request)}"
        return Response(200) if operation.ended else Response(202, headers={"Location": url})

    def _find(self, params: Params) -> tuple[Registry, ConnectedRegistry]:
        registry = find_registry(self._world, params)
        connected = registry.connected.get(params["connected"].lower())
        if connected is None:
            raise missing(params["connected"])
        return registry, connected

    def _admit(self, registry: Registry, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise invalid(f"The name {name} must be 5 to 40 letters and digits and start with a letter.")
        if registry.sku != "Premium":
            raise invalid("Connected registries need a registry of the Premium SKU.")
        if not registry.data_endpoint:
            raise invalid("Connected registries need the registry's dedicated data endpoint.")
        if len(registry.connected) >= MAX_CONNECTED:
            message = f"A registry has at most {MAX_CONNECTED} connected registries."
            raise ArmError(403, "QuotaExceeded", message)

    def _read(
        self, registry: Registry, name: str, request: Request, old: ConnectedRegistry | None
    ) -> ConnectedRegistry:
        properties = properties_of(request)
        above = properties.get("parent") or {}
        sync = above.get("syncProperties") or {}
        identity = _identity(request) if sync.get("authType") == MANAGED else None
        token = "" if identity else _sync_token(registry, sync)
        mode = _MODES.get(str(properties.get("mode", "")).lower())
        if mode is None:
            raise invalid(f"The mode {properties.get('mode')} is not supported.")
        parent = self._parent(registry, above.get("id"), mode)
        now = self._world.now()
        connected = old or ConnectedRegistry(name, token, SyncSchedule(), Stamps(now, now))
        connected.token, connected.mode, connected.parent = token, mode, parent
        connected.schedule = _schedule(sync.get("schedule", "* * * * *"), sync.get("syncWindow"))
        connected.message_ttl = sync.get("messageTtl", "P2D")
        connected.auth_type, connected.identity = sync.get("authType"), identity
        connected.stamps.modified = now
        self._settings(registry, connected, properties)
        return connected

    def _migrate(self, registry: Registry, connected: ConnectedRegistry, request: Request) -> None:
        """Let an identity take the sync token's place: one way, and only while Offline (azure-cli)."""
        if connected.instance is not None and connected.instance.online(self._world.now()):
            raise invalid(f"The connected registry {connected.name} must be Offline to change its authentication.")
        if registry.children(connected.name):
            raise invalid("A connected registry with a managed identity has no children.")
        connected.token, connected.auth_type, connected.identity = "", MANAGED, _identity(request)

    def _parent(self, registry: Registry, identifier: str | None, mode: str) -> str | None:
        if not identifier or "/connectedregistries/" not in identifier.lower():
            return None
        parent = registry.connected.get(last(identifier).lower())
        if parent is None:
            raise missing(last(identifier))
        if parent.auth_type == MANAGED:
            raise invalid("A connected registry with a managed identity has no children.")
        if parent.mode == "ReadOnly" and mode != "ReadOnly":
            raise invalid("A ReadOnly parent has only ReadOnly children.")
        return parent.name

    def _settings(self, registry: Registry, connected: ConnectedRegistry, properties: dict[str, Any]) -> None:
        tokens = [last(i) for i in properties.get("clientTokenIds") or []]
        for token in tokens:
            if token.lower() not in registry.tokens:
                raise missing(token)
        if len(tokens) > MAX_CLIENTS:
            raise invalid(f"A connected registry has at most {MAX_CLIENTS} client tokens.")
        if "clientTokenIds" in properties:
            connected.client_tokens = tokens
        logging = properties.get("logging") or {}
        connected.log_level = logging.get("logLevel", connected.log_level)
        connected.audit_log = logging.get("auditLogStatus", connected.audit_log)
        connected.notifications = properties.get("notificationsList", connected.notifications)
        # The CLI sends an empty object for what nobody gave: it replaces nothing (inferred).
        collection = properties.get("garbageCollection") or {}
        connected.garbage_collection = {**(connected.garbage_collection or {}), **collection} or None

    def _view(self, registry: Registry, connected: ConnectedRegistry, request: Request) -> dict[str, Any]:
        preview = (api_version(request) or "") > "2025-11-01"
        return connected_view(self._world, registry, connected, preview=preview)


def operation_url(world: World, request: Request, place: str, prefix: str, kind: str = "operationStatuses") -> str:
    """Begin an operation at `place` and return its URL; it ends after the time that the world gives such ones."""
    operation = world.operations.begin("InProgress", world.now(), prefix=prefix)
    seconds = world.timings.registry_operation
    if seconds:
        world.clock.after(seconds, lambda: operation.end("Succeeded", world.now()))
    else:
        operation.end("Succeeded", world.now())
    return f"{request.base_url}{place}/{kind}/{operation.id}?api-version={api_version(request)}"


def last(identifier: str) -> str:
    """Return the name at the end of an ARM id."""
    return identifier.rstrip("/").rsplit("/", 1)[-1]


def _identity(request: Request) -> str:
    """Return the user-assigned identity that a request attaches."""
    attached = (body_of(request).get("identity") or {}).get("userAssignedIdentities") or {}
    if len(attached) != 1:
        raise invalid("Authentication by managed identity needs one user-assigned identity.")
    return str(next(iter(attached)))


def _sync_token(registry: Registry, sync: dict[str, Any]) -> str:
    name = last(sync.get("tokenId", ""))
    token = registry.tokens.get(name.lower())
    if token is None:
        raise missing(name)
    return token.name


def _schedule(cron: str, window: str | None) -> SyncSchedule:
    if not valid_cron(cron):
        raise invalid(f"The schedule {cron} is not a valid cron expression.")
    if window is not None:
        try:
            parse_duration(window)
        except ValueError as error:
            raise invalid(str(error)) from error
    return SyncSchedule(cron, window)
