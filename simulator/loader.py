"""Reads a world from JSON and refuses an impossible one, with all its errors listed."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from simulator.schedule import parse_duration, valid_cron
from simulator.world import Timings

KEYS = {
    "": """time tenant subscription providers timings limits versions pageSize principals resourceGroups registries
        clusters eventSubscriptions""",
    "eventSubscriptions": "name registry url schema actions scope headers",
    "principals": "clientId objectId token roles",
    "roles": "name scope actions notActions dataActions notDataActions",
    "resourceGroups": "name subscription location tags",
    "registries": """name resourceGroup subscription location sku dataEndpointEnabled tags images scopeMaps
        tokens connectedRegistries""",
    "images": "repository tag digest behaviour pushed",
    "scopeMaps": "name actions description",
    "tokens": "name scopeMap status passwords",
    "connectedRegistries": """name mode parent repositories schedule syncWindow messageTtl clientTokens
        logLevel authType identity""",
    "clusters": """name resourceGroup subscription location connectivity lastHeartbeat tags kubernetes
        extension""",
    "kubernetes": "version serviceCIDRs nodes storageClasses namespaces reachable services user",
    "nodes": "name os arch taints",
    "user": "name groups role namespaces rules",
    "services": "namespace name clusterIP",
    "extension": "name connectedRegistry clusterIP version settings",
}
CHOICES = {
    "sku": ("Basic", "Standard", "Premium"),
    "mode": ("ReadOnly", "ReadWrite"),
    "behaviour": ("run", "exit0", "crash"),
    "status": ("enabled", "disabled"),
    "connectivity": ("Connected", "Offline", "Expired", "Connecting"),
    "logLevel": ("Debug", "Information", "Warning", "Error", "None"),
    "authType": ("SyncToken", "ManagedIdentity"),
}
# Limits of MicrosoftDocs, intro-connected-registry.md.
MAX_CONNECTED = 50
MAX_CLIENTS = 50


class WorldError(ValueError):
    """An impossible world; `errors` names every problem with its place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


def check(world: Any) -> None:
    """Raise WorldError unless `world` is a possible one."""
    if not isinstance(world, dict):
        raise WorldError(["the world must be a JSON object"])
    checker = _Checker()
    checker.shape(world)
    if not checker.errors:
        checker.meaning(world)
    if checker.errors:
        raise WorldError(checker.errors)


