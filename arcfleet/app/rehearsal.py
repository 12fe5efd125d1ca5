"""Rehearsals: a fleet file becomes a simulator's world, and settings that point there.

arcfleet knows of the simulator what any user could: its command line, its control endpoint, its addresses.
"""

from __future__ import annotations

import atexit
import contextlib
import ipaddress
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from arcfleet.app.server.prefect_env import spare_loopback
from arcfleet.app.server.processes import APART
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.kube import workloads
from arcfleet.core.reasons import Reason
from arcfleet.errors import ManifestError, PermanentError
from arcfleet.settings import is_loopback

World = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A running simulator."""

    addresses: Mapping[str, Any]
    process: subprocess.Popen[str]

    def wait(self) -> None:
        """Return when the simulator has ended."""
        self.process.wait()


def world_of(fleet: Fleet) -> World:
    """Return a world in which everything that the fleet refers to exists, and nothing is deployed.

    What sites with `ensure` would create is left out, unless a site without it is nested below.
    """
    registries: dict[str, World] = {}
    kept = {
        name.lower() for site in fleet.sites if not site.ensure for name in (site.connected_registry, *site.ancestors)
    }
    for site in fleet.sites:
        ref = site.registry_ref
        registry = registries.setdefault(
            ref.name,
            {
                "name": ref.name,
                "resourceGroup": ref.resource_group,
                "subscription": ref.subscription,
                "dataEndpointEnabled": False,
                "images": [],
                "connectedRegistries": [],
            },
        )
        images = _images(fleet, site)
        known = {(image["repository"], image["tag"]) for image in registry["images"]}
        registry["images"] += [
            {"repository": repository, "tag": tag} for repository, tag in images if (repository, tag) not in known
        ]
        if site.connected_registry.lower() in kept:
            registry["dataEndpointEnabled"] = True
            registry["connectedRegistries"].append(_connected(fleet, site))
    return {"registries": list(registries.values()), "clusters": [_cluster(site) for site in fleet.sites]}


def environment(addresses: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return the settings that point arcfleet at a simulator, as environment variables.

    Args:
        addresses: The simulator's.
        folder: Where its kubeconfig is put: of hundreds of sites it is longer than an environment variable may be.
    """
    arm = str(addresses["arm"])
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(httpx.get(f"{addresses['control']}/kubeconfig", timeout=30).text)
    return {
        "ARCFLEET_ARM_ENDPOINT": arm,
        "ARCFLEET_REGISTRY_ENDPOINT": arm,
        "ARCFLEET_CREDENTIAL": "none",
        "ARCFLEET_KUBECONFIG": str(kubeconfig),
        "ARCFLEET_TIME_SCALE": str(addresses["speed"]),
    }


@contextlib.contextmanager
def running(world: World, *, port: int = 0, speed: float = 1.0, tls: bool = False) -> Iterator[Rehearsal]:
    """Run a simulator in a process of its own while the context is open.

    Args:
        world: What exists in it.
        port: A free one where 0.
        speed: Seconds of the world per real second.
        tls: Speak https, with a certificate of the simulator's own making.
    """
    command = [sys.executable, "-m", "simulator", "--world", "-", "--until-eof"]
    options = ["--port", str(port), "--speed", str(speed), *(["--tls"] if tls else [])]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        [*command, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **APART,
    )
    try:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the simulator has no pipes")
        # The pipe stays open: when this process ends, however it does, the simulator ends too.
        process.stdin.write(json.dumps(world) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise PermanentError(Reason.INTERNAL, "the simulator did not start", "its own words stand above")
        spare_loopback()
        addresses = json.loads(line)
        yield Rehearsal(addresses, process)
    finally:
        process.terminate()
        process.wait(timeout=10)


def addresses_of(url: str) -> Mapping[str, Any]:
    """Return the addresses of a simulator that runs already.

    Raises:
        ManifestError: Nothing answers there as a simulator does.
    """
    spare_loopback()
    url = url.rstrip("/")
    if not is_loopback(url):
        raise ManifestError((f"--simulator {url}  is not an address of this machine",))
    if url.startswith("https"):
        raise ManifestError((f"--simulator {url}  rehearse over http: nobody trusts the simulator's own CA",))
    try:
        speed = httpx.get(f"{url}/control/time", timeout=10).raise_for_status().json()["speed"]
    except (httpx.HTTPError, ValueError, KeyError):
        raise ManifestError((f"--simulator {url}  no simulator answers there; start one: arcfleet simulate",)) from None
    return {"arm": url, "control": f"{url}/control", "speed": speed}


def enter(addresses: Mapping[str, Any]) -> None:
    """Point the settings of this process, and of those that it starts, at a simulator."""
    folder = tempfile.mkdtemp(prefix="arcfleet-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.pop("ARCFLEET_KUBECONFIG_CONTENT", None)
    os.environ.update(environment(addresses, Path(folder)))


def _connected(fleet: Fleet, site: Site) -> World:
    """Return a site's connected registry, which also passes on what those below it need."""
    served = [site, *(other for other in fleet.sites if site.connected_registry in other.ancestors)]
    named = {name for one in served for name in one.connected_registry_settings.repositories}
    return {
        "name": site.connected_registry,
        "mode": site.connected_registry_settings.mode or "ReadOnly",
        "parent": site.ancestors[0] if site.ancestors else None,
        "repositories": sorted(named | {repository for one in served for repository, _ in _images(fleet, one)}),
        "clientTokens": [site.client_token or f"{site.connected_registry}-pull"],
    }


def _images(fleet: Fleet, site: Site) -> list[tuple[str, str]]:
    found = [
        image
        for workload in site.workloads
        for image in workloads.images(workload, fleet.manifests.get(workload.manifest or "", ()), _login_server(site))
    ]
    return [(image.repository, image.reference) for image in found if ":" not in image.reference]


def _login_server(site: Site) -> str:
    return f"{site.registry_ref.name.lower()}.azurecr.io"


def _cluster(site: Site) -> World:
    ref = site.cluster_ref
    service_range = ipaddress.IPv4Network(f"{site.cluster_ip}/16", strict=False)
    return {
        "name": ref.name,
        "resourceGroup": ref.resource_group,
        "subscription": ref.subscription,
        "kubernetes": {
            "serviceCIDRs": [str(service_range)],
            "namespaces": sorted({"default", *(workload.namespace for workload in site.workloads)}),
        },
    }
