"""What a cluster has before anybody touches it: namespaces, nodes, storage classes, the service `kubernetes`.

Shapes from the captured lists (servicecidr) and, for nodes, from the API reference: the fields that the
clients' models require and those that a fleet tool reads.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from simulator.kube import roles
from simulator.kube.resources import BY_NAME
from simulator.kube.services import FINALIZER, ready
from simulator.kube.store import Object
from simulator.kube.version import Version
from simulator.kube.volumes import DEFAULT_CLASS
from simulator.kube.writes import Options, Writes

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node as a world names it."""

    name: str
    os: str = "linux"
    arch: str = "amd64"
    taints: tuple[Object, ...] = ()


def prepare(
    writes: Writes,
    version: Version,
    *,
    ranges: Sequence[str],
    nodes: Sequence[NodeSpec],
    classes: Sequence[str],
    namespaces: Sequence[str],
    users: Iterable[roles.UserSpec],
    now: str,
) -> None:
    """Fill an empty store; the first storage class is the default one."""
    for resource, obj in [*roles.bootstrap(), *(pair for user in users for pair in roles.of_user(user))]:
        _add(writes, resource, obj)
    for name in dict.fromkeys([*SYSTEM_NAMESPACES, *namespaces]):
        _add(writes, "namespaces", {"metadata": {"name": name}})
    if version.minor >= BY_NAME["servicecidrs"].since:
        for index, cidr in enumerate(ranges):
            _add(writes, "servicecidrs", _range(f"extra-{index}" if index else "kubernetes", cidr, now))
    for index, name in enumerate(classes):
        _add(writes, "storageclasses", _storage_class(name, default=index == 0))
    for index, spec in enumerate(nodes):
        _add(writes, "nodes", _node(spec, index, version.text, now))
    service = _kubernetes(ranges[0])
    writes.create(BY_NAME["services"], "default", service, Options("kube-apiserver"))


def _add(writes: Writes, resource: str, obj: Object) -> None:
    table = BY_NAME[resource]
    writes.adopt(table, {"kind": table.kind, "apiVersion": table.api_version} | obj)


def _range(name: str, cidr: str, now: str) -> Object:
    return {
        "metadata": {"name": name, "finalizers": [FINALIZER]},
        "spec": {"cidrs": [cidr]},
        "status": ready(now),
    }


def _storage_class(name: str, *, default: bool) -> Object:
    metadata: Object = {"name": name}
    if default:
        metadata["annotations"] = {DEFAULT_CLASS: "true"}
    return {"metadata": metadata, "provisioner": f"{name}.provisioner.example"}


def _kubernetes(cidr: str) -> Object:
    first, _, _ = cidr.partition("/")
    head, _, last = first.rpartition(".")
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {
            "clusterIP": f"{head}.{int(last) + 1}",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    }


def _node(spec: NodeSpec, index: int, version: str, now: str) -> Object:
    labels = {"kubernetes.io/hostname": spec.name, "kubernetes.io/os": spec.os, "kubernetes.io/arch": spec.arch}
    labels |= {f"beta.{name}": value for name, value in labels.items() if name != "kubernetes.io/hostname"}
    resources = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    return {
        "metadata": {"name": spec.name, "labels": labels},
        "spec": {"taints": list(spec.taints)} if spec.taints else {},
        "status": {
            "capacity": resources,
            "allocatable": dict(resources),
            "conditions": list(_conditions(now)),
            "addresses": [
                {"type": "InternalIP", "address": f"172.31.{index // 240}.{10 + index % 240}"},
                {"type": "Hostname", "address": spec.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": _node_info(spec, version),
        },
    }


def _conditions(now: str) -> Iterator[Object]:
    times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    for kind, reason, message in (
        ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ):
        yield {"type": kind, "status": "False", **times, "reason": reason, "message": message}
    ready = {"reason": "KubeletReady", "message": "kubelet is posting ready status"}
    yield {"type": "Ready", "status": "True", **times, **ready}


def _node_info(spec: NodeSpec, version: str) -> Object:
    names = ("machineID", "systemUUID", "bootID")
    return dict.fromkeys(names, "") | {
        "kernelVersion": "6.8.0",
        "osImage": "Linux" if spec.os == "linux" else "Windows Server",
        "containerRuntimeVersion": "containerd://2.1.4",
        "kubeletVersion": f"v{version}",
        "kubeProxyVersion": "",
        "operatingSystem": spec.os,
        "architecture": spec.arch,
    }
