"""The connected registry that runs in a cluster: activation, sync, and what it serves to whom.

Nothing here runs by itself. `advance(now)` computes what has happened since the last look: between two
changes of the world every sync has the same inputs, so that only the first and the last of them, and the
moments when a password starts or stops being valid, need a computation. Whoever changes something that an
instance depends on calls `Registry.settle` first.
"""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from simulator import syncing
from simulator.credentials import ConnectionString
from simulator.schedule import SyncSchedule

if TYPE_CHECKING:
    from simulator.cloud import ConnectedRegistry, Push, Registry, Token
    from simulator.world import ConnectedCluster, World

# A site without a heartbeat for this long is shown as disconnected (MicrosoftDocs, azure-arc).
SILENCE = timedelta(minutes=15)
LOG_LINES = 500
# The namespace of the chart's objects, and the name of its deployment and service.
NAME = "connected-registry"

# Texts of MicrosoftDocs, troubleshoot-connected-registry-arc.md.
INCORRECT_PASSWORD = ("UNAUTHORIZED", "Incorrect Password")
ALREADY_ACTIVATED = (
    "ALREADY_ACTIVATED",
    "Failed to activate the connected registry as it is already activated by another instance. "
    "Only one instance is supported at any time.",
)
# Not documented: these words are ours.
TOKEN_DISABLED = ("UNAUTHORIZED", "The sync token is disabled")
NO_GATEWAY = ("DENIED", "Insufficient scopes to perform the operation")
WRONG_NAME = ("NOT_FOUND", "The connected registry could not be found")
WRONG_GATEWAY = ("CONNECTION_FAILED", "The parent gateway endpoint could not be reached")
WRONG_PROTOCOL = ("CONNECTION_FAILED", "The parent does not speak the configured protocol")

Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Served:
    """What one tag means to the site's clients from `since` on."""

    push: "Push"
    since: datetime