def moment(text: str) -> datetime:
    """Read an ISO 8601 moment; without an offset it is UTC."""
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def camel(name: str) -> str:
    """Return a field's name as JSON spells it: `agent_poll` is `agentPoll`."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _version(text: str) -> str:
    if not re.fullmatch(r"1\.\d+\.\d+", text):
        raise ValueError(f"{text!r} is no version of Kubernetes")
    return text


class _Checker:
    """Collects every error of a world."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def shape(self, world: Mapping[str, Any]) -> None:
        """Check keys, choices and forms."""
        self._keys(world, "", "world")
        self._known("timings", world.get("timings", {}), map(camel, Timings.__dataclass_fields__))
        self._known("limits", world.get("limits", {}), ("armReads", "armWrites", "armDeletes"))
        self._numbers("timings", world.get("timings", {}))
        for name, limit in world.get("limits", {}).items():
            if limit is not None:
                self._known(f"limits.{name}", limit, ("bucket", "refill"))
                self._numbers(f"limits.{name}", {"bucket": None, "refill": None} | limit)
        if "time" in world:
            self._try(moment, world["time"], "world.time")
        list(self._items(world, "resourceGroups", "world"))
        self._principals(world)
        list(self._items(world, "eventSubscriptions", "world"))
        for path, registry in self._items(world, "registries", "world"):
            for kind in ("scopeMaps", "tokens", "connectedRegistries"):
                for place, item in self._items(registry, kind, path):
                    self._choices(item, place)
            for place, item in self._items(registry, "images", path, name="repository"):
                self._choices(item, place)
            self._choices(registry, path)
        for path, cluster in self._items(world, "clusters", "world"):
            self._choices(cluster, path)
            self._cluster(cluster, path)

    def meaning(self, world: Mapping[str, Any]) -> None:
        """Check what refers to what; needs a world of the right shape."""
        registries, clusters = world.get("registries", []), world.get("clusters", [])
        self._unique("world.registries", (r["name"] for r in registries))
        self._unique("world.clusters", (c["name"] for c in clusters))
        self._unique("world.principals", (p["clientId"] for p in world.get("principals", [])))
        names: dict[str, Mapping[str, Any]] = {}
        for registry in registries:
            self._registry(registry, f"registry {registry['name']}", names)
        used: list[str] = []
        for cluster in clusters:
            self._deployed(cluster, names, used)
        self._unique("deployed connected registries", used)

    def _principals(self, world: Mapping[str, Any]) -> None:
        if world.get("pageSize", 1) not in range(1, 1001):
            self.errors.append("world.pageSize: 1 to 1000 items")
        for path, principal in self._items(world, "principals", "world", name="clientId"):
            for place, role in self._items(principal, "roles", path, name="scope"):
                for key in set(role) - {"name", "scope"}:
                    if not isinstance(role[key], list) or not all(isinstance(a, str) for a in role[key]):
                        self.errors.append(f"{place}.{key}: must be a list of texts")

    def _cluster(self, cluster: Mapping[str, Any], path: str) -> None:
        kubernetes = cluster.get("kubernetes", {})
        self._keys(kubernetes, "kubernetes", f"{path}.kubernetes")
        for kind in ("nodes", "services"):
            list(self._items(kubernetes, kind, f"{path}.kubernetes"))
        self._keys(kubernetes.get("user") or {}, "user", f"{path}.kubernetes.user")
        self._try(_version, kubernetes.get("version", "1.36.2"), f"{path}.kubernetes.version")
        for cidr in kubernetes.get("serviceCIDRs", []):
            self._try(ipaddress.ip_network, cidr, f"{path}.kubernetes.serviceCIDRs")
        if cluster.get("extension"):
            self._keys(cluster["extension"], "extension", f"{path}.extension")
            for key in ("connectedRegistry", "clusterIP"):
                if key not in cluster["extension"]:
                    self.errors.append(f"{path}.extension: {key} is missing")

    def _registry(self, registry: Mapping[str, Any], path: str, names: dict[str, Mapping[str, Any]]) -> None:
        for kind in ("scopeMaps", "tokens", "connectedRegistries"):
            self._unique(f"{path} {kind}", (item["name"] for item in registry.get(kind, [])))
        maps = {m["name"].lower() for m in registry.get("scopeMaps", [])}
        for token in registry.get("tokens", []):
            if token.get("scopeMap", token["name"]).lower() not in maps:
                self.errors.append(f"{path}: token {token['name']} has no scope map")
        connected = {c["name"].lower(): c for c in registry.get("connectedRegistries", [])}
        if connected and registry.get("sku", "Premium") != "Premium":
            self.errors.append(f"{path}: connected registries need the Premium SKU")
        if len(connected) > MAX_CONNECTED:
            self.errors.append(f"{path}: {len(connected)} connected registries, {MAX_CONNECTED} are allowed")
        for name, item in connected.items():
            if name in names:
                self.errors.append(f"{path}: connected registry {item['name']} exists twice")
            names[name] = item
            self._connected(item, f"{path}, connected registry {item['name']}", connected)

    def _connected(self, item: Mapping[str, Any], path: str, connected: Mapping[str, Mapping[str, Any]]) -> None:
        if not valid_cron(item.get("schedule", "* * * * *")):
            self.errors.append(f"{path}: {item['schedule']!r} is no cron schedule")
        for key in ("syncWindow", "messageTtl"):
            if item.get(key) is not None:
                self._try(parse_duration, item[key], f"{path}.{key}")
        if len(item.get("clientTokens", [])) > MAX_CLIENTS:
            self.errors.append(f"{path}: more than {MAX_CLIENTS} client tokens")
        seen, above = {item["name"].lower()}, item.get("parent")
        while above is not None:
            parent = connected.get(above.lower())
            if parent is None or above.lower() in seen:
                trouble = "is a cycle" if parent else "does not exist"
                self.errors.append(f"{path}: parent {above} {trouble}")
                return
            if parent.get("mode", "ReadOnly") == "ReadOnly" and item.get("mode", "ReadOnly") != "ReadOnly":
                self.errors.append(f"{path}: a ReadOnly parent has only ReadOnly children")
            if parent.get("authType") == "ManagedIdentity":
                self.errors.append(f"{path}: a parent with a managed identity has no children")
            seen.add(above.lower())
            above = parent.get("parent")

    def _deployed(self, cluster: Mapping[str, Any], names: Mapping[str, Mapping[str, Any]], used: list[str]) -> None:
        extension = cluster.get("extension")
        if not extension:
            return
        used.append(extension["connectedRegistry"])
        path = f"cluster {cluster['name']}, extension"
        if extension["connectedRegistry"].lower() not in names:
            self.errors.append(f"{path}: connected registry {extension['connectedRegistry']} does not exist")
        address = self._try(ipaddress.ip_address, extension["clusterIP"], path)
        cidrs = cluster.get("kubernetes", {}).get("serviceCIDRs", ["10.96.0.0/16"])
        networks = [ipaddress.ip_network(c) for c in cidrs]
        if address is None:
            return
        if not any(address in network for network in networks):
            self.errors.append(f"{path}: clusterIP {address} is in no service CIDR")
        # The first address of the first range is the service kubernetes'; a range's ends are nobody's.
        elif address == networks[0][1] or any(address in (n[0], n[-1]) for n in networks):
            self.errors.append(f"{path}: clusterIP {address} is taken by the cluster itself")

    def _items(
        self, parent: Mapping[str, Any], kind: str, path: str, name: str = "name"
    ) -> Iterable[tuple[str, Mapping[str, Any]]]:
        items = parent.get(kind) or []
        if not isinstance(items, list):
            self.errors.append(f"{path}.{kind} must be a list")
            return
        for index, item in enumerate(items):
            place = f"{path}.{kind}[{index}]"
            if not isinstance(item, dict):
                self.errors.append(f"{place} must be an object")
                continue
            self._keys(item, kind, place)
            if not isinstance(item.get(name), str) or not item[name]:
                self.errors.append(f"{place}: {name} is missing")
            else:
                yield place, item

    def _keys(self, item: Mapping[str, Any], kind: str, path: str) -> None:
        self._known(path, item, KEYS[kind].split())

    def _known(self, path: str, item: Mapping[str, Any], known: Iterable[str]) -> None:
        allowed = set(known)
        self.errors += [f"{path}: unknown key {key!r}" for key in item if key not in allowed]

    def _numbers(self, path: str, item: Mapping[str, Any]) -> None:
        for key, value in item.items():
            if not isinstance(value, int | float) or value < 0:
                self.errors.append(f"{path}.{key}: {value!r} is no number of 0 or more")

    def _choices(self, item: Mapping[str, Any], path: str) -> None:
        for key, choices in CHOICES.items():
            if item.get(key) is not None and item[key] not in choices:
                self.errors.append(f"{path}.{key}: {item[key]!r} is none of {', '.join(choices)}")
        for key in ("pushed", "lastHeartbeat"):
            if item.get(key) is not None:
                self._try(moment, item[key], f"{path}.{key}")

    def _unique(self, path: str, names: Iterable[str]) -> None:
        seen: set[str] = set()
        for name in names:
            if name.lower() in seen:
                self.errors.append(f"{path}: {name} exists twice")
            seen.add(name.lower())

    def _try(self, read: Any, text: str, path: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            self.errors.append(f"{path}: {error}")
            return None
