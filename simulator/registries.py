"""Registries of Microsoft.ContainerRegistry.

Shapes and status codes: recordings of azure-cli (acr_connected_registry.json seq 0 to 5).
"""

import re
from typing import Any

from simulator.acr import REGISTRY, find_registry, invalid, operation_done
from simulator.arm import ArmError, body_of, page, properties_of
from simulator.cloud import ACR, Registry, Stamps, group_id
from simulator.http import Request, Response, Router
from simulator.loader import CHOICES
from simulator.views import registry_view
from simulator.world import World

_NAME = re.compile(r"[A-Za-z0-9]{5,50}")


def register(world: World, router: Router) -> None:
    """Add the provider's routes for registries."""
    api = RegistryApi(world)
    everywhere = "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry/registries"
    router.add("GET", everywhere, api.list_registries, "LIST registries")
    router.add("GET", REGISTRY.removesuffix("/{registry}"), api.list_registries, "LIST registries")
    router.add("GET", REGISTRY, api.get_registry, "GET registries")
    router.add("PUT", REGISTRY, api.put_registry, "PUT registries")
    router.add("PATCH", REGISTRY, api.update_registry, "PATCH registries")


class RegistryApi:
    """Handlers of registries."""

    def __init__(self, world: World) -> None:
        self._world = world

    def list_registries(self, request: Request, params: dict[str, str]) -> Response:
        """List a subscription's registries, or a resource group's."""
        prefix = f"/subscriptions/{params['subscription']}/"
        if "group" in params:
            prefix = f"{group_id(params['subscription'], params['group'])}/"
        found = [r for key, r in self._world.registries.items() if key.startswith(prefix.lower())]
        return page(self._world, [registry_view(r) for r in found], request)

    def get_registry(self, _request: Request, params: dict[str, str]) -> Response:
        """Show one registry."""
        return Response.json(registry_view(find_registry(self._world, params)))

    def put_registry(self, request: Request, params: dict[str, str]) -> Response:
        """Create a registry: 201 and an operation that has ended when it is asked for (recorded, seq 0)."""
        body, name, now = body_of(request), params["registry"], self._world.now()
        place = f"{group_id(params['subscription'], params['group'])}/providers/{ACR}/registries/{name}"
        old = self._world.registries.get(place.lower())
        location = _field(body, "location", str)
        if not location:
            raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
        if not _NAME.fullmatch(name) or _field(body, "sku", dict) is None:
            raise invalid(f"The registry {name} needs 5 to 50 letters and digits for a name, and a SKU.")
        location = location.replace(" ", "").lower()
        fresh = Registry(name, params["subscription"], params["group"], location, Stamps(now, now), data_endpoint=False)
        registry = old or fresh
        if self._world.registries_by_host.get(registry.login_server, registry) is not registry:
            # A registry's name is a host's, unique in all of Azure (general knowledge; the words are ours).
            raise ArmError(409, "AlreadyInUse", f"The registry DNS name {registry.login_server} is already in use.")
        self._change(registry, request)
        self._world.add_registry(registry)
        view = registry_view(registry)
        view["properties"]["provisioningState"] = "Updating" if old else "Creating"
        headers = {"Azure-AsyncOperation": operation_done(self._world, request, registry.id, "registries-")}
        return Response.json(view, 200 if old else 201, headers)

    def update_registry(self, request: Request, params: dict[str, str]) -> Response:
        """Change tags, SKU or whether the dedicated data endpoint exists (recorded, seq 5)."""
        registry = find_registry(self._world, params)
        self._change(registry, request)
        return Response.json(registry_view(registry))

    def _change(self, registry: Registry, request: Request) -> None:
        body, properties = body_of(request), properties_of(request)
        sku = (_field(body, "sku", dict) or {}).get("name", registry.sku)
        if sku not in CHOICES["sku"]:
            raise invalid(f"The SKU {sku} is none of {', '.join(CHOICES['sku'])}.")
        tags, endpoint = _field(body, "tags", dict), _field(properties, "dataEndpointEnabled", bool)
        registry.settle(self._world.now())
        registry.sku = sku
        registry.tags = registry.tags if tags is None else tags
        registry.data_endpoint = registry.data_endpoint if endpoint is None else endpoint
        registry.stamps.modified = self._world.now()


def _field(body: dict[str, Any], name: str, kind: type) -> Any:
    """Return a field, None when it is not given; ArmError 400 when it is of another kind."""
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise ArmError(400, "InvalidRequestContent", f"The property '{name}' must be of the type {kind.__name__}.")
    return value
