"""The control endpoint: what tests and rehearsals do to the world behind everybody's back."""

from typing import TYPE_CHECKING, Any

from simulator import images
from simulator.cloud import Registry
from simulator.credentials import SLOTS, issued
from simulator.faults import FaultError
from simulator.http import Request, Response, Router
from simulator.images import ControlError, body_of
from simulator.loader import CHOICES, WorldError, check, moment
from simulator.roles import roles_of
from simulator.tokens import regenerate
from simulator.world import ConnectedCluster

if TYPE_CHECKING:
    from simulator.app import Simulation


# Descriptions of the documented DiskError (Azure/acr, connected-registry-error-codes.md).
DISKS = {
    "ok": None,
    "full": "No space left on device.",
    "denied": "Access to the path '/var/acr/data' is denied.",
}


class Control:
    """Handlers of `/control/*`."""

    def __init__(self, simulation: "Simulation") -> None:
        self._simulation = simulation
        self._router = router = Router()
        router.add("GET", "/control/world", self.show_world)
        router.add("POST", "/control/world", self.load)
        router.add("GET", "/control/time", self.time)
        router.add("POST", "/control/step", self.step)
        router.add("POST", "/control/speed", self.speed)
        router.add("GET", "/control/faults", self.list_faults)
        router.add("POST", "/control/faults", self.add_fault)
        router.add("DELETE", "/control/faults", self.clear_faults)
        router.add("POST", "/control/sites/{cluster}", self.change_site)
        images.register(simulation, router)
        router.add("POST", "/control/password", self.password)
        router.add("POST", "/control/principals", self.change_principals)
        router.add("GET", "/control/counters", self.counters)
        router.add("POST", "/control/counters/reset", self.reset_counters)
        router.add("GET", "/control/audit", self.audit)
        router.add("GET", "/control/secrets", self.secrets)
        router.add("GET", "/control/kubeconfig", self.kubeconfig)

    def handle(self, request: Request) -> Response:
        """Answer one request; errors are `{"errors": […]}`."""
        found = self._router.match(request.method, request.path)
        if found is None:
            return Response.json({"errors": [f"no control {request.method} {request.path}"]}, 404)
        route, params = found
        try:
            response = route.handler(request, params)
        except (ControlError, WorldError) as error:
            return Response.json({"errors": error.errors}, getattr(error, "status", 400))
        except FaultError as error:
            return Response.json({"errors": [str(error)]}, 400)
        if not isinstance(response, Response):
            raise TypeError(f"{request.path} is answered by a coroutine")
        return response

    def show_world(self, _request: Request, _params: dict[str, str]) -> Response:
        """Summarise the world: names, states, times."""
        world = self._simulation.world
        now = world.now()
        for registry in world.registries.values():
            registry.settle(now)
        return Response.json(
            {
                "time": now.isoformat(),
                "subscription": world.subscription,
                "registries": [_registry_summary(r, now) for r in world.registries.values()],
                "clusters": [_cluster_summary(c) for c in world.clusters.values()],
            }
        )

    def load(self, request: Request, params: dict[str, str]) -> Response:
        """Replace the world, or list why it is impossible."""
        self._simulation.load(body_of(request))
        return self.show_world(request, params)

    def time(self, _request: Request, _params: dict[str, str]) -> Response:
        """Show the simulated time."""
        clock = self._simulation.clock
        return Response.json({"time": clock.now().isoformat(), "speed": clock.speed, "manual": clock.manual})

    def step(self, request: Request, params: dict[str, str]) -> Response:
        """Move time on and run what falls due."""
        self._simulation.clock.step(_number(body_of(request), "seconds"))
        return self.time(request, params)

    def speed(self, request: Request, params: dict[str, str]) -> Response:
        """Change how fast time flows."""
        self._simulation.clock.set_speed(_number(body_of(request), "speed"))
        return self.time(request, params)

    def list_faults(self, _request: Request, _params: dict[str, str]) -> Response:
        """List the rules with their hits."""
        return Response.json([rule.view() for rule in self._simulation.faults.rules])

    def add_fault(self, request: Request, _params: dict[str, str]) -> Response:
        """Add a rule; `extensionFails` makes the next install on a cluster fail."""
        body = body_of(request)
        effect = body.get("effect")
        if isinstance(effect, dict) and "extensionFails" in effect:
            failure = effect["extensionFails"]
            self._cluster(str(failure.get("cluster", ""))).failures.append(failure)
            return Response.json({"id": 0})
        return Response.json({"id": self._simulation.faults.add(body).id})

    def clear_faults(self, _request: Request, _params: dict[str, str]) -> Response:
        """Drop every rule."""
        self._simulation.faults.rules.clear()
        for cluster in self._simulation.world.clusters.values():
            cluster.failures.clear()
        return Response.json({})

    def change_site(self, request: Request, params: dict[str, str]) -> Response:
        """Change a site.

        `connectivity` is what ARM shows at once; `link` false cuts the link, which ARM notices later;
        `reachable` is about the Kubernetes API; `disk` (ok, full, denied) about the connected registry.
        """
        cluster = self._cluster(params["cluster"])
        body = body_of(request, "connectivity", "link", "reachable", "disk")
        if "reachable" in body:
            cluster.latent.reachable = bool(body["reachable"])
        if "connectivity" in body:
            self._connect(cluster, str(body["connectivity"]), cut=False)
        if "link" in body:
            self._connect(cluster, cluster.connectivity, cut=not body["link"])
        if "disk" in body:
            self._fill_disk(cluster, str(body["disk"]))
        return Response.json(_cluster_summary(cluster))

    def password(self, request: Request, _params: dict[str, str]) -> Response:
        """Regenerate a password behind everybody's back."""
        body = body_of(request, "registry", "token", "name")
        registry = images.registry_of(self._simulation.world, body)
        token = registry.tokens.get(str(body.get("token", "")).lower())
        if token is None or body.get("name") not in SLOTS:
            raise ControlError("token or password name is unknown", status=404)
        regenerate(self._simulation.world, registry, token, [body["name"]])
        return Response.json({})

    def change_principals(self, request: Request, _params: dict[str, str]) -> Response:
        """Replace the world's principals and their roles; with none everybody may do everything."""
        body = body_of(request, "principals")
        check(body)
        self._simulation.world.roles = roles_of(body)
        return Response.json({})

    def counters(self, _request: Request, _params: dict[str, str]) -> Response:
        """Show how often what was asked."""
        return Response.json(self._simulation.ledger.view())

    def reset_counters(self, _request: Request, _params: dict[str, str]) -> Response:
        """Begin the counters again."""
        self._simulation.ledger.reset()
        return Response.json({})

    def audit(self, request: Request, _params: dict[str, str]) -> Response:
        """List the requests, those since a simulated time if `since` is given."""
        entries = self._simulation.ledger.audit
        since = request.query.get("since")
        if since is None:
            return Response.json([entry.view() for entry in entries])
        try:
            # A plus sign that the client did not escape arrives as a blank.
            start = moment(since.replace(" ", "+"))
        except ValueError as error:
            raise ControlError(f"since: {error}") from error
        return Response.json([entry.view() for entry in entries if entry.time >= start])

    def secrets(self, _request: Request, _params: dict[str, str]) -> Response:
        """List every password value ever generated, for tests that look for leaks."""
        return Response.json(issued())

    def kubeconfig(self, request: Request, _params: dict[str, str]) -> Response:
        """Return a kubeconfig for every cluster."""
        text = self._simulation.kubeconfig(request.base_url)
        return Response.text(text, content_type="application/yaml")

    def _fill_disk(self, cluster: ConnectedCluster, state: str) -> None:
        if state not in DISKS or cluster.release is None:
            raise ControlError(f"disk: {state!r} is none of {sorted(DISKS)}, or nothing is installed")
        cluster.release.instance.advance(self._simulation.world.now())
        cluster.release.instance.disk = DISKS[state]

    def _connect(self, cluster: ConnectedCluster, connectivity: str, *, cut: bool) -> None:
        if connectivity not in CHOICES["connectivity"]:
            raise ControlError(f"connectivity: {connectivity!r} is none of {CHOICES['connectivity']}")
        simulation = self._simulation
        world, now = simulation.world, simulation.world.now()
        for registry in world.registries.values():
            registry.settle(now)
        was_linked = cluster.linked
        cluster.heartbeat = cluster.last_heartbeat(now, world.timings.arc_heartbeat)
        cluster.connectivity, cluster.cut = connectivity, cut
        cluster.since = now
        if cluster.linked and not was_linked:
            simulation.backend.agents.reconnected(cluster)

    def _cluster(self, name: str) -> ConnectedCluster:
        cluster = self._simulation.world.clusters_by_name.get(name.lower())
        if cluster is None:
            raise ControlError(f"no cluster {name!r}", status=404)
        return cluster


def _number(body: dict[str, Any], key: str) -> float:
    value = body.get(key)
    if not isinstance(value, int | float) or value < 0:
        raise ControlError(f"{key} must be a number, 0 or more")
    return float(value)


def _registry_summary(registry: Registry, now: Any) -> dict[str, Any]:
    return {
        "name": registry.name,
        "loginServer": registry.login_server,
        "tokens": sorted(t.name for t in registry.tokens.values()),
        "connectedRegistries": [
            {
                "name": c.name,
                "online": c.instance is not None and c.instance.online(now),
                "active": c.activated_by is not None,
            }
            for c in registry.connected.values()
        ],
    }


def _cluster_summary(cluster: ConnectedCluster) -> dict[str, Any]:
    return {
        "name": cluster.name,
        "connectivity": cluster.connectivity,
        "reachable": cluster.latent.reachable,
        "extensions": [{"name": e.name, "state": e.state} for e in cluster.extensions.values()],
    }