@dataclass(slots=True, eq=False)
class Instance:
    """One running (or stopped) instance.

    Attributes:
        registry: The cloud registry that its connection string leads to, None if it leads nowhere.
        host: The clusterIP under which it serves.
        next: The next moment at which it talks to its parent.
        problem: Why the last talk failed; None after a good one.
        synced: The last good talk.
        reached: Whether the last attempt to talk found a connection.
        images: Repository, tag or digest -> what it means, in order of arrival.
        disk: What is wrong with its disk; then nothing new arrives.
        scope: The repositories of the last sync that could write, None before.
        clients: The client tokens known since the last sync, lower-cased.
    """

    world: "World"
    cluster: "ConnectedCluster"
    connection: ConnectionString
    host: str
    version: str
    next: datetime
    registry: "Registry | None" = None
    settings: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    running: bool = True
    problem: Problem | None = None
    synced: datetime | None = None
    reached: bool = True
    images: dict[str, dict[str, list[Served]]] = field(default_factory=dict)
    clients: frozenset[str] = frozenset()
    scope: frozenset[str] | None = None
    log: list[str] = field(default_factory=list)
    disk: str | None = None

    @property
    def resource(self) -> "ConnectedRegistry | None":
        """The ARM resource that the connection string names."""
        if self.registry is None:
            return None
        return self.registry.connected.get(self.connection.registry.lower())

    @property
    def deployed(self) -> bool:
        """Whether the deployment is still there: somebody may have deleted it in the cluster."""
        return self.cluster.has("deployments", NAME)

    def connect(self, connection: ConnectionString, first: datetime) -> None:
        """Use a new connection string, from `first` on: the pod was restarted with it."""
        self.connection = connection
        if self.registry is not None and self.running:
            self.registry.instances.remove(self)
        self.registry = self.world.registry_behind(connection)
        if self.registry is not None:
            self.registry.instances.append(self)
        # What was wrong stays so until the first talk shows otherwise.
        self.next = first
        self.running = True

    def reschedule(self, now: datetime) -> None:
        """Follow a changed schedule or activation; a first talk keeps its own moment."""
        if self.running and (self.synced is not None or self.problem is not None):
            self.next = self._schedule().next(now)

    def hurry(self, now: datetime) -> None:
        """Pick up a message, if the instance counts as connected between its syncs."""
        if self.online(now):
            self.next = min(self.next, now + syncing.PICKED_UP)

    def stop(self, now: datetime) -> None:
        """Stop for good: the pod and its volume are gone. The activation stays (MicrosoftDocs)."""
        self.advance(now)
        self.running = False
        if self.registry is not None and self in self.registry.instances:
            self.registry.instances.remove(self)

    def advance(self, now: datetime) -> None:
        """Do every talk to the parent that is due by `now` and makes a difference."""
        while self.running and self.next <= now:
            moment = self.next
            self.next = datetime.max.replace(tzinfo=moment.tzinfo)
            self._attempt(moment)
            self.next = self._following(moment, now)

    def online(self, now: datetime) -> bool:
        """Say whether ARM shows this instance as Online."""
        resource = self.resource
        if resource is None or not self.running or self.problem is not None or self.synced is None:
            return False
        if resource.activated_by != self.id or not resource.schedule.open(now):
            return False
        # ARM notices a cut link only after the silence; a planned gap it knows from the schedule.
        return self.reached or now - self.synced < SILENCE

    def find(self, repository: str, reference: str, now: datetime) -> "Push | None":
        """Return what a tag or digest means to a client now, None if it has not arrived."""
        arrived = [s for s in self.images.get(repository, {}).get(reference, []) if s.since <= now]
        return arrived[-1].push if arrived else None

    def client(self, username: str, password: str, now: datetime) -> "Token | None":
        """Return the client token that these credentials open, if the instance knows it."""
        if self.registry is None or username.lower() not in self.clients:
            return None
        return self.registry.login(username, password, now)

    def _following(self, moment: datetime, now: datetime) -> datetime:
        schedule = self._schedule()
        upcoming = schedule.next(moment)
        if upcoming > now:
            return upcoming
        changes = [c for c in self._changes() if moment < c <= now]
        if changes:
            # The last talk before the change still counts, and the first after it.
            just_before = min(changes) - timedelta(microseconds=1)
            last = schedule.last(just_before)
            return last if last >= upcoming else schedule.next(just_before)
        return max(upcoming, schedule.last(now))

    def _schedule(self) -> SyncSchedule:
        resource = self.resource
        if resource is None or resource.activated_by != self.id:
            # Until it is activated an instance tries again soon, whatever its schedule (inferred).
            return SyncSchedule()
        return resource.schedule

    def _changes(self) -> list[datetime]:
        """Return the moments at which a talk may turn out otherwise although nobody changed anything."""
        found: list[datetime] = []
        registry, resource = self.registry, self.resource
        if registry is None or resource is None:
            return found
        token = registry.tokens.get(resource.token.lower())
        for password in token.passwords.values() if token else ():
            found += [password.valid_from, *([password.expiry] if password.expiry else [])]
        parent = self._parent(resource)
        if parent is not None:
            found += [s.since for tags in parent.images.values() for served in tags.values() for s in served]
        return found

    def _attempt(self, moment: datetime) -> None:
        if not self.deployed:
            self.reached = False
            return
        self.reached = self.cluster.linked
        if not self.reached:
            self._note(moment, "CONNECTION_FAILED", "The parent could not be reached")
            return
        self.problem = self._problem(moment)
        if self.problem is None:
            self._sync(moment)
        else:
            self._note(moment, *self.problem)

    def _problem(self, moment: datetime) -> Problem | None:
        registry, resource = self.registry, self.resource
        if registry is None:
            return WRONG_GATEWAY
        if resource is None:
            return WRONG_NAME
        # The gateway comes first: without a connection nobody checks a password.
        problem = self._unreached(registry, resource) or self._unauthorized(registry, resource, moment)
        if problem is None and resource.activated_by not in (None, self.id):
            return ALREADY_ACTIVATED
        return problem

    def _unreached(self, registry: "Registry", resource: "ConnectedRegistry") -> Problem | None:
        parent = self._parent(resource)
        silent = resource.parent is not None and (parent is None or not parent.running)
        if silent or registry.gateway(resource) != self.connection.gateway:
            return WRONG_GATEWAY
        plain = parent is not None and parent.settings.get("httpEnabled") == "true"
        return None if self.connection.protocol == ("http" if plain else "https") else WRONG_PROTOCOL

    def _unauthorized(self, registry: "Registry", resource: "ConnectedRegistry", moment: datetime) -> Problem | None:
        if resource.auth_type == "ManagedIdentity":
            # A world may leave open which identity it is.
            known = self.connection.identity and resource.client_id in (None, self.connection.identity)
            return None if known else INCORRECT_PASSWORD
        token = registry.tokens.get(resource.token.lower())
        if token is not None and not token.enabled:
            return TOKEN_DISABLED
        named = token is not None and token.name.lower() == self.connection.token.lower()
        if token is None or not named or not token.accepts(self.connection.password, moment):
            return INCORRECT_PASSWORD
        return None if registry.admits(resource) else NO_GATEWAY

    def _parent(self, resource: "ConnectedRegistry") -> "Instance | None":
        if self.registry is None or resource.parent is None:
            return None
        above = self.registry.connected.get(resource.parent.lower())
        return above.instance if above else None

    def _sync(self, moment: datetime) -> None:
        registry, resource = self.registry, self.resource
        if registry is None or resource is None:
            return
        if resource.activated_by is None:
            resource.activated_by, resource.instance = self.id, self
            self._note(moment, "ACTIVATED", "The connected registry is activated", level="Information")
        parent = self._parent(resource)
        if parent is not None:
            parent.advance(moment)
        self.synced = resource.last_sync = resource.last_activity = moment
        resource.host, resource.version = self.host, self.version
        self.clients = frozenset(t.lower() for t in resource.client_tokens)
        scope = frozenset(registry.synced_to(resource))
        full = syncing.due(resource, scope, self.scope, moment)
        if full is not None:
            takes = self.world.timings.sync_lag
            syncing.begin(resource, full, moment, takes, failed=self.disk is not None)
        if self.disk is None:
            self.scope = scope
            self._copy(registry, resource, parent, moment, full=full is not None)

    def _copy(
        self,
        registry: "Registry",
        resource: "ConnectedRegistry",
        parent: "Instance | None",
        moment: datetime,
        *,
        full: bool,
    ) -> None:
        since = moment + timedelta(seconds=self.world.timings.sync_lag)
        for repository in self.scope or ():
            held = self.images.setdefault(repository, {})
            tags = registry.images.get(repository, {})
            for reference, latest in tags.items():
                push = latest if parent is None else parent.find(repository, reference, moment)
                served = held.setdefault(reference, [])
                if push is None or (served and served[-1].push.digest == push.digest):
                    continue
                # A nested site's parent keeps no messages that could expire (a simplification).
                if full or parent is not None or syncing.alive(resource, push.at, moment):
                    served.append(Served(push, since))

    def _note(self, moment: datetime, code: str, message: str, *, level: str = "Error") -> None:
        error = {"code": code, "message": message, "detail": None}
        text = message if level == "Information" else json.dumps({"errors": [error]})
        self.log.append(f"{moment:%Y-%m-%dT%H:%M:%S.%fZ} [{level}] {text}")
        del self.log[:-LOG_LINES]
