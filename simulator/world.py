"""The state of a simulated world: Azure's resources and the clusters that they stand for.

Plain dataclasses, indexed by lower-cased name, since ARM compares names without case. What happens over
time is in the modules beside this one; `loader.py` reads a world from JSON.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from simulator.clock import Clock, Handle
from simulator.cloud import Group, Registry, Stamps, group_id
from simulator.credentials import ConnectionString
from simulator.instance import SILENCE, Instance
from simulator.kube import Cluster, NodeSpec
from simulator.latent import LatentCluster
from simulator.notifier import Notifier
from simulator.operations import Operations
from simulator.roles import Roles

EXTENSION_TYPE = "microsoft.containerregistry.connectedregistry"
# Items on one page of a list. Azure's differ from list to list; a registry's 50 connected registries fit.
PAGE = 200


@dataclass(slots=True)
class Timings:
    """How long things take, in simulated seconds; the latencies delay ARM's answers.

    An install takes 284 s with the agent's poll (recorded, arc_extension_install.json seq 23 to 33). A registry's, a
    token's or a scope map's operation has ended when it is first asked for (recorded, acr_connected_registry.json seq
    10 and 11), unless a world says how long one takes.
    """

    extension_install: float = 279
    extension_update: float = 60
    extension_delete: float = 45
    extension_timeout: float = 600
    agent_poll: float = 5
    first_sync: float = 20
    sync_lag: float = 5
    image_pull: float = 3
    container_start: float = 1
    password_replication: float = 60
    arc_heartbeat: float = 60
    deactivate: float = 2
    registry_operation: float = 0
    get_latency: float = 0
    write_latency: float = 0


@dataclass(slots=True)
class Extension:
    """A cluster extension as ARM keeps it.

    Attributes:
        protected: Never shown; the keys are.
        state: Its provisioningState.
        work: What the agent does next with it.
        expiry: When its protected settings are lost, while the site is offline.
        operations: The operations that have not ended.
    """

    name: str
    stamps: Stamps
    auto_upgrade: bool = True
    release_train: str = "Stable"
    version: str | None = None
    current_version: str | None = None
    scope: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    protected: dict[str, str] = field(default_factory=dict)
    identity: str | None = None
    state: str = "Creating"
    error: dict[str, Any] | None = None
    statuses: list[dict[str, str]] = field(default_factory=list)
    work: Handle | None = None
    expiry: Handle | None = None
    operations: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Release:
    """A Helm release inside a cluster: what is installed, whatever ARM believes.

    Attributes:
        created: The objects of the chart: resource, namespace, name.
        terminating: Whether it is being uninstalled.
        stuck: Whether its pod can never come up.
    """

    name: str
    host: str
    instance: Instance
    created: list[tuple[str, str | None, str]] = field(default_factory=list)
    terminating: bool = False
    stuck: bool = False


@dataclass(slots=True)
class ConnectedCluster:
    """An Arc-enabled cluster: the ARM resource and the Kubernetes behind it, which is built when it is first used."""

    name: str
    subscription: str
    resource_group: str
    location: str
    stamps: Stamps
    latent: LatentCluster
    kube_version: str
    nodes: tuple[NodeSpec, ...]
    connectivity: str = "Connected"
    cut: bool = False
    since: datetime | None = None
    heartbeat: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, Extension] = field(default_factory=dict)
    release: Release | None = None
    failures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The ARM id."""
        group = group_id(self.subscription, self.resource_group)
        return f"{group}/providers/Microsoft.Kubernetes/connectedClusters/{self.name}"

    @property
    def kube(self) -> Cluster:
        """The Kubernetes behind it."""
        return self.latent.get()

    def has(self, resource: str, name: str) -> bool:
        """Say whether an object of the chart is there: nobody has removed one from a cluster that nobody asked."""
        if not self.latent.built:
            return self.release is not None
        return self.kube.get(resource, name, name) is not None

    @property
    def linked(self) -> bool:
        """Whether the site reaches Azure."""
        return self.connectivity == "Connected" and not self.cut

    def shown_connectivity(self, now: datetime) -> str:
        """Return connectivityStatus: a cut link shows after a silence only (MicrosoftDocs)."""
        silent = self.cut and self.heartbeat is not None and now - self.heartbeat >= SILENCE
        return "Offline" if silent and self.connectivity == "Connected" else self.connectivity

    def last_heartbeat(self, now: datetime, interval: float) -> datetime | None:
        """Return lastConnectivityTime: it moves in steps of `interval` seconds while the site is linked."""
        if not self.linked or self.since is None:
            return self.heartbeat
        beats = int((now - self.since).total_seconds() // interval)
        return self.since + timedelta(seconds=beats * interval)


@dataclass(slots=True)
class World:
    """Everything, with the clock that moves it."""

    clock: Clock
    tenant: str
    subscription: str
    timings: Timings
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    providers: dict[str, str] = field(default_factory=dict)
    versions: list[str] = field(default_factory=list)
    registries: dict[str, Registry] = field(default_factory=dict)
    clusters: dict[str, ConnectedCluster] = field(default_factory=dict)
    clusters_by_name: dict[str, ConnectedCluster] = field(default_factory=dict)
    registries_by_host: dict[str, Registry] = field(default_factory=dict)
    subscriptions: set[str] = field(default_factory=set)
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    operations: Operations = field(default_factory=Operations)
    roles: Roles = field(default_factory=Roles)
    page_size: int = PAGE
    notifier: Notifier = field(init=False)

    def __post_init__(self) -> None:
        self.notifier = Notifier(self)

    def now(self) -> datetime:
        """Return the simulated moment."""
        return self.clock.now()

    def add_registry(self, registry: Registry) -> None:
        """Index a registry by ARM id and by host."""
        self.registries[registry.id.lower()] = registry
        self._add_place(registry)
        self.registries_by_host[registry.login_server] = registry

    def remove_registry(self, registry: Registry) -> None:
        """Forget a registry; the instances that it had lead nowhere from now on."""
        registry.settle(self.now())
        for instance in registry.instances:
            instance.registry = None
        del self.registries[registry.id.lower()], self.registries_by_host[registry.login_server]

    def add_cluster(self, cluster: ConnectedCluster) -> None:
        """Index a cluster by ARM id and by name."""
        self.clusters[cluster.id.lower()] = cluster
        self._add_place(cluster)
        self.clusters_by_name[cluster.name.lower()] = cluster

    def registry_behind(self, connection: ConnectionString) -> Registry | None:
        """Return the cloud registry that a connection string leads to, None if it leads nowhere."""
        for registry in self.registries.values():
            if connection.gateway == registry.data_host:
                return registry
        # A nested instance names its parent's host; the parent's registry is found through the name.
        name = connection.registry.lower()
        nested = (r for r in self.registries.values() if name in r.connected)
        return next((r for r in nested if r.connected[name].parent is not None), None)

    def resources(self) -> Iterator[Registry | ConnectedCluster]:
        """Walk over every top-level resource."""
        yield from self.registries.values()
        yield from self.clusters.values()

    def add_group(self, group: Group) -> None:
        """Index a resource group and its subscription; one that is there stays as it is."""
        self.subscriptions.add(group.subscription.lower())
        self.groups.setdefault((group.subscription.lower(), group.name.lower()), group)

    def _add_place(self, resource: Registry | ConnectedCluster) -> None:
        self.add_group(Group(resource.resource_group, resource.subscription, resource.location))
