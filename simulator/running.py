"""Runs a simulator: in a thread of this process, or for as long as the process lives."""

import asyncio
import json
import os
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simulator import tls as certificates
from simulator.app import Simulation
from simulator.clock import Clock
from simulator.http import Server

# Above so many clusters the printed line names the kubeconfig's URL and not its text.
MANY_CLUSTERS = 50
SMALL_TIMEOUT = 60


@dataclass(slots=True)
class Running:
    """A simulation that listens."""

    simulation: Simulation
    server: Server
    tls: certificates.Tls | None

    @property
    def url(self) -> str:
        """The address of everything."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server.port}"

    @property
    def ca(self) -> str | None:
        """The PEM file of the authority to trust, with TLS."""
        return str(self.tls.ca) if self.tls else None

    async def stop(self) -> None:
        """Stop listening, and time as well."""
        await self.server.stop()
        self.simulation.clock.detach()
        if self.tls is not None:
            self.tls.folder.cleanup()

    def description(self) -> dict[str, Any]:
        """Return what a client must know, as `python -m simulator` prints it."""
        simulation = self.simulation
        names = list(simulation.backend.kube_tokens)
        few = len(names) < MANY_CLUSTERS
        kubeconfig = simulation.kubeconfig(self.url) if few else f"{self.url}/control/kubeconfig"
        return {
            "arm": self.url,
            "kube": {name: f"{self.url}/kube/{name}" for name in names},
            "registries": {h: f"{self.url}/registry/{h}" for h in simulation.world.registries_by_host},
            "control": f"{self.url}/control",
            "authority": self.url,
            "kubeconfig" if few else "kubeconfigUrl": kubeconfig,
            "ca": self.ca,
            "port": self.server.port,
            "speed": simulation.clock.speed,
            "pid": os.getpid(),
        }


async def start(
    world: Mapping[str, Any] | None = None,
    *,
    port: int = 0,
    speed: float = 1.0,
    manual: bool = False,
    tls: bool = False,
) -> Running:
    """Start a simulator on this thread's event loop; WorldError when the world is impossible."""
    clock = Clock(speed=speed, manual=manual)
    simulation = Simulation(world or {}, clock)
    clock.attach(asyncio.get_running_loop())
    made = certificates.make() if tls else None
    server = Server(simulation, made.context if made else None)
    await server.start(port)
    simulation.replaced = server.cut_streams
    started = Running(simulation, server, made)
    simulation.ca = started.ca
    return started


class Simulator:
    """A running simulator as tests see it: its addresses, and its control endpoint over HTTP."""

    def __init__(self, running: Running) -> None:
        self.url = running.url
        self.control = f"{running.url}/control"
        self.port = running.server.port
        self.ca = running.ca
        self.description = running.description()
        self._context = certificates.trusting(running.ca) if running.ca else None

    @property
    def kubeconfig(self) -> str:
        """The kubeconfig of the present world, as text."""
        return self._read("GET", "/kubeconfig", None).decode()

    def get(self, path: str) -> Any:
        """Return the JSON at a path below `/control`."""
        return json.loads(self._read("GET", path, None))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Post JSON to a path below `/control` and return the answer's."""
        return json.loads(self._read("POST", path, body or {}))

    def load(self, world: Mapping[str, Any]) -> Any:
        """Replace the world."""
        return self.post("/world", world)

    def step(self, seconds: float) -> None:
        """Move simulated time on."""
        self.post("/step", {"seconds": seconds})

    def fault(self, rule: Mapping[str, Any]) -> Any:
        """Add a fault rule and return its id."""
        return self.post("/faults", rule)["id"]

    def clear_faults(self) -> None:
        """Drop every fault rule."""
        self._read("DELETE", "/faults", None)

    def site(self, cluster: str, **change: Any) -> Any:
        """Change a site's connectivity or reachability."""
        return self.post(f"/sites/{cluster}", change)

    def push(self, registry: str, repository: str, tag: str, **image: str) -> str:
        """Push an image and return its digest."""
        body = {"registry": registry, "repository": repository, "tag": tag, **image}
        return str(self.post("/images", body)["digest"])

    def counters(self) -> Any:
        """Return the counters."""
        return self.get("/counters")

    def audit(self) -> Any:
        """Return the audit trail."""
        return self.get("/audit")

    def secrets(self) -> Any:
        """Return every password value ever generated."""
        return self.get("/secrets")

    def _read(self, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data, method=method)  # noqa: S310 (our own URL)
        with urllib.request.urlopen(request, timeout=SMALL_TIMEOUT, context=self._context) as answer:  # noqa: S310
            content: bytes = answer.read()
            return content


@contextmanager
def running(
    world: Mapping[str, Any] | None = None,
    *,
    port: int = 0,
    speed: float = 1.0,
    manual: bool = False,
    tls: bool = False,
) -> Iterator[Simulator]:
    """Run a simulator in a daemon thread with its own event loop, and stop it at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulator", daemon=True)
    thread.start()
    try:
        beginning = start(world, port=port, speed=speed, manual=manual, tls=tls)
        started = asyncio.run_coroutine_threadsafe(beginning, loop).result()
        try:
            yield Simulator(started)
        finally:
            asyncio.run_coroutine_threadsafe(_stop(started), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(started: Running) -> None:
    await started.stop()
    # Requests that wait for simulated time would wait for ever.
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
