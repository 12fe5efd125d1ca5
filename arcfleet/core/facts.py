"""What was observed: frozen values with no behaviour beyond reading themselves.

The gateways make them from the SDKs' models. States stay text, as the services spell them, since a service may add a
value at any time; `core.verdicts` compares them without regard to case. Times are aware UTC datetimes of the service's
own clock, never ours, so that a skewed machine can't mistake old evidence for new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from arcfleet.core.findings import Finding


@dataclass(frozen=True, slots=True)
class Trace:
    """Who changed something last and when, as far as the service keeps it; of an ARM resource as a whole."""

    by: str = ""
    at: datetime | None = None


UNTRACED = Trace()


@dataclass(frozen=True, slots=True)
class Unread:
    """Stands for what could not be read; `why` is one line."""

    why: str


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """An Arc-enabled cluster as ARM shows it."""

    name: str
    connectivity: str
    last_heartbeat: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExtensionStatus:
    """One entry of an extension's `statuses`."""

    level: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ExtensionFacts:
    """A cluster extension as ARM shows it. Protected settings can't be read back, only their keys."""

    name: str
    extension_type: str
    provisioning_state: str
    version: str | None = None
    """The version that was asked for; None for the newest."""
    current_version: str | None = None
    auto_upgrade: bool = True
    release_train: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[ExtensionStatus, ...] = ()
    error: str | None = None
    last_modified: datetime | None = None
    modified_by: str = field(default="", compare=False)

    @property
    def trace(self) -> Trace:
        """Who changed it last, and when."""
        return Trace(self.modified_by, self.last_modified)

    @property
    def has_failed(self) -> bool:
        """Whether the last operation on it ended badly."""
        return self.provisioning_state.lower() in {"failed", "canceled"}


@dataclass(frozen=True, slots=True)
class StatusDetail:
    """One entry of a connected registry's `statusDetails`."""

    type: str
    code: str
    description: str


@dataclass(frozen=True, slots=True)
class GarbageCollectionFacts:
    """Whether, and when, a connected registry removes what nothing refers to any more."""

    enabled: bool
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class ConnectedRegistryFacts:
    """A connected registry as ARM shows it.

    `parent` is the parent connected registry's name, or None below the cloud registry. `sync_state` exists in preview
    API versions only.
    """

    name: str
    mode: str
    provisioning_state: str
    connection_state: str
    activation: str
    sync_token_id: str
    gateway_endpoint: str
    parent: str | None = None
    login_host: str | None = None
    schedule: str | None = None
    sync_window: str | None = None
    last_sync: datetime | None = None
    last_activity: datetime | None = None
    sync_state: str | None = None
    last_successful_sync: datetime | None = None
    """When the last sync that succeeded ended; of preview API versions, as `sync_state`."""
    sync_ended: datetime | None = None
    """When the last sync ended, however it did; of preview API versions too."""
    auth_type: str = "SyncToken"
    client_token_ids: tuple[str, ...] = ()
    status_details: tuple[StatusDetail, ...] = ()
    message_ttl: timedelta | None = None
    log_level: str | None = None
    audit_log: bool | None = None
    notifications: tuple[str, ...] = ()
    garbage_collection: GarbageCollectionFacts | None = None
    trace: Trace = field(default=UNTRACED, compare=False)

    @property
    def in_contact(self) -> bool:
        """Whether it is in contact with its parent now."""
        return self.connection_state.lower() in {"online", "syncing"}

    @property
    def uses_managed_identity(self) -> bool:
        """Whether it signs in with a managed identity, so that it has no password."""
        return self.auth_type.lower() == "managedidentity"


@dataclass(frozen=True, slots=True)
class PasswordFacts:
    """One of a token's two password slots: when it was made and when it ends; never its value."""

    name: str
    created: datetime | None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A registry token and its password slots."""

    name: str
    status: str
    scope_map_id: str
    passwords: tuple[PasswordFacts, ...] = ()
    trace: Trace = field(default=UNTRACED, compare=False)


@dataclass(frozen=True, slots=True)
class ScopeMapFacts:
    """A scope map: actions such as `repositories/app/web/content/read`, as the service spells them."""

    name: str
    actions: tuple[str, ...] = ()
    trace: Trace = field(default=UNTRACED, compare=False)


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """A cloud registry."""

    name: str
    login_server: str
    sku: str
    data_endpoint_enabled: bool


@dataclass(frozen=True, slots=True)
class RegistryContents:
    """What a cloud registry holds, each kind by lower-case name."""

    connected: Mapping[str, ConnectedRegistryFacts] = field(default_factory=dict)
    scope_maps: Mapping[str, ScopeMapFacts] = field(default_factory=dict)
    tokens: Mapping[str, TokenFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """One container of a pod: what it waits for, and how it last ended."""

    name: str
    image: str
    """As the pod spells it."""
    image_id: str = ""
    ready: bool = False
    restarts: int = 0
    waiting_reason: str | None = None
    waiting_message: str = ""
    exit_code: int | None = None
    exit_reason: str | None = None
    exit_message: str = ""


@dataclass(frozen=True, slots=True)
class PodFacts:
    """One pod of the newest revision."""

    name: str
    phase: str
    ready: bool
    unschedulable: str | None = None
    """The scheduler's message, where it can't place the pod."""
    unschedulable_since: datetime | None = None
    containers: tuple[ContainerFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a workload."""

    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class WorkloadFacts:
    """A Deployment, DaemonSet or StatefulSet, its conditions and the pods of its newest revision.

    Of a DaemonSet `desired` is the number of nodes that it is to run on.
    """

    name: str
    generation: int
    observed_generation: int
    desired: int
    total: int
    updated: int
    ready: int
    available: int
    paused: bool = False
    applied_hash: str | None = None
    """Hash of the manifest that arcfleet applied last, from our annotation."""
    images: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    pods: tuple[PodFacts, ...] = ()
    kind: str = "Deployment"
    live: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The object itself, as the API shows it, with who set which field."""


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """Everything that was read of one site before deciding anything."""

    registry: RegistryFacts
    connected_registry: ConnectedRegistryFacts
    cluster: ClusterFacts
    extension: ExtensionFacts | None
    workloads: Mapping[str, WorkloadFacts | None] = field(default_factory=dict)
    """By workload: its Deployment; None where it does not exist."""
    others: Mapping[str, tuple[Mapping[str, Any] | Unread | None, ...]] = field(default_factory=dict, repr=False)
    """By workload: the other objects of its manifest as the API shows them, in order; None where one does not exist."""
    pull_secrets: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    """By (namespace, name): whether the secret holds the login for the site's address that it is to hold."""
    pull_secret_faults: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """By (namespace, name): what a secret that does not hold it holds instead."""
    refusal: str = ""
    """The line of the connected registry's log that says that its password is refused; empty where none does."""
    hindrance: Finding | None = None
    """Why a failed installation can't be repeated as it is."""
    missing: tuple[Finding, ...] = ()
    """Images of workloads that the cloud registry does not hold; the workloads are left out of what is wanted."""
    contents: RegistryContents | None = None
    """What the cloud registry holds; read where the site has `ensure`."""
