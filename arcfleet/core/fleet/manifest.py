"""The fleet file's models. Unknown keys are refused; every default is written here or in `core.fleet.site_parts`.

A site that leaves `core.fleet.resolve` is complete: defaults and groups are merged in, references are looked up.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from arcfleet.core.fleet.fields import (
    ConnectedRegistryName,
    DnsLabel,
    IPv4,
    Label,
    Model,
    NotEmpty,
    RegistryName,
    ResourceGroup,
    ResourceName,
    Subscription,
    Text,
)
from arcfleet.core.fleet.rollout_parts import Approval, Check, Gate, Match, Rollout, Wave, Window
from arcfleet.core.fleet.site_parts import (
    Cluster,
    ConnectedRegistrySettings,
    Credentials,
    Extension,
    GarbageCollection,
    Kube,
    PullSecretFrom,
    SiteRegistry,
    Timeouts,
    Workload,
    Workloads,
)
from arcfleet.core.names import ClusterRef, RegistryRef
from arcfleet.errors import ManifestError

__all__ = [
    "Approval",
    "Check",
    "Cluster",
    "ConnectedRegistrySettings",
    "Credentials",
    "Extension",
    "Fleet",
    "FleetFile",
    "GarbageCollection",
    "Gate",
    "Group",
    "Inventory",
    "Kube",
    "Match",
    "Metadata",
    "PullSecretFrom",
    "Registry",
    "Rollout",
    "Site",
    "SiteEntry",
    "Timeouts",
    "Wave",
    "Window",
    "Workload",
]


class Metadata(Model):
    """What the fleet is called."""

    name: DnsLabel
    """The fleet's name."""


class Registry(Model):
    """A cloud registry that sites refer to by name."""

    name: RegistryName
    """Its name, without `.azurecr.io`."""
    resource_group: ResourceGroup
    """Its resource group."""
    subscription: Subscription
    """The id of its subscription."""

    @property
    def ref(self) -> RegistryRef:
        """The registry's ARM address."""
        return RegistryRef(self.subscription, self.resource_group, self.name)


class SiteEntry(Model):
    """One entry of `sites`, after defaults and groups are merged in."""

    name: DnsLabel
    """The site's name, unique in the fleet."""
    labels: Mapping[Text, Label] = Field(default_factory=dict)
    """What groups and `--label` choose sites by."""
    registry: RegistryName
    """Name of the cloud registry, one of `registries`."""
    connected_registry: ConnectedRegistryName
    """Name of the connected registry, unique in its cloud registry."""
    connected_registry_settings: ConnectedRegistrySettings = ConnectedRegistrySettings()
    """The connected registry's own properties, for `ensure`."""
    ensure: bool = False
    """Create the connected registry, its tokens and scope maps where they are missing, and keep them so."""
    parent: DnsLabel | None = None
    """The site whose connected registry this one syncs from; the cloud registry where not given."""
    cluster: Cluster
    """The Arc-enabled cluster; one site each."""
    cluster_ip: IPv4 = Field(alias="clusterIP")
    """The connected registry's address: free, and inside the cluster's service range."""
    kube: Kube | None = None
    """How to reach the cluster's Kubernetes API; without it only the Azure steps are done."""
    parent_protocol: Literal["https", "http"] = "https"
    """How the parent is spoken to."""
    client_token: ResourceName | None = None
    """The registry token whose password goes into pull secrets; the connected registry's only one where not given."""
    pull_secret_from: PullSecretFrom | None = None
    """A login of the user's own for pull secrets; where not given, a password of the client token is generated."""
    site_registry: SiteRegistry | None = None
    """Where the connected registry can be asked which images it has; without it the pods' own pulls are the proof."""
    extension: Extension = Extension()
    """The extension's options."""
    workloads: Workloads = ()
    """What runs at the site from the connected registry."""
    credentials: Credentials = Credentials()
    """When passwords are rotated."""
    timeouts: Timeouts = Timeouts()
    """How long each stage may take."""


class Group(Model):
    """Values for the sites that carry all of `match.labels`."""

    match: Match
    """Which sites it is for."""
    set: dict[str, Any]
    """Keys of a site, laid over the defaults and the groups before this one."""


class Inventory(Model):
    """Clusters to be asked of Azure; each one found becomes a site."""

    subscription: Subscription
    """The id of the subscription whose Arc-enabled clusters are listed."""
    resource_group: ResourceGroup | None = None
    """Only this resource group's; the whole subscription's where not given."""
    tags: Mapping[Text, Label | None] = Field(default_factory=dict)
    """Only clusters with all of these tags; null stands for any value."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Keys of a site, laid over the defaults and the groups; `{cluster}` in a text is the cluster's name."""
    from_tags: Mapping[Literal["clientToken", "clusterIP", "connectedRegistry", "parent", "registry"], Text] = Field(
        default_factory=dict
    )
    """Key of a site -> the cluster's tag that holds its value."""


class FleetFile(Model):
    """A fleet as written, sites still unmerged."""

    api_version: Literal["fleet/v1"]
    """The format's version."""
    metadata: Metadata
    """What the fleet is called."""
    registries: Annotated[tuple[Registry, ...], NotEmpty]
    """The cloud registries."""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """Keys of a site, for every site."""
    groups: tuple[Group, ...] = ()
    """Keys of a site, for the sites with some labels; applied in their order."""
    sites: tuple[dict[str, Any], ...] = ()
    """The sites; maps merge with defaults and groups, lists replace, null deletes."""
    sites_from: tuple[Inventory, ...] = ()
    """Sites from Azure's list of clusters, besides those of `sites`."""
    rollout: Rollout = Rollout()
    """How the sites are worked on."""


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
    inventories: Mapping[int, Inventory] = Field(default_factory=dict)
    """Entries of `sitesFrom` that Azure was not asked for yet, by index: sites may be added."""

    def choose(self, names: Sequence[str], labels: Mapping[str, str]) -> Fleet:
        """Return the fleet with the named sites only, and of those the ones that carry all labels.

        Raises:
            ManifestError: A name is not of this fleet, or nothing is left.
        """
        known = {site.name for site in self.sites}
        problems = [f"--site {no_such_site(name, known)}" for name in names if name not in known]
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


def no_such_site(name: str, known: Iterable[str]) -> str:
    """Return what is said of a name that no site of a fleet has, with the name that was meant if one is close."""
    near = difflib.get_close_matches(name, sorted(known), 1)
    return f"{name}  the fleet has no such site{f'; did you mean {near[0]}?' if near else ''}"
