"""What tests share: fleets of any size, and a simulator whose world holds what a fleet refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from arcfleet.app import rehearsal
from arcfleet.core.fleet import resolve
from arcfleet.core.fleet.manifest import Fleet
from arcfleet.settings import Settings
from simulator import Simulator, running

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
Change = Callable[[dict[str, Any]], None]


def fleet_text(count: int = 1, *, rollout: Mapping[str, Any] | None = None, **overrides: Any) -> str:
    """Return a fleet file of `count` sites named s1, s2, …; overrides go into its defaults."""
    defaults: dict[str, Any] = {
        "registry": "acreu1",
        "workloads": [{"name": "web", "image": "app/web:stable"}],
        **overrides,
        # The world runs hundreds of times faster than the machine that the tests are on, which may be a busy one.
        "timeouts": {"site": "30d", **overrides.get("timeouts", {})},
    }
    sites = [
        {
            "name": f"s{i}",
            "connectedRegistry": f"plant{i}",
            "cluster": {"name": f"k-s{i}", "resourceGroup": "rg-arc"},
            "clusterIP": "10.96.0.50",
            "kube": {"context": f"k-s{i}"},
        }
        for i in range(1, count + 1)
    ]
    return yaml.safe_dump(
        {
            "apiVersion": "fleet/v1",
            "metadata": {"name": "test"},
            "registries": [{"name": "acreu1", "resourceGroup": "rg-acr", "subscription": SUBSCRIPTION}],
            "defaults": defaults,
            "sites": sites,
            "rollout": dict(rollout or {"maxConcurrency": 20}),
        }
    )


def fleet_of(text: str) -> Fleet:
    """Return the fleet of a fleet file's text."""
    return resolve.load(text, "fleet.yaml")


def settings_of(sim: Simulator) -> Settings:
    """Return settings that point at a simulator."""
    return Settings(
        arm_endpoint=sim.url,
        registry_endpoint=sim.url,
        credential="none",
        kubeconfig_content=sim.kubeconfig,
        time_scale=sim.get("/time")["speed"],
    )


def environment_of(sim: Simulator, folder: Path) -> dict[str, str]:
    """Return the environment of a process that is to use a simulator; the folder is for its kubeconfig."""
    addresses = {"arm": sim.url, "control": sim.control, "speed": sim.get("/time")["speed"]}
    return rehearsal.environment(addresses, folder)


def use(patch: pytest.MonkeyPatch, sim: Simulator, folder: Path) -> None:
    """Have this process, and those that it starts, use a simulator."""
    for name, value in environment_of(sim, folder).items():
        patch.setenv(name, value)


@pytest.fixture
def simulate() -> Iterator[Callable[..., Simulator]]:
    """Start simulators that end with the test: `simulate(fleet, speed=600, change=...)`."""
    with ExitStack() as stack:

        def start(fleet: Fleet, *, speed: float = 600, change: Change | None = None, **timings: float) -> Simulator:
            world = rehearsal.world_of(fleet)
            world["timings"] = timings
            if change:
                change(world)
            return stack.enter_context(running(world, speed=speed))

        yield start
