"""The application: one clock, one world, and the way of each request to whoever answers it."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from typing import Any

import yaml

from simulator import acr, identity, permissions, registries, subscriptions, tokens
from simulator.arc import ArcApi
from simulator.arm import Arm
from simulator.build import build
from simulator.clock import Clock
from simulator.control import Control
from simulator.faults import Faults
from simulator.http import Request, Response, Router, TransportAbortError
from simulator.images import subscriptions_of
from simulator.ledger import Ledger, kube_kind, kube_writes, registry_kind
from simulator.registry import DataPlane
from simulator.sources import Source
from simulator.world import ConnectedCluster, World

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Target:
    """Who answers a request, and how it is counted. `wait` is a latency in simulated seconds."""

    kind: str
    answer: Callable[[], Response | Awaitable[Response]]
    site: str | None = None
    write: bool = False
    wait: float = 0


class Backend:
    """Everything that belongs to one world and goes with it."""

    def __init__(self, data: Mapping[str, Any], clock: Clock) -> None:
        names = [str(c.get("name", "")).lower() for c in data.get("clusters") or [] if isinstance(c, dict)]
        self.kube_tokens = {name: secrets.token_urlsafe(24) for name in names}
        self.world, self.agents = build(data, clock, self.kube_tokens)
        arc = ArcApi(self.world, self.agents)
        providers = (permissions.register, registries.register, acr.register, tokens.register, arc.register)
        self.arm = Arm(self.world, subscriptions.register, *providers)
        self.data_plane = DataPlane(self.world)
        self.identity = Router()
        identity.register(self.world, self.identity)


class Simulation:
    """Answers every request to the simulator.

    Args:
        data: The world to begin with.
        clock: Moves it.

    Attributes:
        ca: The authority's PEM file that kubeconfigs name, with TLS.
        replaced: Called when another world has taken the place of this one.
    """

    def __init__(self, data: Mapping[str, Any], clock: Clock) -> None:
        self.clock = clock
        self.faults = Faults()
        self.ledger = Ledger()
        self.backend = Backend(data, clock)
        self._subscribe(self.backend.world, data)
        self.ca: str | None = None
        self.replaced: Callable[[], None] = lambda: None
        self._control = Control(self)

    def load(self, data: Mapping[str, Any]) -> None:
        """Replace the world; WorldError, and no change, when it is an impossible one."""
        # A world whose objects a cluster refuses is noticed only by building it: try it beside this one.
        subscriptions_of(Backend(data, Clock(manual=True)).world, data)
        self.backend = Backend(data, self.clock)
        self._subscribe(self.backend.world, data)
        self.replaced()

    def _subscribe(self, world: World, data: Mapping[str, Any]) -> None:
        for subscription in subscriptions_of(world, data):
            world.notifier.subscribe(subscription)

    async def __call__(self, request: Request) -> Response:
        """Answer one request, as faults allow."""
        # Whoever asks sees the effects of all that is due, however late the timer is.
        self.clock.run_due()
        if request.path.startswith("/control"):
            response = self._control.handle(request)
            response.headers["Date"] = self._date()
            return response
        target = self._target(request)
        entry = self.ledger.record(request, target.kind, target.site, self.clock.now(), write=target.write)
        response = await self._serve(request, target)
        response.headers["Date"] = self._date()
        entry.status = response.status
        return response

    def _date(self) -> str:
        return format_datetime(self.clock.now().astimezone(UTC), usegmt=True)

    async def _serve(self, request: Request, target: Target) -> Response:
        fault = self.faults.hit(request, target.site)
        wait = target.wait + (fault.delay if fault else 0)
        if wait:
            await self.clock.sleep(wait)
        spoiled = fault.before() if fault else None
        if spoiled is not None:
            return spoiled
        answer = target.answer()
        response = answer if isinstance(answer, Response) else await answer
        return fault.after_answer(response) if fault else response

    def _target(self, request: Request) -> Target:
        backend = self.backend
        host = request.base_url.partition("://")[2].partition(":")[0]
        source = backend.data_plane.source(host)
        if source is not None:
            return self._registry_target(request, host, source)
        area = request.path.lstrip("/").partition("/")[0].lower()
        if area == "subscriptions":
            return self._arm_target(request)
        if area in ("kube", "registry", "site"):
            return self._named_target(request, area)
        found = backend.identity.match(request.method, request.path)
        if found is not None:
            route, params = found
            return Target(f"identity {route.kind}", lambda: route.handler(request, params))
        return self._unknown(request)

    def _arm_target(self, request: Request) -> Target:
        backend = self.backend
        found = backend.arm.route(request)
        if found is None:
            self.ledger.unknown += 1
        read = request.method in ("GET", "HEAD")
        timings = backend.world.timings
        return Target(
            f"arm {found[0].kind}" if found else f"arm {UNKNOWN}",
            lambda: backend.arm.handle(request, found),
            site=found[1].get("cluster", "").lower() or None if found else None,
            write=not read,
            wait=timings.get_latency if read else timings.write_latency,
        )

    def _named_target(self, request: Request, area: str) -> Target:
        """Return who answers `/kube/NAME/…`, `/registry/LOGINSERVER/…` or `/site/CLUSTER/…`."""
        parts = request.path.split("/", 3)
        name = parts[2].lower() if len(parts) > 2 else ""
        inner = request.under("/".join(parts[:3]))
        plane = self.backend.data_plane
        if area == "kube":
            cluster = self.backend.world.clusters_by_name.get(name)
            return self._kube_target(inner, cluster) if cluster else self._unknown(request)
        if area == "site":
            found = plane.site(name)
            return self._registry_target(inner, *found, site=name) if found else self._unreachable()
        source = plane.source(name)
        return self._registry_target(inner, name, source) if source else self._unknown(request)

    def _kube_target(self, request: Request, cluster: ConnectedCluster) -> Target:
        def answer() -> Awaitable[Response]:
            if cluster.release is not None:
                # What the site did until now it did with the objects that are about to change.
                cluster.release.instance.advance(self.clock.now())
            return cluster.kube.handle(request)

        return Target(kube_kind(request), answer, cluster.name.lower(), kube_writes(request))

    def _registry_target(self, request: Request, host: str, source: Source, site: str | None = None) -> Target:
        plane = self.backend.data_plane
        kind = registry_kind(request).replace("registry", "site" if site else "registry", 1)
        return Target(kind, lambda: plane.handle(request, host, source), site)

    def _unreachable(self) -> Target:
        def answer() -> Response:
            raise TransportAbortError

        return Target("site unreachable", answer)

    def _unknown(self, request: Request) -> Target:
        self.ledger.unknown += 1
        text = f"The simulator knows no {request.method} {request.path}\n"
        return Target(UNKNOWN, lambda: Response.text(text, 404))

    def kubeconfig(self, base_url: str) -> str:
        """Return a kubeconfig with one context for each cluster, named like it."""
        names = self.backend.kube_tokens
        ca = {"certificate-authority": self.ca} if self.ca else {}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": n, "cluster": {"server": f"{base_url}/kube/{n}", **ca}} for n in names],
                "users": [{"name": n, "user": {"token": token}} for n, token in names.items()],
                "contexts": [{"name": n, "context": {"cluster": n, "user": n}} for n in names],
                "current-context": next(iter(names), ""),
            },
            sort_keys=False,
        )

    @property
    def world(self) -> World:
        """The present world."""
        return self.backend.world
