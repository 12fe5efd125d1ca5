"""Microsoft.Authorization/permissions: what the caller may do at a scope.

Path, api-version 2022-04-01 and shape: the REST reference of Permissions_ListForResourceGroup and _ListForResource.
"""

from simulator.http import Request, Response, Router
from simulator.world import World

PATH = "/providers/Microsoft.Authorization/permissions"
# How deep a resource may lie: a registry; what hangs on it; an extension of a cluster.
DEPTHS = (1, 2)


def register(world: World, router: Router) -> None:
    """Add the routes for subscriptions, resource groups and resources."""
    api = PermissionApi(world)
    subscription = "/subscriptions/{subscription}"
    group = subscription + "/resourceGroups/{group}"
    resources = [
        f"{group}/providers/{{namespace}}" + "".join(f"/{{type{i}}}/{{name{i}}}" for i in range(depth))
        for depth in DEPTHS
    ]
    extension = resources[0] + "/providers/{inner}/{kind}/{name}"
    for scope in (subscription, group, *resources, extension):
        router.add("GET", scope + PATH, api.list_permissions, "LIST permissions")


class PermissionApi:
    """Handlers of permissions."""

    def __init__(self, world: World) -> None:
        self._world = world

    def list_permissions(self, request: Request, _params: dict[str, str]) -> Response:
        """List what each role of the caller's permits at a scope, whether or not there is such a resource."""
        scope = request.path[: request.path.lower().rindex(PATH.lower())]
        return Response.json({"value": self._world.roles.of(request).permissions(scope)})
