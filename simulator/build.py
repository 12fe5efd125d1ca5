"""Turns the JSON of a world, once checked, into the state that it describes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.agents import Agents
from simulator.clock import Clock
from simulator.cloud import (
    MANAGED,
    ConnectedRegistry,
    Group,
    Push,
    Registry,
    ScopeMap,
    Stamps,
    Token,
    derived_digest,
    gateway_actions,
    sync_actions,
)
from simulator.credentials import SLOTS, ConnectionString
from simulator.kube import ADMIN, Cluster, KubeError, NodeSpec, PullAnswer, PullRequest, UserSpec
from simulator.latent import LatentCluster
from simulator.loader import WorldError, camel, check, moment
from simulator.podlogs import PodLogs
from simulator.roles import object_id, roles_of
from simulator.schedule import EACH_MINUTE, SyncSchedule
from simulator.sources import pull
from simulator.world import PAGE, ConnectedCluster, Extension, Timings, World

TENANT = "00000000-0000-0000-0000-00000000feed"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "rg-acr"
LOCATION = "westeurope"
AGE = timedelta(days=1)
# The clusters' own controllers have run for so long when the world starts: its pods are up.
SETTLING = timedelta(minutes=5)
PROVIDERS = ("Microsoft.KubernetesConfiguration", "Microsoft.Kubernetes", "Microsoft.ContainerRegistry")
# Versions of the extension that exist; the last is what an automatic upgrade installs.
VERSIONS = ["0.11.0", "1.0.0", "1.1.0", "1.2.0", "1.2.3"]

Json = Mapping[str, Any]


class Builder:
    """Builds one world.

    Args:
        data: The JSON, checked by `loader.check`.
        clock: Is set to the world's time.
        kube_tokens: The token of the user in each cluster's kubeconfig, by the cluster's name.
    """

    def __init__(self, data: Json, clock: Clock, kube_tokens: Mapping[str, str]) -> None:
        start = moment(data["time"]) if "time" in data else datetime.now(UTC)
        clock.reset(start - SETTLING)
        given = data.get("timings", {})
        fields = {f: given[camel(f)] for f in Timings.__dataclass_fields__ if camel(f) in given}
        providers = dict.fromkeys(PROVIDERS, "Registered") | dict(data.get("providers", {}))
        self._data = data
        self._tokens = kube_tokens
        self.world = World(
            clock,
            data.get("tenant", TENANT),
            data.get("subscription", SUBSCRIPTION),
            Timings(**fields),
            limits={k: (v["bucket"], v["refill"]) for k, v in data.get("limits", {}).items() if v},
            providers={name.lower(): state for name, state in providers.items()},
            versions=list(data.get("versions", VERSIONS)),
            roles=roles_of(data),
            page_size=data.get("pageSize", PAGE),
        )
        self.world.subscriptions.add(self.world.subscription.lower())
        self.agents = Agents(self.world)

    def build(self) -> World:
        """Return the world, with its deployed sites running."""
        for item in self._data.get("resourceGroups", []):
            self.world.add_group(self._group(item))
        for item in self._data.get("registries", []):
            self.world.add_registry(self._registry(item))
        for item in self._data.get("clusters", []):
            self.world.add_cluster(self._cluster(item))
        deployed = [c for c in self._data.get("clusters", []) if c.get("extension")]
        # A parent must run before its children, and a parent's site may be listed after them.
        for item in sorted(deployed, key=lambda c: self._depth(c["extension"]["connectedRegistry"])):
            self._deploy(self.world.clusters_by_name[item["name"].lower()], item["extension"])
        for item in self._data.get("clusters", []):
            if item.get("kubernetes", {}).get("services") or (item.get("extension") or {}).get("settings"):
                # What a cluster may refuse must be noticed now.
                self.world.clusters_by_name[item["name"].lower()].latent.get()
        self.world.clock.step(SETTLING.total_seconds())
        return self.world

    def _born(self) -> datetime:
        """Return when everything in the world came to be: before it starts, so that nothing looks new."""
        return self.world.now() - AGE

    def _stamps(self) -> Stamps:
        return Stamps(self._born(), self._born())

    def _group(self, item: Json) -> Group:
        subscription = item.get("subscription", self.world.subscription)
        return Group(item["name"], subscription, item.get("location", LOCATION), dict(item.get("tags", {})))

    def _registry(self, item: Json) -> Registry:
        registry = Registry(
            item["name"],
            item.get("subscription", self.world.subscription),
            item.get("resourceGroup", GROUP),
            item.get("location", LOCATION),
            self._stamps(),
            sku=item.get("sku", "Premium"),
            data_endpoint=item.get("dataEndpointEnabled", True),
            tags=dict(item.get("tags", {})),
        )
        for image in item.get("images", []):
            push_image(registry, image, self._born())
        for scope_map in item.get("scopeMaps", []):
            self._scope_map(registry, scope_map["name"], list(scope_map.get("actions", [])))
        for token in item.get("tokens", []):
            self._token(registry, token)
        for connected in item.get("connectedRegistries", []):
            self._connected(registry, connected)
        for child in registry.connected.values():
            if child.auth_type != MANAGED:
                self._admit(registry, child)
        return registry

    def _admit(self, registry: Registry, child: ConnectedRegistry) -> None:
        """Let its sync token, and those above a nested registry, pass messages on, as az does when it creates one."""
        above: str | None = child.name
        while above is not None:
            parent = registry.connected[above.lower()]
            scope_map = registry.scope_of(registry.tokens[parent.token.lower()])
            if scope_map is not None:
                scope_map.actions += [a for a in gateway_actions(child.name) if a not in scope_map.actions]
            above = parent.parent

    def _scope_map(self, registry: Registry, name: str, actions: list[str]) -> None:
        if name.lower() not in registry.scope_maps:
            registry.scope_maps[name.lower()] = ScopeMap(name, actions, self._stamps())

    def _token(self, registry: Registry, item: Json) -> None:
        if item["name"].lower() in registry.tokens:
            return
        token = Token(item["name"], item.get("scopeMap", item["name"]), self._stamps())
        token.enabled = item.get("status", "enabled") == "enabled"
        for slot in item.get("passwords", []):
            token.generate(slot, self._born(), 0)
        registry.tokens[token.name.lower()] = token

    def _connected(self, registry: Registry, item: Json) -> None:
        name, mode = item["name"], item.get("mode", "ReadOnly")
        repositories, managed = item.get("repositories", []), item.get("authType") == MANAGED
        if not managed:
            self._scope_map(registry, name, sync_actions(name, mode, repositories))
            self._token(registry, {"name": name})
        for client in item.get("clientTokens", []):
            actions = [f"repositories/{r}/{p}" for r in repositories for p in ("content/read", "metadata/read")]
            if client.lower() not in registry.tokens:
                self._scope_map(registry, client, actions)
                self._token(registry, {"name": client})
        registry.connected[name.lower()] = ConnectedRegistry(
            name,
            "" if managed else name,
            SyncSchedule(item.get("schedule", EACH_MINUTE), item.get("syncWindow")),
            self._stamps(),
            mode=mode,
            parent=item.get("parent"),
            message_ttl=item.get("messageTtl", "P2D"),
            client_tokens=list(item.get("clientTokens", [])),
            log_level=item.get("logLevel", "Information"),
            auth_type=item.get("authType"),
            identity=item.get("identity"),
        )

    def _cluster(self, item: Json) -> ConnectedCluster:
        kubernetes = item.get("kubernetes", {})
        nodes = tuple(_node(node) for node in kubernetes.get("nodes", [{"name": "node-1"}]))
        version = kubernetes.get("version", "1.36.2")
        connectivity = item.get("connectivity", "Connected")
        beat = moment(item["lastHeartbeat"]) if "lastHeartbeat" in item else self.world.now()
        return ConnectedCluster(
            item["name"],
            item.get("subscription", self.world.subscription),
            item.get("resourceGroup", "rg-arc"),
            item.get("location", LOCATION),
            self._stamps(),
            self._latent(item, version, nodes),
            version,
            nodes,
            connectivity=connectivity,
            since=beat,
            heartbeat=None if connectivity == "Connecting" else beat,
            tags=dict(item.get("tags", {})),
        )

    def _latent(self, item: Json, version: str, nodes: tuple[NodeSpec, ...]) -> LatentCluster:
        kubernetes, name = item.get("kubernetes", {}), item["name"].lower()
        timings = self.world.timings

        def pulled(request: PullRequest) -> PullAnswer:
            return pull(self.world, self.world.clusters_by_name[name], request)

        # Made here, so that a mistake in the world is told when it is loaded.
        tokens = {self._tokens[name]: _user(kubernetes.get("user"))} if name in self._tokens else None

        def make(clock: Clock) -> Cluster:
            kube = Cluster(
                name,
                clock,
                pulled,
                version=version,
                service_cidrs=tuple(kubernetes.get("serviceCIDRs", ["10.96.0.0/16"])),
                nodes=nodes,
                storage_classes=tuple(kubernetes.get("storageClasses", ["standard"])),
                namespaces=tuple(kubernetes.get("namespaces", ["default"])),
                tokens=tokens,
                image_pull=timings.image_pull,
                container_start=timings.container_start,
            )
            kube.logs = PodLogs(self.world, self.world.clusters_by_name[name])
            for service in kubernetes.get("services", []):
                kube.create("services", _service(service))
            return kube

        latent = LatentCluster(self.world.clock, self.world.now(), make)
        latent.reachable = kubernetes.get("reachable", True)
        return latent

    def _deploy(self, cluster: ConnectedCluster, item: Json) -> None:
        name = item["connectedRegistry"]
        registry = next(r for r in self.world.registries.values() if name.lower() in r.connected)
        connected = registry.connected[name.lower()]
        text = self._connection(registry, connected)
        extension = Extension(item.get("name", name), self._stamps())
        extension.settings = {"service.clusterIP": item["clusterIP"], **item.get("settings", {})}
        extension.protected = {"connectionString": text.render()}
        extension.scope = {"cluster": {"releaseNamespace": "connected-registry"}}
        if "version" in item:
            extension.version, extension.auto_upgrade = item["version"], False
        cluster.extensions[extension.name.lower()] = extension
        self.agents.deploy(cluster, extension, self._depth(name))

    def _connection(self, registry: Registry, connected: ConnectedRegistry) -> ConnectionString:
        gateway = registry.gateway(connected) or ""
        if connected.auth_type == MANAGED:
            identity = connected.client_id or object_id(connected.name)
            return ConnectionString(connected.name, "", "", gateway, "https", identity)
        token = registry.tokens[connected.token.lower()]
        password = token.passwords.get(SLOTS[0]) or token.generate(SLOTS[0], self._born(), 0)
        return ConnectionString(connected.name, token.name, password.value, gateway, "https")

    def _depth(self, name: str) -> int:
        for registry in self.world.registries.values():
            connected = registry.connected.get(name.lower())
            if connected is not None:
                return 0 if connected.parent is None else 1 + self._depth(connected.parent)
        return 0


def _node(item: Json) -> NodeSpec:
    return NodeSpec(item["name"], item.get("os", "linux"), item.get("arch", "amd64"), tuple(item.get("taints", ())))


def _user(item: Json | None) -> UserSpec:
    """Return the user of a cluster's kubeconfig, without one an administrator."""
    if item is None:
        return ADMIN
    groups, namespaces, rules = (tuple(item.get(key, ())) for key in ("groups", "namespaces", "rules"))
    return UserSpec(item.get("name", "fleet"), groups, item.get("role", ""), namespaces, rules)


