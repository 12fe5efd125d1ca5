"""What Prefect's own scale-out gives: PostgreSQL, Redis, two API servers, background services, two workers, one fleet.

Runs the whole of deployments/scale-out as processes of this machine, with the same settings, and deploys a fleet with
`execution: workers` through the deployment, against the simulator. Prints one Markdown table. Needs initdb, postgres
and redis-server; nothing is installed. Linux only (/proc).
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from arcfleet import fleetfile  # noqa: E402 - found by the line above
from arcfleet.app import rehearsal  # noqa: E402
from tests.flows import databases  # noqa: E402

COMPOSE = yaml.safe_load((ROOT / "deployments" / "scale-out" / "compose.yaml").read_text())
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
PER_REGISTRY = 50
"""Connected registries that Azure takes in one cloud registry."""
PAGE = os.sysconf("SC_PAGE_SIZE")


def fleet(sites: int, batch: int) -> str:
    """Return a fleet file of one wave."""
    return yaml.safe_dump(
        {
            "apiVersion": "fleet/v1",
            "metadata": {"name": "scale"},
            "registries": [
                {"name": f"acrscale{i}", "resourceGroup": "rg-registry", "subscription": SUBSCRIPTION}
                for i in range(-(-sites // PER_REGISTRY))
            ],
            "defaults": {
                # Minutes of the simulated world are seconds here, which a busy machine takes for itself.
                "timeouts": dict.fromkeys(("extension", "online", "sync", "site"), "1d"),
                "workloads": [{"name": "web", "namespace": "shop", "image": "app/web:stable"}],
            },
            "sites": [
                {
                    "name": f"s{i}",
                    "registry": f"acrscale{i // PER_REGISTRY}",
                    "connectedRegistry": f"plant{i}",
                    "cluster": {"name": f"k-{i}", "resourceGroup": "rg-arc"},
                    "clusterIP": "10.96.0.50",
                    "kube": {"context": f"k-{i}"},
                }
                for i in range(sites)
            ],
            "rollout": {"maxConcurrency": 50, "execution": "workers", "batch": batch},
        }
    )


def settings(database: str, redis: int, auth: str) -> dict[str, str]:
    """Return the servers' settings of the compose file, with this machine's addresses in place of its names."""
    found = dict(COMPOSE["x-server"]["environment"])
    found["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database
    found["PREFECT_REDIS_MESSAGING_HOST"] = "127.0.0.1"
    found["PREFECT_REDIS_MESSAGING_PORT"] = str(redis)
    found["PREFECT_SERVER_DOCKET_URL"] = f"redis://127.0.0.1:{redis}/1"
    found["PREFECT_SERVER_API_AUTH_STRING"] = auth
    return {name: str(value) for name, value in found.items()}


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    folder: Path, name: str, command: list[str], environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program while the context is open."""
    with (folder / f"{name}.log").open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, env=environment, cwd=folder, stdout=sink, stderr=sink
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")


def prefect(*arguments: str) -> list[str]:
    """Return a command of Prefect's."""
    return [sys.executable, "-m", "prefect", *arguments]


def to_its_end(environment: dict[str, str], *arguments: str) -> None:
    """Run a command of Prefect's to its end."""
    subprocess.run(  # noqa: S603 - our own commands
        prefect(*arguments), cwd=ROOT, env=environment, check=True, capture_output=True
    )


def until_healthy(port: int) -> None:
    """Wait for an API server."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            OPENER.open(f"http://127.0.0.1:{port}/api/health", timeout=5),
        ):
            return
        time.sleep(0.2)
    raise TimeoutError(f"no API server at port {port}")


def memory(process: subprocess.Popen[bytes]) -> float:
    """Return the resident memory of a process in MiB."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * PAGE / 2**20


