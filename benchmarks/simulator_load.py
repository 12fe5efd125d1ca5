"""What the simulator itself costs: start, idleness, memory, and its share of a core while a fleet is deployed.

Starts `python -m simulator` with a world of deployed sites and some fresh ones, waits, then deploys the fresh ones over
the wire, several at once, with the requests that a deployment takes. Prints one Markdown table. Linux only (/proc).
"""

import argparse
import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
ACR = SUBSCRIPTION + "/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry/registries"
ARC = SUBSCRIPTION + "/resourceGroups/rg-arc/providers/Microsoft.Kubernetes/connectedClusters"
VERSION = {"api-version": "2025-11-01"}
PER_REGISTRY = 50
ADDRESS = "10.96.0.50"


def world(deployed: int, fresh: int) -> dict[str, Any]:
    """Return a world of `deployed` sites with a running connected registry and `fresh` ones without."""
    count = deployed + fresh
    registries = [
        {
            "name": f"acrload{first // PER_REGISTRY}",
            "images": [{"repository": "app/web", "tag": "stable"}],
            "connectedRegistries": [
                {"name": f"plant{i}", "repositories": ["app/web"], "clientTokens": [f"plant{i}-pull"]}
                for i in range(first, min(first + PER_REGISTRY, count))
            ],
        }
        for first in range(0, count, PER_REGISTRY)
    ]
    clusters: list[dict[str, Any]] = [{"name": f"k-{i}"} for i in range(count)]
    for i in range(deployed):
        clusters[i]["extension"] = {"connectedRegistry": f"plant{i}", "clusterIP": ADDRESS}
    return {"registries": registries, "clusters": clusters}


