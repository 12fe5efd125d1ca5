"""What arcfleet needs of the outside world, in the caller's words. The gateways fulfil it with the real SDKs.

Every method raises `TransientError` where trying again may help and `PermanentError` where a person must act.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from arcfleet.core.evidence import ExtensionEvidence
from arcfleet.core.facts import (
    ClusterFacts,
    ConnectedRegistryFacts,
    ExtensionFacts,
    RegistryFacts,
    ScopeMapFacts,
    TokenFacts,
    Unread,
    WorkloadFacts,
)
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.inventory import FoundCluster
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.fleet.site_parts import PullSecretFrom
from arcfleet.core.kube.workloads import Login, Object
from arcfleet.core.names import ImageRef, RegistryRef
from arcfleet.core.passwords.credentials import Minted
from arcfleet.core.passwords.journal import Entry
from arcfleet.core.planning.plan import Step
from arcfleet.core.planning.registry_settings import ConnectedRegistrySpec
from arcfleet.core.planning.surveys import ClusterSurvey, KubeRight, Permission
from arcfleet.core.removing.removals import Held
from arcfleet.core.runs.outcomes import FleetReport, Outcome
from arcfleet.core.runs.rollout import CheckResult, WaveProgress
from arcfleet.core.secret import Secret
from arcfleet.core.sync.announcements import Announced
from arcfleet.core.sync.arrivals import Answer


class Clock(Protocol):
    """Time for waiting. Its seconds are those of the world that is deployed to."""

    def monotonic(self) -> float:
        """Return seconds that only grow."""

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""


class Registries(Protocol):
    """Cloud registries, and the connected registries, tokens and scope maps in them."""

    async def add_actions(self, registry: RegistryRef, name: str, actions: Sequence[str]) -> None:
        """Add actions to a scope map, which is created where it is missing; none of anybody else's is lost."""

    async def connected_registries(
        self, registry: RegistryRef, *, max_age: float
    ) -> Mapping[str, ConnectedRegistryFacts]:
        """Return all connected registries by lower-case name, from one list call that is at most `max_age` s old."""

    async def create_connected_registry(self, registry: RegistryRef, name: str, spec: ConnectedRegistrySpec) -> None:
        """Create a connected registry."""

    async def create_token(self, registry: RegistryRef, name: str, scope_map: str) -> None:
        """Create an enabled token without passwords, with a scope map's rights; one that exists is left alone."""

    async def deactivate(self, registry: RegistryRef, name: str) -> None:
        """Free a connected registry from the instance that has activated it."""

    async def delete_connected_registry(self, registry: RegistryRef, name: str) -> None:
        """Delete a connected registry; its tokens and scope maps stay. As below: what is gone already is deleted."""

    async def delete_passwords(self, registry: RegistryRef, name: str, slots: Collection[str]) -> None:
        """Delete passwords of a token and nothing else."""

    async def delete_scope_map(self, registry: RegistryRef, name: str) -> None:
        """Delete a scope map that no token has any more."""

    async def delete_token(self, registry: RegistryRef, name: str) -> None:
        """Delete a token with its passwords; its scope map stays."""

    async def enable_data_endpoint(self, registry: RegistryRef) -> None:
        """Enable the registry's dedicated data endpoint, once for all who ask."""

    async def generate_password(
        self, registry: RegistryRef, token_id: str, slot: str, *, expires: datetime | None = None
    ) -> Minted:
        """Replace one password slot of a token and return the new password, which ends at `expires`, or never.

        Sent at most once per call.
        """

    async def registry(self, registry: RegistryRef) -> RegistryFacts:
        """Return a cloud registry, read once per run."""

    async def remove_actions(self, registry: RegistryRef, name: str, actions: Sequence[str]) -> None:
        """Take actions out of a scope map; none of the others is lost."""

    async def resync(self, registry: RegistryRef, name: str) -> None:
        """Ask a connected registry for a full sync. Sent at most once per call."""

    async def service_time(self) -> datetime:
        """Return the service's present time, from its latest answer."""

    async def scope_actions(self, registry: RegistryRef, scope_map_id: str) -> Collection[str]:
        """Return the actions of a scope map, from a list call shared by all sites of the registry."""

    async def scope_maps(self, registry: RegistryRef, *, max_age: float) -> Mapping[str, ScopeMapFacts]:
        """Return all scope maps by lower-case name, from one list call that is at most `max_age` s old."""

    async def token(self, registry: RegistryRef, token_id: str, *, max_age: float) -> TokenFacts:
        """Return a token as it was at most `max_age` s ago."""

    async def tokens(self, registry: RegistryRef, *, max_age: float) -> Mapping[str, TokenFacts]:
        """Return all tokens by lower-case name, from one list call that is at most `max_age` s old."""

    async def update_connected_registry(self, registry: RegistryRef, name: str, spec: ConnectedRegistrySpec) -> None:
        """Change what a spec gives of a connected registry."""


