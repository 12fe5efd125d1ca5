"""What a rollout of many sites costs: one process that deploys them in waves, then finds nothing to do.

Starts the simulator in a process of its own, deploys a fleet in a canary and a large wave with `arcfleet deploy`,
twice, and prints one Markdown table. CPU and memory are those of the command's process and, apart, of its Prefect
server and the simulator. Linux only (/proc).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from arcfleet import fleetfile
from arcfleet.app import rehearsal

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
PER_REGISTRY = 50


def fleet(count: int, width: int) -> str:
    """Return a fleet file of `count` sites, ten of them canaries, `width` at once in the large wave."""
    registries = [
        {"name": f"acrload{n}", "resourceGroup": "rg-acr", "subscription": SUBSCRIPTION}
        for n in range(-(-count // PER_REGISTRY))
    ]
    sites = [
        {
            "name": f"s{i}",
            "labels": {"ring": "canary" if i < 10 else "prod"},
            "registry": f"acrload{i // PER_REGISTRY}",
            "connectedRegistry": f"plant{i}",
            "cluster": {"name": f"k-s{i}", "resourceGroup": "rg-arc"},
            "clusterIP": "10.96.0.50",
            "kube": {"context": f"k-s{i}"},
        }
        for i in range(count)
    ]
    waves = [
        {"name": "canary", "match": {"labels": {"ring": "canary"}}, "maxConcurrency": 10, "maxFailures": 9},
        {"name": "prod", "rest": True, "maxConcurrency": width, "maxFailures": "50%"},
    ]
    defaults = {"workloads": [{"name": "web", "image": "app/web:stable"}], "timeouts": {"site": "3d"}}
    value = {
        "apiVersion": "fleet/v1", "metadata": {"name": "load"}, "registries": registries, "defaults": defaults,
        "sites": sites, "rollout": {"waves": waves},
    }  # fmt: skip
    return yaml.safe_dump(value)


class Usage:
    """CPU seconds and the largest memory of processes, looked at while they live."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = {}
        self.memory: dict[str, float] = {}
        self._ended = threading.Event()

    def watch(self, command: int, simulator: int) -> None:
        """Look every half second until `stop`: at the command, at its other processes, at the simulator."""
        while not self._ended.wait(0.5):
            for who, pids in (("command", [command]), ("server", children(command)), ("simulator", [simulator])):
                for pid in pids:
                    self._look(who, pid)

    def stop(self) -> None:
        """End the watching."""
        self._ended.set()

    def _look(self, who: str, pid: int) -> None:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            return  # It has just ended.
        seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        self.cpu[who] = max(self.cpu.get(who, 0.0), seconds)
        self.memory[who] = max(self.memory.get(who, 0.0), pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def deploy(path: Path, environment: dict[str, str], simulator: int) -> tuple[dict[str, Any], float, Usage]:
    """Deploy the fleet; return its report, the real seconds and what the processes used."""
    command = [sys.executable, "-m", "arcfleet.app.cli", "deploy", str(path), "--json"]
    start, usage = time.perf_counter(), Usage()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)  # noqa: S603
    watching = threading.Thread(target=usage.watch, args=(process.pid, simulator))
    watching.start()
    out, _ = process.communicate()
    usage.stop()
    watching.join()
    return json.loads(out), time.perf_counter() - start, usage


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=1000)
    parser.add_argument("--width", type=int, default=200, help="how many sites at once")
    parser.add_argument("--speed", type=float, default=10.0, help="seconds of the world per real second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.yaml"
        path.write_text(fleet(options.sites, options.width))
        world = rehearsal.world_of(fleetfile.load(path))
        with rehearsal.running(world, port=0, speed=options.speed, tls=False) as running:
            here = rehearsal.environment(running.addresses, Path(folder)) | {"ARCFLEET_HOME": folder}
            environment = {**os.environ, **here}
            lines = [table(name, *deploy(path, environment, running.process.pid)) for name in ("fresh", "again")]
    head = "| run | ended | real time | CPU, memory: command | server | simulator |\n|---|---|---|---|---|---|"
    sys.stdout.write("\n".join([head, *lines, ""]))


def table(name: str, report: dict[str, Any], seconds: float, usage: Usage) -> str:
    """Return the line of one run."""
    counts = Counter({status: count for status, count in report["counts"].items() if count})
    ended = ", ".join(f"{count} {status}" for status, count in counts.items())
    used = [
        f"{usage.cpu.get(who, 0):.0f} s, {usage.memory.get(who, 0):.0f} MiB"
        for who in ("command", "server", "simulator")
    ]
    return f"| {name} | {ended} | {seconds:.0f} s | {' | '.join(used)} |"


if __name__ == "__main__":
    main()
