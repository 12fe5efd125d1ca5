"""Subscriptions, resource groups, providers and the resource index of ARM itself."""

from typing import Any

from simulator.arm import ArmError, page
from simulator.cloud import ACR, Group, Registry
from simulator.http import Request, Response, Router
from simulator.views import sku_view
from simulator.world import World

SUBSCRIPTION = "/subscriptions/{subscription}"


def register(world: World, router: Router) -> None:
    """Add ARM's own routes."""
    api = SubscriptionApi(world)
    router.add("GET", "/subscriptions", api.list_subscriptions, "LIST subscriptions")
    router.add("GET", SUBSCRIPTION, api.get_subscription, "GET subscriptions")
    router.add("GET", SUBSCRIPTION + "/resources", api.list_resources, "LIST resources")
    router.add("GET", SUBSCRIPTION + "/resourceGroups", api.list_groups, "LIST resourceGroups")
    router.add("GET", SUBSCRIPTION + "/resourceGroups/{group}", api.get_group, "GET resourceGroups")
    router.add("GET", SUBSCRIPTION + "/providers/{provider}", api.get_provider, "GET providers")
    router.add("POST", SUBSCRIPTION + "/providers/{provider}/register", api.register_provider, "POST providers")


class SubscriptionApi:
    """Handlers of what every subscription has."""

    def __init__(self, world: World) -> None:
        self._world = world

    def list_subscriptions(self, request: Request, _params: dict[str, str]) -> Response:
        """List the subscriptions with what az reads of them."""
        return page(self._world, [self._view(s) for s in sorted(self._world.subscriptions)], request)

    def get_subscription(self, _request: Request, params: dict[str, str]) -> Response:
        """Show one subscription."""
        return Response.json(self._view(params["subscription"]))

    def list_resources(self, request: Request, params: dict[str, str]) -> Response:
        """List resources, of one type if `$filter` says so (recorded, acr_connected_registry.json seq 3)."""
        wanted = request.query.get("$filter", "").lower()
        views = []
        for resource in self._world.resources():
            is_registry = isinstance(resource, Registry)
            kind = f"{ACR}/registries" if is_registry else "Microsoft.Kubernetes/connectedClusters"
            if resource.subscription.lower() != params["subscription"].lower():
                continue
            if not wanted or f"resourcetype eq '{kind.lower()}'" in wanted:
                sku = {"sku": sku_view(resource)} if isinstance(resource, Registry) else {}
                view = {"id": resource.id, "name": resource.name, "type": kind, "location": resource.location}
                views.append(view | sku | {"tags": resource.tags, "systemData": resource.stamps.system_data("Z")})
        return page(self._world, views, request)

    def list_groups(self, request: Request, params: dict[str, str]) -> Response:
        """List a subscription's resource groups."""
        subscription = params["subscription"].lower()
        views = [_group_view(g) for g in self._world.groups.values() if g.subscription.lower() == subscription]
        return page(self._world, views, request)

    def get_group(self, _request: Request, params: dict[str, str]) -> Response:
        """Show one resource group (recorded, acr_token.json seq 0)."""
        return Response.json(_group_view(self._world.groups[params["subscription"].lower(), params["group"].lower()]))

    def get_provider(self, _request: Request, params: dict[str, str]) -> Response:
        """Show whether a resource provider is registered (recorded, k8s_extension.json seq 0)."""
        name = params["provider"]
        state = self._world.providers.get(name.lower())
        if state is None:
            message = f"The resource namespace '{name}' is invalid."
            raise ArmError(404, "InvalidResourceNamespace", message)
        return Response.json(
            {
                "id": f"/subscriptions/{params['subscription']}/providers/{name}",
                "namespace": name,
                "resourceTypes": [],
                "registrationState": state,
                "registrationPolicy": "RegistrationRequired",
            }
        )

    def register_provider(self, request: Request, params: dict[str, str]) -> Response:
        """Register a resource provider, at once."""
        self._world.providers[params["provider"].lower()] = "Registered"
        return self.get_provider(request, params)

    def _view(self, subscription: str) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{subscription}",
            "subscriptionId": subscription,
            "tenantId": self._world.tenant,
            "displayName": "Simulated subscription",
            "state": "Enabled",
        }


def _group_view(group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "tags": group.tags,
        "properties": {"provisioningState": "Succeeded"},
    }
