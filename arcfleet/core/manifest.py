"""The fleet file's models. Unknown keys are refused; every default is written here.

A site that leaves `core.resolve` is complete: defaults and groups are merged in, references are looked up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from croniter import croniter
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from arcfleet.core import names
from arcfleet.core.durations import parse_duration
from arcfleet.core.names import ClusterRef, ImageRef, RegistryRef
from arcfleet.errors import ManifestError

T = TypeVar("T")


def _matches(pattern: Any, rule: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text!r} is not accepted: {rule}")
        return text

    return AfterValidator(check)


def _ipv4(text: str) -> str:
    if not names.is_ipv4(text):
        raise ValueError(f"{text!r} is not an IPv4 address")
    return text


def _image(text: str) -> str:
    ImageRef.parse(text)
    return text


def _cron(text: str) -> str:
    if len(text.split()) != 5 or not croniter.is_valid(text):
        raise ValueError(f"{text!r} is no cron expression of five fields, for example '0 2 * * *'")
    return text


def _between(low: timedelta, high: timedelta, rule: str) -> AfterValidator:
    def check(value: timedelta) -> timedelta:
        if not low <= value <= high:
            raise ValueError(rule)
        return value

    return AfterValidator(check)


def _not_empty(items: tuple[T, ...]) -> tuple[T, ...]:
    if not items:
        raise ValueError("needs at least one entry")
    return items


def _setting(value: Any) -> Any:
    """Render YAML's numbers and booleans as the strings that extension settings must be ("true", not true)."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
ConnectedRegistryName = Annotated[str, _matches(names.CONNECTED_REGISTRY, "5 to 40 letters and digits, a letter first")]
RegistryName = Annotated[str, _matches(names.REGISTRY, "5 to 50 letters and digits")]
ResourceGroup = Annotated[str, _matches(names.RESOURCE_GROUP, "1 to 90 characters of A-Z a-z 0-9 - _ . ( )")]
ResourceName = Annotated[str, _matches(names.RESOURCE, "1 to 63 characters of A-Z a-z 0-9 - _ .")]
DnsLabel = Annotated[str, _matches(names.DNS_LABEL, "1 to 63 of a-z 0-9 -, as Kubernetes names are")]
Image = Annotated[str, AfterValidator(_image)]
IPv4 = Annotated[str, AfterValidator(_ipv4)]
Repository = Annotated[str, _matches(names.REPOSITORY, "a repository's name, in lower case, without a tag")]
Cron = Annotated[str, AfterValidator(_cron)]
SyncWindow = Annotated[Duration, _between(timedelta(hours=1), timedelta(days=7), "Azure takes 1h to 7d")]
MessageTtl = Annotated[Duration, _between(timedelta(days=1), timedelta(days=90), "Azure takes 1d to 90d")]
Setting = Annotated[str, BeforeValidator(_setting)]


class Model(BaseModel):
    """Base of all models: camelCase in the file, frozen, unknown keys refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Metadata(Model):
    """What the fleet is called."""

    name: DnsLabel


class Registry(Model):
    """A cloud registry that sites refer to by name."""

    name: RegistryName
    resource_group: ResourceGroup
    subscription: str = Field(min_length=1)

    @property
    def ref(self) -> RegistryRef:
        """The registry's ARM address."""
        return RegistryRef(self.subscription, self.resource_group, self.name)


class Cluster(Model):
    """The Arc-enabled cluster of a site. Its subscription is the registry's where it names none."""

    name: ResourceName
    resource_group: ResourceGroup
    subscription: str | None = None


class Kube(Model):
    """How to reach the cluster's Kubernetes API. Without any, only the Azure steps can be done.

    `kubeconfig` is a path; without it the settings' kubeconfig is used. `inCluster` uses the pod's own service account.
    """

    context: str | None = None
    kubeconfig: str | None = None
    in_cluster: bool = False


_SECRET_KEY = re.compile(r"connectionstring|password|secret|tls\.key", re.IGNORECASE)


class Extension(Model):
    """The connected registry extension's options, as `az k8s-extension create` has them."""

    name: ResourceName | None = None
    """The extension's name; the connected registry's where it is not given, as in Microsoft's article."""
    auto_upgrade: bool = True
    version: str | None = None
    release_train: str | None = None
    settings: Mapping[str, Setting] = Field(default_factory=dict)
    """Further configuration settings (`--config`), for example `pvc.storageRequest: 250Gi`."""

    @model_validator(mode="after")
    def _pinned_means_no_upgrade(self) -> Extension:
        if self.version and self.auto_upgrade:
            raise ValueError("a pinned version needs autoUpgrade: false; Azure refuses the two together")
        if "service.clusterIP" in self.settings:
            raise ValueError("give the address as the site's clusterIP, not as a setting")
        secret = next((key for key in self.settings if _SECRET_KEY.search(key)), None)
        if secret:
            raise ValueError(f"settings.{secret} looks like a secret; a fleet file never holds one")
        return self


class GarbageCollection(Model):
    """When the connected registry removes what nothing refers to any more."""

    enabled: bool = True
    schedule: Cron = "0 0 * * *"