class Extensions(Protocol):
    """Arc clusters and the connected registry extension on them."""

    async def apply(
        self, site: Site, connection_string: Secret, *, exists: bool, on_status: Callable[[str], None]
    ) -> ExtensionFacts:
        """Create or update the site's extension and wait until the operation has ended."""

    async def cluster(self, site: Site) -> ClusterFacts:
        """Return the site's Arc cluster."""

    async def clusters(self, subscription: str, resource_group: str | None) -> Sequence[FoundCluster]:
        """Return the Arc clusters of a subscription, or of one resource group of it."""

    async def delete(self, site: Site, *, forced: bool, on_status: Callable[[str], None]) -> None:
        """Delete the site's extension and wait until that has ended; with `forced` Azure only forgets it."""

    async def extension(self, site: Site) -> ExtensionFacts | None:
        """Return the site's extension, or None where it does not exist."""


class Subscriptions(Protocol):
    """What Azure Resource Manager says of subscriptions and of the caller. Reads are shared by a run's sites."""

    async def permissions(self, scope: str) -> tuple[Permission, ...]:
        """Return what the caller may do at a scope, given as an ARM id."""

    async def registration(self, subscription: str, provider: str) -> str:
        """Return a resource provider's registration state in a subscription, for example `Registered`."""

    def throttled(self) -> int:
        """Return how many of this run's requests Azure has put off so far, as there were too many."""


class Images(Protocol):
    """The cloud registries' data plane."""

    async def digest(self, login_server: str, image: ImageRef) -> str:
        """Return the digest that a tag has in the cloud registry."""

    async def pushed(self, login_server: str, image: ImageRef) -> datetime | None:
        """Return when a tag was pushed last; None for a digest, or where the registry does not say."""

    async def any_repository(self, login_server: str) -> bool:
        """Tell whether a cloud registry holds a repository that the caller may list."""


