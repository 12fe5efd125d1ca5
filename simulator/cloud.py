"""The state of a cloud registry and all that hangs on it, indexed by lower-cased name."""

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from simulator.credentials import Password
from simulator.instance import Instance
from simulator.kube.pull import Behaviour
from simulator.schedule import SyncSchedule
from simulator.syncing import FullSync

ACR = "Microsoft.ContainerRegistry"
MANAGED = "ManagedIdentity"


@dataclass(slots=True)
class Stamps:
    """When a resource was created and last modified."""

    created: datetime
    modified: datetime

    def system_data(self, zone: str = "+00:00") -> dict[str, str]:
        """Return `systemData`; ARM itself writes the zone of its moments as Z (acr_connected_registry.json seq 3)."""
        return {
            "createdBy": "user@example.com",
            "createdByType": "User",
            "createdAt": self.created.isoformat().replace("+00:00", zone),
            "lastModifiedBy": "user@example.com",
            "lastModifiedByType": "User",
            "lastModifiedAt": self.modified.isoformat().replace("+00:00", zone),
        }


@dataclass(slots=True)
class Group:
    """A resource group."""

    name: str
    subscription: str
    location: str
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The ARM id."""
        return group_id(self.subscription, self.name)


@dataclass(slots=True)
class ScopeMap:
    """A named set of actions, for example `repositories/app/web/content/read`."""

    name: str
    actions: list[str]
    stamps: Stamps
    description: str | None = None

    def repositories(self, permission: str = "content/read") -> set[str]:
        """Return the repositories on which the scope map grants `permission`."""
        suffix = f"/{permission}"
        return {
            action[len("repositories/") : -len(suffix)]
            for action in self.actions
            if action.startswith("repositories/") and action.endswith(suffix)
        }


@dataclass(slots=True)
class Token:
    """A registry token: a user name, two password slots and a scope map."""

    name: str
    scope_map: str
    stamps: Stamps
    enabled: bool = True
    passwords: dict[str, Password] = field(default_factory=dict)

    def accepts(self, value: str, now: datetime) -> bool:
        """Say whether `value` opens this token at this moment."""
        return self.enabled and any(p.valid(value, now) for p in self.passwords.values())

    def generate(self, slot: str, now: datetime, replication: float, expiry: datetime | None = None) -> Password:
        """Replace the password in one slot.

        The old value is dead at once. A first password is valid at once, a regenerated one only after it
        has replicated (MicrosoftDocs, container-registry-token-based-repository-permissions.md).
        """
        delay = replication if slot in self.passwords else 0.0
        password = Password.generate(now, now + timedelta(seconds=delay), expiry)
        self.passwords[slot] = password
        return password


@dataclass(slots=True)
class ConnectedRegistry:
    """The ARM resource of a connected registry.

    Attributes:
        token: The sync token's name; empty if `identity`, a user-assigned identity's id, takes its place.
        instance: The one that last activated it.
        full_sync: The last full sync, or the one that is asked for.
        full_synced: The end of the last good one.
    """

    name: str
    token: str
    schedule: SyncSchedule
    stamps: Stamps
    mode: str = "ReadOnly"
    parent: str | None = None
    message_ttl: str = "P2D"
    client_tokens: list[str] = field(default_factory=list)
    log_level: str = "Information"
    audit_log: str = "Disabled"
    notifications: list[str] | None = None
    garbage_collection: dict[str, Any] | None = None
    auth_type: str | None = None
    identity: str | None = None
    activated_by: str | None = None
    instance: Instance | None = None
    last_activity: datetime | None = None
    last_sync: datetime | None = None
    full_sync: FullSync | None = None
    full_synced: datetime | None = None
    version: str | None = None
    host: str | None = None

    @property
    def client_id(self) -> str | None:
        """The client id of its identity: derived from the id, as nobody simulates identities."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.identity.lower())) if self.identity else None


@dataclass(frozen=True, slots=True)
class Push:
    """One push of a tag: from `at` on it names `digest`; `behaviour` is what the image's process does."""

    digest: str
    behaviour: Behaviour
    at: datetime