class ConnectedRegistrySettings(Model):
    """A connected registry's own properties, as `az acr connected-registry create` has them.

    What is not given is left as it is; where the registry is created, Azure's defaults are sent.
    """

    mode: Literal["ReadOnly", "ReadWrite"] | None = None
    """Fixed once the connected registry exists."""
    repositories: tuple[Repository, ...] = ()
    """Repositories to be synced besides those of the site's workloads."""
    schedule: Cron | None = None
    window: SyncWindow | None = None
    """How long each sync may last; needs a schedule."""
    message_ttl: MessageTtl | None = None
    log_level: Literal["Debug", "Information", "Warning", "Error", "None"] | None = None
    audit_log: bool | None = None
    notifications: tuple[str, ...] | None = None
    """What is notified of, for example `app/*:*:push`."""
    garbage_collection: GarbageCollection | None = None

    @model_validator(mode="after")
    def _window_needs_schedule(self) -> ConnectedRegistrySettings:
        if self.window and not self.schedule:
            raise ValueError("a window needs a schedule that opens it")
        return self


class Workload(Model):
    """What runs at the site from the connected registry: an image, or a manifest file of the user's own."""

    name: DnsLabel
    namespace: DnsLabel = "default"
    image: Image | None = None
    manifest: str | None = None
    """Path of a YAML file, relative to the fleet file."""
    replicas: int = Field(default=1, ge=0, le=1000)
    pin: Literal["digest", "tag"] = "digest"
    pull_secret: DnsLabel = "regcred"  # noqa: S105 - a name, as the article has it
    timeout: Duration = timedelta(minutes=10)

    @model_validator(mode="after")
    def _one_source(self) -> Workload:
        if (self.image is None) == (self.manifest is None):
            raise ValueError("give either image or manifest")
        return self


def _names_differ(workloads: tuple[Workload, ...]) -> tuple[Workload, ...]:
    twice = [name for name, count in Counter(workload.name for workload in workloads).items() if count > 1]
    if twice:
        raise ValueError(f"workload {twice[0]} is given twice; a site's workloads need names of their own")
    return workloads


class Timeouts(Model):
    """How long each stage of a site may take."""

    extension: Duration = timedelta(minutes=30)
    online: Duration = timedelta(minutes=15)
    sync: Duration = timedelta(minutes=60)


class SiteEntry(Model):
    """One entry of `sites`, after defaults and groups are merged in."""

    name: DnsLabel
    labels: Mapping[str, str] = Field(default_factory=dict)
    registry: RegistryName
    connected_registry: ConnectedRegistryName
    connected_registry_settings: ConnectedRegistrySettings = ConnectedRegistrySettings()
    ensure: bool = False
    """Create the connected registry, its tokens and scope maps where they are missing, and keep them so."""
    parent: DnsLabel | None = None
    """The site whose connected registry this one syncs from; the cloud registry where not given."""
    cluster: Cluster
    cluster_ip: IPv4 = Field(alias="clusterIP")
    kube: Kube | None = None
    parent_protocol: Literal["https", "http"] = "https"
    client_token: ResourceName | None = None
    """The registry token whose password goes into pull secrets; the connected registry's only one where not given."""
    extension: Extension = Extension()
    workloads: Annotated[tuple[Workload, ...], AfterValidator(_names_differ)] = ()
    timeouts: Timeouts = Timeouts()


class Group(Model):
    """Values for the sites that carry all of `match.labels`."""

    match: Match
    set: dict[str, Any]


class Match(Model):
    """Which sites a group is for."""

    labels: Mapping[str, str]


class Rollout(Model):
    """How many sites are worked on at once."""

    max_concurrency: int = Field(default=10, ge=1, le=500)


class FleetFile(Model):
    """The file as written, sites still unmerged."""

    api_version: Literal["fleet/v1"]
    metadata: Metadata
    registries: Annotated[tuple[Registry, ...], AfterValidator(_not_empty)]
    defaults: dict[str, Any] = Field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    sites: Annotated[tuple[dict[str, Any], ...], AfterValidator(_not_empty)]
    rollout: Rollout = Rollout()


class Site(SiteEntry):
    """A complete site: its entry, its registry's ARM address, and what it is nested under."""

    registry_ref: RegistryRef
    ancestors: tuple[str, ...] = ()
    """The connected registries above this one as the fleet file has them, the parent's first."""

    @property
    def cluster_ref(self) -> ClusterRef:
        """The cluster's ARM address."""
        subscription = self.cluster.subscription or self.registry_ref.subscription
        return ClusterRef(subscription, self.cluster.resource_group, self.cluster.name)

    @property
    def extension_name(self) -> str:
        """The extension's name on the cluster."""
        return self.extension.name or self.connected_registry

    @property
    def settings(self) -> dict[str, str]:
        """All of the extension's configuration settings."""
        return {"service.clusterIP": self.cluster_ip, **self.extension.settings}


class Fleet(Model):
    """A fleet, resolved: what flows and tasks work on."""

    name: str
    sites: tuple[Site, ...]
    rollout: Rollout = Rollout()
    manifests: Mapping[str, tuple[dict[str, Any], ...]] = Field(default_factory=dict)
    """By path as the fleet file names it: the objects of each workload's manifest file."""

    def choose(self, names: Sequence[str], labels: Mapping[str, str]) -> Fleet:
        """Return the fleet with the named sites only, and of those the ones that carry all labels.

        Raises:
            ManifestError: A name is not of this fleet, or nothing is left.
        """
        known = {site.name for site in self.sites}
        problems = [f"--site {name}  the fleet has no such site" for name in names if name not in known]
        sites = tuple(
            site
            for site in self.sites
            if (not names or site.name in names) and labels.items() <= dict(site.labels).items()
        )
        if not sites and not problems:
            wanted = ", ".join(f"{key}={value}" for key, value in labels.items())
            problems.append(f"--label {wanted}  no site carries it")
        if problems:
            raise ManifestError(tuple(problems))
        return self.model_copy(update={"sites": sites})