class Kubernetes(Protocol):
    """The Kubernetes API of a site's cluster."""

    async def apply(self, site: Site, item: Object, *, take_back: bool = False) -> None:
        """Apply one object server-side, with our field manager, conflicts reported and not forced.

        With `take_back` they are: fields that were ours, and that others have changed since, become ours again.
        """

    async def delete(self, site: Site, item: Held) -> None:
        """Delete the very object that was read; one that is gone already is deleted."""

    async def drop_login(self, site: Site, item: Held) -> None:
        """Take the login for the site's address out of a pull secret; the others stay."""

    async def held(self, site: Site, kind: str, namespace: str, name: str) -> Held | None:
        """Return an object with who wrote it; None where it does not exist."""

    async def login(self, site: Site, namespace: str, name: str) -> Login | None:
        """Return the login for the site's address that a pull secret holds, if there is one."""

    async def login_hosts(self, site: Site, namespace: str, name: str) -> tuple[str, ...] | None:
        """Return the registries that a pull secret holds logins of; None where it does not exist."""

    async def put_login(self, site: Site, namespace: str, name: str, login: Login, *, dry_run: bool = False) -> None:
        """Create a pull secret, or merge the site's login into the one that exists; or only ask whether it could be."""

    async def read(self, site: Site, item: Object) -> Object | Unread | None:
        """Return an object of `item`'s kind and name as the API shows it; None where it does not exist."""

    async def restart(self, site: Site, kind: str, namespace: str, name: str, at: datetime) -> None:
        """Have a workload's pods replaced, as `kubectl rollout restart` does."""

    async def missing_rights(self, site: Site, rights: Sequence[KubeRight]) -> tuple[KubeRight, ...] | Unread:
        """Return which of the rights the cluster denies."""

    async def survey(self, site: Site, rights: Sequence[KubeRight]) -> ClusterSurvey:
        """Return what the cluster shows of an installation's prerequisites, and which of the rights it denies."""

    async def extension_evidence(self, site: Site) -> ExtensionEvidence:
        """Return what the cluster shows of the connected registry in it; what may not be read is said in it."""

    async def workload(self, site: Site, namespace: str, name: str, kind: str = "Deployment") -> WorkloadFacts | None:
        """Return a workload with the pods of its newest revision; None where it does not exist."""


class Journal(Protocol):
    """What was done with tokens' passwords, kept where a killed run leaves it."""

    owner: str
    """Who writes; no two runs are the same."""

    def alone(self, key: str) -> AbstractAsyncContextManager[None]:
        """Keep this run's other sites from a token while its slots are looked at and one is filled."""

    async def forget(self, key: str) -> None:
        """Keep a token's entry no longer."""

    async def read(self, key: str) -> Entry | None:
        """Return a token's entry, by `core.passwords.journal.key`; None where nothing was done."""

    async def write(self, key: str, entry: Entry) -> None:
        """Keep a token's entry, in place of the one before; returns once it is kept."""


class Announcements(Protocol):
    """What connected registries have announced of images that came to them, and the bridge has kept."""

    async def of(self, registry: str, connected_registry: str) -> Mapping[str, Announced] | Unread:
        """Return by `repository:tag` what a connected registry of a cloud registry has announced; why, if unread."""


class Passwords(Protocol):
    """The user's own passwords for pull secrets."""

    async def read(self, source: PullSecretFrom) -> Secret | None:
        """Return the password that a source holds now; None where it can't be told here, or is not ours to know."""


class Checks(Protocol):
    """Addresses of the user's own that say whether a rollout may go on."""

    async def ask(self, url: str) -> CheckResult:
        """Return what an address says now. One that says nothing usable is inconclusive, and why."""


class SiteRegistries(Protocol):
    """The sites' own registries, where they can be reached."""

    async def manifest(self, site: Site, image: ImageRef, login: Login) -> Answer | Unread:
        """Return what the site's registry answers about an image; why, where it does not answer."""


class Progress(Protocol):
    """Where a run reports what it is doing, for a person to watch."""

    def begin(self, site: str, step: Step) -> None:
        """A step of a site begins."""

    def end(self, outcome: Outcome) -> None:
        """A site has ended."""

    def finish(self, report: FleetReport) -> None:
        """A run has ended."""

    def start(self, sites: Sequence[str], run: str, throttled: Callable[[], int]) -> None:
        """A run begins with these sites; `throttled` tells how many requests Azure has put off so far."""

    def wave(self, progress: WaveProgress) -> None:
        """How far the run is has changed."""

    def waiting(self, site: str, finding: Finding | str) -> None:
        """A site waits for something."""


@dataclass(frozen=True, slots=True)
class Gateways:
    """Everything that a run needs of the outside world."""

    clock: Clock
    registries: Registries
    extensions: Extensions
    subscriptions: Subscriptions
    images: Images
    kubernetes: Kubernetes
    journal: Journal
    announcements: Announcements
    passwords: Passwords
    site_registries: SiteRegistries
    checks: Checks