@dataclass(slots=True)
class Registry:
    """A cloud registry and all that hangs on it."""

    name: str
    subscription: str
    resource_group: str
    location: str
    stamps: Stamps
    sku: str = "Premium"
    data_endpoint: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    images: dict[str, dict[str, Push]] = field(default_factory=dict)
    scope_maps: dict[str, ScopeMap] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    connected: dict[str, ConnectedRegistry] = field(default_factory=dict)
    instances: list[Instance] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The ARM id."""
        return f"{group_id(self.subscription, self.resource_group)}/providers/{ACR}/registries/{self.name}"

    @property
    def login_server(self) -> str:
        """The registry's own host."""
        return f"{self.name.lower()}.azurecr.io"

    @property
    def data_host(self) -> str:
        """The dedicated data endpoint (recordings/acr_connected_registry.json seq 13)."""
        return f"{self.name.lower()}.{self.location}.data.azurecr.io"

    def settle(self, now: datetime) -> None:
        """Bring every instance up to date, before something that they depend on changes."""
        for instance in self.instances:
            instance.advance(now)

    def scope_of(self, token: Token) -> ScopeMap | None:
        """Return a token's scope map."""
        return self.scope_maps.get(token.scope_map.lower())

    def synced_to(self, connected: ConnectedRegistry) -> set[str]:
        """Return the repositories that a connected registry may read."""
        token = self.tokens.get(connected.token.lower())
        if token is None:
            # The roles of an identity, which nobody simulates, allow everything.
            return set(self.images) if connected.auth_type == MANAGED else set()
        scope = self.scope_of(token)
        return scope.repositories() if scope else set()

    def admits(self, connected: ConnectedRegistry) -> bool:
        """Say whether the sync token of a connected registry, and each one above it, may pass its messages on.

        Source: az acr connected-registry create, which gives `gateway/NAME/…` to every ancestor's scope map.
        """
        needed, above = set(gateway_actions(connected.name)), connected
        while True:
            token = self.tokens.get(above.token.lower())
            scope = self.scope_of(token) if token else None
            if scope is None or not needed <= set(scope.actions):
                return False
            if above.parent is None:
                return True
            above = self.connected[above.parent.lower()]

    def login(self, username: str, password: str, now: datetime) -> Token | None:
        """Return the token that these credentials open, or None."""
        token = self.tokens.get(username.lower())
        return token if token is not None and token.accepts(password, now) else None

    def push(self, repository: str, tag: str, push: Push) -> None:
        """Let a tag name an image; the digest names it as well."""
        tags = self.images.setdefault(repository, {})
        tags[tag] = push
        tags[push.digest] = push

    def remove(self, repository: str, tag: str) -> Push | None:
        """Delete an image by tag, with its digest; None when there is none. Sites keep what they have (inferred)."""
        tags = self.images.get(repository, {})
        push = tags.pop(tag, None)
        if push is not None and all(p.digest != push.digest for t, p in tags.items() if t != push.digest):
            tags.pop(push.digest, None)
        if not tags:
            self.images.pop(repository, None)
        return push

    def gateway(self, registry: ConnectedRegistry) -> str | None:
        """Return the endpoint that a connected registry talks to: the cloud's, or its parent's host."""
        if registry.parent is None:
            return self.data_host if self.data_endpoint else None
        parent = self.connected.get(registry.parent.lower())
        return parent.host if parent else None

    def children(self, name: str) -> list[ConnectedRegistry]:
        """Return the connected registries whose parent is `name`."""
        return [c for c in self.connected.values() if (c.parent or "").lower() == name.lower()]


def zulu(moment: datetime) -> str:
    """Return a moment as ARM itself writes one, where providers write +00:00."""
    return moment.isoformat().replace("+00:00", "Z")


def group_id(subscription: str, group: str) -> str:
    """Return the ARM id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def derived_digest(*parts: str) -> str:
    """Return a digest that depends on `parts` alone."""
    return "sha256:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()


def sync_actions(name: str, mode: str, repositories: list[str]) -> list[str]:
    """Return the actions of a connected registry's sync scope map.

    Source: az acr connected-registry create, recordings/acr_connected_registry.json seq 9.
    """
    permissions = ["content/read", "metadata/read"]
    if mode.lower() == "readwrite":
        permissions = ["content/read", "content/write", "content/delete", "metadata/read", "metadata/write"]
    return [f"repositories/{r}/{p}" for r in repositories for p in permissions] + gateway_actions(name)


def gateway_actions(name: str) -> list[str]:
    """Return what lets a sync token speak for a connected registry: its own, and every one below it."""
    return [f"gateway/{name.lower()}/{g}" for g in ("config/read", "config/write", "message/read", "message/write")]