class Process:
    """The simulator's process: its address, and what it has used so far."""

    def __init__(self, process: subprocess.Popen[bytes], description: dict[str, Any], seconds: float) -> None:
        self._proc = Path(f"/proc/{process.pid}")
        self.url: str = description["arm"]
        self.started = seconds

    def cpu(self) -> float:
        """Return the CPU seconds used so far."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Return the resident memory in MiB."""
        (line,) = (x for x in (self._proc / "status").read_text().splitlines() if x.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


@contextmanager
def simulator(data: dict[str, Any], speed: float) -> Iterator[Process]:
    """Run a simulator and end it."""
    command = [sys.executable, "-m", "simulator", "--world", "-", "--until-eof", "--speed", str(speed)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 (our own command)
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018 (pipes, for mypy)
    try:
        process.stdin.write(json.dumps(data).encode() + b"\n")
        process.stdin.flush()
        yield Process(process, json.loads(process.stdout.readline()), time.perf_counter() - start)
    finally:
        process.stdin.close()
        process.wait(timeout=10)


class Deployment:
    """Deploys one site with the requests that a careful tool sends."""

    def __init__(self, client: httpx.AsyncClient, index: int, token: str, poll: float) -> None:
        self._client = client
        self._registry = f"{ACR}/acrload{index // PER_REGISTRY}"
        self._name = f"plant{index}"
        self._cluster = f"{ARC}/k-{index}"
        self._kube = f"/kube/k-{index}"
        self._auth = {"Authorization": f"Bearer {token}"}
        self._poll = poll
        self.requests = 0

    async def run(self) -> None:
        """Install, wait until the site is Online, then apply a workload and wait until it is available."""
        await self._arm("GET", self._cluster)
        connected = (await self._arm("GET", f"{self._registry}/connectedRegistries/{self._name}")).json()
        await self._install(connected["properties"]["parent"]["syncProperties"]["gatewayEndpoint"])
        await self._until(self._online)
        pull = await self._password(f"{self._name}-pull")
        await self._apply("/api/v1/namespaces/default/secrets/pull", _secret(f"{self._name}-pull", pull))
        await self._apply("/apis/apps/v1/namespaces/default/deployments/web", _deployment())
        await self._until(self._available)

    async def _install(self, gateway: str) -> None:
        text = (
            f"ConnectedRegistryName={self._name};SyncTokenName={self._name};"
            f"SyncTokenPassword={await self._password(self._name)};"
            f"ParentGatewayEndpoint={gateway};ParentEndpointProtocol=https"
        )
        extension = {
            "extensionType": "microsoft.containerregistry.connectedregistry",
            "configurationSettings": {"service.clusterIP": ADDRESS},
            "configurationProtectedSettings": {"connectionString": text},
        }
        path = f"{self._cluster}/providers/Microsoft.KubernetesConfiguration/extensions/{self._name}"
        answer = await self._arm("PUT", path, {"identity": {"type": "SystemAssigned"}, "properties": extension})
        operation = answer.headers["Azure-AsyncOperation"]

        async def ended() -> bool:
            status = (await self._arm("GET", operation)).json()["status"]
            assert status in {"Creating", "Succeeded"}, status
            return bool(status == "Succeeded")

        await self._until(ended)

    async def _password(self, token: str) -> str:
        body = {"tokenId": f"{self._registry}/tokens/{token}", "name": "password1"}
        answer = await self._arm("POST", f"{self._registry}/generateCredentials", body)
        return str(answer.json()["passwords"][0]["value"])

    async def _online(self) -> bool:
        shown = (await self._arm("GET", f"{self._registry}/connectedRegistries/{self._name}")).json()
        return bool(shown["properties"]["connectionState"] == "Online")

    async def _available(self) -> bool:
        path = f"{self._kube}/apis/apps/v1/namespaces/default/deployments/web"
        status = (await self._send("GET", path, headers=self._auth)).json()["status"]
        return status.get("availableReplicas") == 1

    async def _until(self, condition: Any) -> None:
        while not await condition():  # noqa: ASYNC110 (the other side is another process)
            await asyncio.sleep(self._poll)

    async def _apply(self, path: str, obj: dict[str, Any]) -> None:
        headers = self._auth | {"Content-Type": "application/apply-patch+yaml"}
        await self._send("PATCH", f"{self._kube}{path}?fieldManager=load", json=obj, headers=headers)

    async def _arm(self, method: str, url: str, body: dict[str, Any] | None = None) -> httpx.Response:
        params = None if "api-" in url else VERSION
        return await self._send(method, url, json=body, params=params, headers={"Authorization": "Bearer load"})

    async def _send(self, method: str, url: str, **options: Any) -> httpx.Response:
        self.requests += 1
        return (await self._client.request(method, url, **options)).raise_for_status()


def _secret(user: str, password: str) -> dict[str, Any]:
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    config = json.dumps({"auths": {ADDRESS: {"username": user, "password": password, "auth": auth}}})
    data = {".dockerconfigjson": base64.b64encode(config.encode()).decode()}
    kind = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson"}
    return kind | {"metadata": {"name": "pull"}, "data": data}


def _deployment() -> dict[str, Any]:
    container = {"name": "web", "image": f"{ADDRESS}/app/web:stable"}
    pod = {"containers": [container], "imagePullSecrets": [{"name": "pull"}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


async def deploy(url: str, indices: range, at_once: int, poll: float) -> int:
    """Deploy sites, `at_once` at a time; return the number of requests."""
    gate = asyncio.Semaphore(at_once)
    limits = httpx.Limits(max_connections=at_once)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60, trust_env=False) as client:
        kubeconfig = (await client.get("/control/kubeconfig")).text
        tokens = [line.split()[1] for line in kubeconfig.splitlines() if line.strip().startswith("token:")]
        sites = [Deployment(client, i, tokens[i], poll) for i in indices]

        async def one(site: Deployment) -> None:
            async with gate:
                await site.run()

        await asyncio.gather(*(one(site) for site in sites))
    return sum(site.requests for site in sites)


def measure(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Return the rows of the table."""
    data = world(options.sites, options.fresh)
    with simulator(data, options.speed) as process:
        rows = [("start", f"{process.started:.2f} s"), ("memory after the start", f"{process.memory():.0f} MiB")]
        before = process.cpu()
        time.sleep(options.idle)
        share = (process.cpu() - before) / options.idle
        rows.append((f"CPU, idle for {options.idle:g} s", f"{share:.1%} of a core"))
        before, start = process.cpu(), time.perf_counter()
        fresh = range(options.sites, options.sites + options.fresh)
        requests = asyncio.run(deploy(process.url, fresh, options.at_once, options.poll))
        wall, used = time.perf_counter() - start, process.cpu() - before
        rows += [
            (f"{options.fresh} sites deployed, {options.at_once} at once", f"{wall:.1f} s"),
            ("sites a second", f"{options.fresh / wall:.1f}"),
            ("requests a second", f"{requests / wall:.0f}"),
            ("CPU while they are deployed", f"{used / wall:.0%} of a core"),
            ("CPU for each site", f"{1000 * used / options.fresh:.0f} ms"),
            ("memory at the end", f"{process.memory():.0f} MiB"),
        ]
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=1000, help="deployed sites in the world")
    parser.add_argument("--fresh", type=int, default=200, help="sites to deploy")
    parser.add_argument("--at-once", type=int, default=50, help="deployments at the same time")
    parser.add_argument("--speed", type=float, default=30, help="simulated seconds in a real one")
    parser.add_argument("--poll", type=float, default=1, help="real seconds between two looks")
    parser.add_argument("--idle", type=float, default=10, help="real seconds of idleness")
    rows = measure(parser.parse_args())
    text = "".join(f"| {name} | {value} |\n" for name, value in rows)
    sys.stdout.write(f"| figure | value |\n|---|---|\n{text}")


if __name__ == "__main__":
    main()