def build(data: Json, clock: Clock, kube_tokens: Mapping[str, str] | None = None) -> tuple[World, Agents]:
    """Check `data` and build its world; WorldError with every error when it is an impossible one."""
    check(data)
    # However long the building takes, it takes no simulated time.
    speed = clock.speed
    clock.set_speed(0)
    builder = Builder(data, clock, kube_tokens or {})
    try:
        return builder.build(), builder.agents
    except KubeError as error:
        raise WorldError([f"a cluster refuses what the world puts into it: {error}"]) from error
    finally:
        clock.set_speed(speed)


def push_image(registry: Registry, item: Json, now: datetime) -> Push:
    """Push one image: without a digest it gets a new one, derived from its name and this push."""
    repository, tag = item["repository"], item.get("tag", "latest")
    count = str(len(registry.images.get(repository, {})))
    digest = item.get("digest") or derived_digest(registry.name, repository, tag, count)
    at = moment(item["pushed"]) if "pushed" in item else now
    push = Push(digest, item.get("behaviour", "run"), at)
    registry.push(repository, tag, push)
    return push


def _service(item: Json) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": item.get("namespace", "default"), "name": item["name"]},
        "spec": {"clusterIP": item["clusterIP"], "ports": [{"port": 80, "protocol": "TCP"}]},
    }