def cpu(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU seconds of a process."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(port: int, path: str, body: Any, auth: str) -> Any:
    """Ask an API server; return its answer."""
    headers = {
        "Content-Type": "application/json",
        "Authorization": "Basic " + base64.b64encode(auth.encode()).decode(),
    }
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api{path}", json.dumps(body).encode(), headers)
    with OPENER.open(request, timeout=60) as answer:
        return json.load(answer)


def main() -> None:
    """Run everything, deploy the fleet once, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=60)
    parser.add_argument("--batch", type=int, default=15)
    parser.add_argument("--speed", type=float, default=60.0)
    arguments = parser.parse_args()
    missing = databases.lacking() + [name for name in ("redis-server",) if not shutil.which(name)]
    if missing:
        raise SystemExit(f"not on this machine: {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="scale-out-") as name, databases.postgresql() as database:
        measure(arguments, Path(name), database.environment[databases.SETTING])


def measure(arguments: argparse.Namespace, folder: Path, database: str) -> None:
    """Start the parts in the compose file's order, and measure a run."""
    redis, ports, auth = free_port(), (free_port(), free_port()), "arcfleet:for-this-run"
    path = folder / "fleet.yaml"
    path.write_text(fleet(arguments.sites, arguments.batch))
    base = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "ARCFLEET_"))}
    base |= {"PREFECT_HOME": str(folder / "prefect"), "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    server = {**base, **settings(database, redis, auth)}
    client = {**base, "PREFECT_API_AUTH_STRING": auth, "ARCFLEET_PROJECT": str(ROOT), "ARCFLEET_FLEET": str(path)}
    first, second = ({**client, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"} for port in ports)
    with contextlib.ExitStack() as stack:
        start = lambda *parts: stack.enter_context(running(folder, *parts))  # noqa: E731
        start("redis", ["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", ""], base)
        began = time.monotonic()
        to_its_end(server, "server", "database", "upgrade", "-y")
        migrated = time.monotonic() - began
        api = [
            start(f"api{i}", prefect("server", "start", "--port", str(port), "--no-services"),
                  server | ({} if i == 0 else {"PREFECT_API_BLOCKS_REGISTER_ON_START": "false"}))
            for i, port in enumerate(ports)
        ]  # fmt: skip
        services = start("services", prefect("server", "services", "start"), server)
        for port in ports:
            until_healthy(port)
        world = rehearsal.world_of(fleetfile.load(path))
        running_sim = stack.enter_context(rehearsal.running(world, speed=arguments.speed))
        cloud = rehearsal.environment(running_sim.addresses, folder)
        for command in (("work-pool", "create", "fleet", "--type", "process"), ("--no-prompt", "deploy", "--all")):
            to_its_end(first, *command)
        workers = [
            start(f"worker{i}", prefect("worker", "start", "--pool", "fleet", "--type", "process", "--name", f"w{i}"),
                  {**where, **cloud, "PREFECT_WORKER_QUERY_SECONDS": "2"})
            for i, where in enumerate((first, second))
        ]  # fmt: skip
        report(arguments, ports, auth, migrated, {"API server": api, "services": [services], "worker": workers})


def report(
    arguments: argparse.Namespace, ports: tuple[int, int], auth: str, migrated: float,
    parts: dict[str, list[subprocess.Popen[bytes]]],
) -> None:  # fmt: skip
    """Deploy the fleet, and print what it took. The second API server is asked about what the first was told."""
    deployment = ask(ports[0], "/deployments/filter", {"deployments": {"name": {"any_": ["deploy-fleet"]}}}, auth)[0]
    before = {name: sum(map(cpu, processes)) for name, processes in parts.items()}
    began = time.monotonic()
    body = {"state": {"type": "SCHEDULED"}}
    run = ask(ports[0], f"/deployments/{deployment['id']}/create_flow_run", body, auth)
    which = {"flow_runs": {"id": {"any_": [run["id"]]}}}
    state: dict[str, Any] = {}
    while state.get("type") not in {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}:
        time.sleep(0.5)
        if time.monotonic() - began > 500:
            raise SystemExit(f"not ended in time: {state}")
        state = ask(ports[1], "/flow_runs/filter", which, auth)[0]["state"]
    took = time.monotonic() - began
    batches = ask(ports[1], "/flow_runs/filter", {"deployments": {"name": {"any_": ["deploy-batch"]}}}, auth)
    say(f"{state['name']}: {state['message']}; {len(batches)} batches\n")
    say("| figure | value |\n|---|---|")
    say(f"| database made, empty | {migrated:.1f} s |")
    say(
        f"| {arguments.sites} sites, batches of {arguments.batch}, simulated time x{arguments.speed:g} | {took:.0f} s |"
    )
    for name, processes in parts.items():
        used = sum(map(cpu, processes)) - before[name]
        sizes = ", ".join(f"{memory(process):.0f}" for process in processes)
        say(f"| {name}: memory each; CPU of all during the run | {sizes} MiB; {used:.1f} s |")


if __name__ == "__main__":
    main()
