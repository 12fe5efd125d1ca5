"""Registries of Microsoft.ContainerRegistry.

Shapes and status codes: recordings of azure-cli (acr_connected_registry.json seq 0 to 5); for usages, names and imports
the models of azure-mgmt-containerregistry and azure-cli's acr module.
"""

import re
from typing import Any

from simulator.acr import REGISTRY, find_registry, invalid, missing, operation_url
from simulator.arm import ArmError, body_of, page, properties_of
from simulator.cloud import ACR, Push, Registry, Stamps, derived_digest, group_id
from simulator.events import Happening
from simulator.http import Request, Response, Router
from simulator.loader import CHOICES
from simulator.views import registry_view
from simulator.world import World

# Bytes of storage and webhooks of each SKU.
USAGE = {"Basic": (10 << 30, 2), "Standard": (100 << 30, 10), "Premium": (500 << 30, 500)}
MAX_TOKENS = 20_000

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
    router.add("DELETE", REGISTRY, api.delete_registry, "DELETE registries")
    router.add("GET", REGISTRY + "/listUsages", api.list_usages, "GET listUsages")
    router.add("POST", REGISTRY + "/importImage", api.import_image, "POST importImage")
    check = everywhere.removesuffix("/registries") + "/checkNameAvailability"
    router.add("POST", check, api.check_name, "POST checkNameAvailability")


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
        headers = {"Azure-AsyncOperation": operation_url(self._world, request, registry.id, "registries-")}
        return Response.json(view, 200 if old else 201, headers)

    def update_registry(self, request: Request, params: dict[str, str]) -> Response:
        """Change tags, SKU or whether the dedicated data endpoint exists (recorded, seq 5)."""
        registry = find_registry(self._world, params)
        self._change(registry, request)
        return Response.json(registry_view(registry))

    def delete_registry(self, request: Request, params: dict[str, str]) -> Response:
        """Delete a registry with all that hangs on it: 202 and the result of an operation, 204 if there is none."""
        place = f"{group_id(params['subscription'], params['group'])}/providers/{ACR}/registries/{params['registry']}"
        registry = self._world.registries.get(place.lower())
        if registry is None:
            return Response(204)
        self._world.remove_registry(registry)
        return self._accepted(request, registry)

    def list_usages(self, _request: Request, params: dict[str, str]) -> Response:
        """Show what the registry holds and what its SKU allows (MicrosoftDocs, container-registry-skus)."""
        registry = find_registry(self._world, params)
        size, webhooks = USAGE[registry.sku]
        rows = (
            ("Size", size, 0, "Bytes"),
            ("Webhooks", webhooks, 0, "Count"),
            ("ScopeMaps", MAX_TOKENS, len(registry.scope_maps), "Count"),
            ("Tokens", MAX_TOKENS, len(registry.tokens), "Count"),
        )
        keys = ("name", "limit", "currentValue", "unit")
        return Response.json({"value": [dict(zip(keys, row, strict=True)) for row in rows]})

    def check_name(self, request: Request, _params: dict[str, str]) -> Response:
        """Say whether a registry's name is free."""
        name = str(body_of(request).get("name", ""))
        if not _NAME.fullmatch(name):
            return Response.json({"nameAvailable": False, "reason": "Invalid", "message": "The name is not valid."})
        if f"{name.lower()}.azurecr.io" in self._world.registries_by_host:
            message = f"The registry {name} is already in use."
            return Response.json({"nameAvailable": False, "reason": "AlreadyExists", "message": message})
        return Response.json({"nameAvailable": True})

    def import_image(self, request: Request, params: dict[str, str]) -> Response:
        """Copy an image from another registry, with its digest: 202 and the result of an operation."""
        registry, body = find_registry(self._world, params), body_of(request)
        source = _field(body, "source", dict) or {}
        image = str(source.get("sourceImage", ""))
        targets = [str(t) for t in _field(body, "targetTags", list) or [image]]
        if not image or any(":" not in t for t in targets):
            raise invalid("An import needs a source image, and targets of the form repository:tag.")
        found = self._source(source, image)
        registry.settle(self._world.now())
        for repository, _, tag in (target.partition(":") for target in targets):
            taken = tag in registry.images.get(repository, {})
            if taken and str(body.get("mode", "NoForce")).lower() != "force":
                raise ArmError(409, "Conflict", f"Tag {repository}:{tag} already exists in target registry.")
            now = self._world.now()
            registry.push(repository, tag, Push(found.digest, found.behaviour, now))
            self._world.notifier.publish(Happening("push", registry, repository, tag, found.digest, now))
        return self._accepted(request, registry)

    def _source(self, source: dict[str, Any], image: str) -> Push:
        """Return what is imported: a simulated registry's image, else one with a digest that its name gives."""
        identifier, host = str(source.get("resourceId", "")).lower(), str(source.get("registryUri", "")).lower()
        registry = self._world.registries.get(identifier) or self._world.registries_by_host.get(host)
        if registry is None:
            return Push(derived_digest(host, image), "run", self._world.now())
        repository, _, reference = image.replace("@", ":", 1).partition(":")
        push = registry.images.get(repository, {}).get(reference or "latest")
        if push is None:
            raise missing(image)
        return push

    def _accepted(self, request: Request, registry: Registry) -> Response:
        url = operation_url(self._world, request, registry.id, "registries-", "operationResults")
        return Response(202, headers={"Location": url})

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
