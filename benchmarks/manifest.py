"""How long it takes to load a fleet, or to refuse a hostile one, and how much memory: one fresh process per case.

    python benchmarks/manifest.py

Times are those of `fleetfile.load` alone, memory is the process's peak (Linux only). Nothing is sent anywhere.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from arcfleet import fleetfile
from arcfleet.errors import ManifestError

PER_REGISTRY = 50
HEAD = "apiVersion: fleet/v1\nmetadata: {name: x}\nregistries:\n"
REGISTRY = "  - {{name: acrplants{0:03}, resourceGroup: rg-acr, subscription: s1}}\n"
SITE = """\
  - name: plant-{0:05}
    labels: {{ring: plants, region: eu-{1}, line: "{0}", country: de, shift: late}}
    registry: acrplants{2:03}
    connectedRegistry: plant{0:05}
    cluster: {{name: k-plant-{0}, resourceGroup: rg-arc-{1}}}
    clusterIP: 10.96.0.50
    kube: {{context: k-plant-{0}}}
    workloads:
      - {{name: web, namespace: shop, image: "app/web:stable"}}
      - {{name: api, namespace: shop, image: "app/api:1.2.3", replicas: 2, timeout: 15m}}
"""
BARE = "".join(line + "\n" for line in SITE.format(0, 0, 0).splitlines()[:7] if "labels" not in line)
GROUPS = "groups:\n" + "".join(
    f"  - {{match: {{labels: {{region: eu-{i}}}}}, set: {{timeouts: {{online: 1{i}m}}}}}}\n" for i in range(9)
)
DEFAULTS = "defaults: {extension: {autoUpgrade: true, settings: {pvc.storageRequest: 250Gi}}}\n"
ONE = HEAD + REGISTRY.format(0)


def fleet(count: int) -> str:
    """Return a fleet of that many sites, with labels, groups, a way to Kubernetes and two workloads each."""
    registries = "".join(REGISTRY.format(i) for i in range(-(-count // PER_REGISTRY)))
    sites = "".join(SITE.format(i, i % 9, i // PER_REGISTRY) for i in range(count))
    return f"{HEAD}{registries}{DEFAULTS}{GROUPS}sites:\n{sites}"


def keys(count: int) -> str:
    """Return a flow map of that many keys."""
    return "{" + ", ".join(f"key{i}: x" for i in range(count)) + "}"


def site_of(line: str) -> str:
    """Return a fleet of one site with a line more."""
    return f"{ONE}sites:\n{BARE}    {line}\n"


SMALL = "  - {{name: s{0}, registry: acrplants000, connectedRegistry: plant{0}, clusterIP: 10.0.0.1, oops: 1}}\n"
CASES: dict[str, Callable[[], str]] = {
    "500 sites": lambda: fleet(500),
    "2,000 sites": lambda: fleet(2000),
    "3,500 sites": lambda: fleet(3500),
    "alias bomb": lambda: "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)),
    "duplicate key after 4 MB": lambda: f"a: {'x' * 4_000_000}\na: 1\n",
    "nesting, lists": lambda: "[" * 4_900_000,
    "nesting, maps": lambda: "{a: " * 1_200_000,
    "nesting, dashes": lambda: "- " * 2_400_000,
    "100 MB": lambda: "a" * 100_000_000,
    "NUL after 4 MB": lambda: "a" * 4_000_000 + "\0",
    "one text of 5 MB": lambda: site_of(f"labels: {{a: {'x' * 4_900_000}}}"),
    "one name of 5 MB": lambda: site_of(f"parent: {'x' * 4_900_000}"),
    "one number of 5 MB": lambda: site_of(f"labels: {{a: {'1' * 4_900_000}}}"),
    "one time of 5 MB": lambda: site_of(f"timeouts: {{sync: {'1m' * 2_400_000}}}"),
    "one image of 5 MB": lambda: site_of(f"workloads: [{{name: a, image: {'a-' * 2_400_000}}}]"),
    "one cron of 5 MB": lambda: site_of(f"connectedRegistrySettings: {{schedule: '{'1 ' * 2_400_000}'}}"),
    "one address of 5 MB": lambda: site_of(f"parent: '{'1.' * 2_400_000}'"),
    "letters of a secret, 5 MB": lambda: site_of(f"labels: {{a: '{'+ACR' * 1_200_000}'}}"),
    "2 MB of unknown keys": lambda: f"{ONE}{''.join(f'key{i}: x{chr(10)}' for i in range(160_000))}",
    "sites with unknown keys, 3 MB": lambda: (
        f"{ONE}sites:\n" + "".join(f"  - {{name: s{i}, {keys(900)[1:]}\n" for i in range(100))
    ),
    "100,000 sites": lambda: f"{ONE}sites:\n" + "".join(SMALL.format(i) for i in range(100_000))[:4_900_000],
    "100,000 empty sites": lambda: f"{ONE}sites:\n" + "  - {}\n" * 100_000,
    "one site, 100,000 labels": lambda: site_of(f"labels: {keys(100_000)}"),
    "defaults of 900 unknown keys, 3,000 sites": lambda: (
        f"{ONE}defaults: {keys(900)}\nsites:\n" + "  - {name: a}\n" * 3000
    ),
    "defaults of 900 labels, 3,000 sites": lambda: (
        f"{ONE}defaults: {{labels: {keys(900)}}}\nsites:\n" + "  - {name: a}\n" * 3000
    ),
    "5,000 groups, 5,000 sites": lambda: (
        ONE
        + "groups:\n"
        + "  - {match: {labels: {a: b}}, set: {ensure: true}}\n" * 5000
        + "sites:\n"
        + "  - {name: a}\n" * 5000
    ),
    "90 groups of 90 keys, 3,000 sites": lambda: (
        ONE
        + "groups:\n"
        + f"  - {{match: {{labels: {{}}}}, set: {{labels: {keys(90)}}}}}\n" * 90
        + "sites:\n"
        + "  - {name: a}\n" * 3000
    ),
    "1,000,000 documents": lambda: "---\n" * 1_000_000,
    "1,000,000 list items": lambda: "- a\n" * 1_000_000,
    "merge keys": lambda: "a: {" + "<<: {b: 1}, " * 300_000 + "}",
    "a circle of 2,000 parents": lambda: fleet(2000).replace("    labels", "    parent: plant-00000\n    labels"),
}


def measure(path: str, channel: Connection) -> None:
    """Load a fleet and send what came of it."""
    before = peak()
    began, cpu = time.perf_counter(), time.process_time()
    answer = "loaded"
    try:
        fleetfile.load(path)
    except ManifestError as error:
        answer = f"{error.problems[0][:70]} ({len(error.problems) + error.more})"
    took = time.perf_counter() - began, time.process_time() - cpu
    channel.send((*took, before, peak(), answer))


def peak() -> float:
    """Return this process's peak memory in MiB, as Linux counts it from the program's start."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def rows(names: list[str]) -> Iterator[tuple[str, float, float, float, float, str]]:
    """Measure cases, each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "fleet.yaml"
            path.write_text(CASES[name](), encoding="utf-8")
            here, there = context.Pipe()
            process = context.Process(target=measure, args=(str(path), there))
            process.start()
            there.close()
            yield (name, *here.recv())
            process.join()


def main() -> int:
    """Print the table; cases may be named by a part of their name."""
    names = [name for name in CASES if not sys.argv[1:] or any(part in name for part in sys.argv[1:])]
    print(f"{'case':<42} {'wall s':>7} {'CPU s':>7} {'MiB before':>10} {'MiB peak':>9}  answer")  # noqa: T201
    with contextlib.suppress(KeyboardInterrupt):
        for name, wall, cpu, before, peak, answer in rows(names):
            print(f"{name:<42} {wall:7.2f} {cpu:7.2f} {before:10.0f} {peak:9.0f}  {answer}", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
