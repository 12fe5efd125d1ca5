"""The parts of a site in the fleet file: its cluster, the extension, the connected registry's properties, workloads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from arcfleet.core.durations import duration_text
from arcfleet.core.fleet.fields import (
    BlockName,
    Cron,
    DnsLabel,
    Duration,
    Image,
    MessageTtl,
    Model,
    Repository,
    ResourceGroup,
    ResourceName,
    Setting,
    Subscription,
    SyncWindow,
    Text,
    VariableName,
)


class Cluster(Model):
    """The Arc-enabled cluster of a site."""

    name: ResourceName
    """The connected cluster's name in Azure."""
    resource_group: ResourceGroup
    """Its resource group."""
    subscription: Subscription | None = None
    """Its subscription; the registry's where not given."""


class Kube(Model):
    """How to reach the cluster's Kubernetes API. Without any, only the Azure steps can be done."""

    context: Text | None = None
    """The kubeconfig's context; its current one where not given."""
    kubeconfig: Text | None = None
    """Path, relative to the fleet file; the kubeconfig of the settings where not given."""
    in_cluster: bool = False
    """Use the service account of the pod that arcfleet runs in."""


class Extension(Model):
    """The connected registry extension's options, as `az k8s-extension create` has them."""

    name: ResourceName | None = None
    """The extension's name; the connected registry's where it is not given, as in Microsoft's article."""
    auto_upgrade: bool = True
    """Let Azure upgrade minor versions by itself."""
    version: Text | None = None
    """Pin this version; needs `autoUpgrade: false`."""
    release_train: Text | None = None
    """The release train, for example `stable` or `preview`; Azure's default where not given."""
    settings: Mapping[Text, Setting] = Field(default_factory=dict)
    """Further configuration settings (`--config`), for example `pvc.storageRequest: 250Gi`."""

    @model_validator(mode="after")
    def _settings_fit(self) -> Extension:
        if self.version and self.auto_upgrade:
            raise ValueError("a pinned version needs autoUpgrade: false; Azure refuses the two together")
        if "service.clusterIP" in self.settings:
            raise ValueError("give the address as the site's clusterIP, not as a setting")
        return self


class GarbageCollection(Model):
    """When the connected registry removes what nothing refers to any more."""

    enabled: bool = True
    """Whether it does."""
    schedule: Cron = "0 0 * * *"
    """When, as a cron expression of five fields, in UTC."""


class ConnectedRegistrySettings(Model):
    """A connected registry's own properties, as `az acr connected-registry create` has them.

    What is not given is left as it is; where the registry is created, Azure's defaults are sent.
    """

    mode: Literal["ReadOnly", "ReadWrite"] | None = None
    """Whether the site may push; fixed once the connected registry exists."""
    repositories: tuple[Repository, ...] = ()
    """Repositories to be synced besides those of the site's workloads."""
    schedule: Cron | None = None
    """When a sync begins, as a cron expression of five fields, in UTC."""
    window: SyncWindow | None = None
    """How long each sync may last, 1h to 7d; needs a schedule."""
    message_ttl: MessageTtl | None = None
    """How long sync messages are kept, 1d to 90d."""
    log_level: Literal["Debug", "Information", "Warning", "Error", "None"] | None = None
    """What the connected registry logs."""
    audit_log: bool | None = None
    """Whether it keeps an audit log."""
    notifications: tuple[Text, ...] | None = None
    """What is notified of, for example `app/*:*:push`."""
    garbage_collection: GarbageCollection | None = None
    """When it removes what nothing refers to any more."""

    @model_validator(mode="after")
    def _window_needs_schedule(self) -> ConnectedRegistrySettings:
        if self.window and not self.schedule:
            raise ValueError("a window needs a schedule that opens it")
        return self


class Workload(Model):
    """What runs at the site from the connected registry: an image, or a manifest file of the user's own."""

    name: DnsLabel
    """The workload's name, and the Deployment's where an image is given."""
    namespace: DnsLabel = "default"
    """Its namespace, for objects that name none."""
    image: Image | None = None
    """Repository and tag, without a host: deployed as in Microsoft's article. Either this or `manifest`."""
    manifest: Text | None = None
    """Path of a YAML file, relative to the fleet file."""
    replicas: int = Field(default=1, ge=0, le=1000)
    """Pods of an `image`; a manifest says it itself."""
    pin: Literal["digest", "tag"] = "digest"
    """Run exactly the image that the cloud registry has now, or whatever the tag names."""
    pull_secret: DnsLabel = "regcred"  # noqa: S105 - a name, as the article has it
    """Name of the Kubernetes secret that holds the login for the site's address."""
    timeout: Duration = timedelta(minutes=10)
    """How long its roll-out may take."""

    @model_validator(mode="after")
    def _one_source(self) -> Workload:
        if (self.image is None) == (self.manifest is None):
            raise ValueError("give either image or manifest")
        return self


class PullSecretFrom(Model):
    """A login of the user's own for pull secrets, in place of a client token's generated password. Never a value."""

    username: Text | None = None
    """The login's user name: a token's."""
    env: VariableName | None = None
    """The environment variable that holds the password."""
    file: Text | None = None
    """Path, relative to the fleet file, of the file that holds the password."""
    prefect_secret: BlockName | None = None
    """The Prefect Secret block that holds the password."""
    existing: bool = False
    """The secrets are somebody else's to write; they must hold a login for the site's address."""

    @model_validator(mode="after")
    def _one_source(self) -> PullSecretFrom:
        if sum(map(bool, (self.env, self.file, self.prefect_secret, self.existing))) != 1:
            raise ValueError("give one of env, file, prefectSecret and existing: true")
        if bool(self.username) is self.existing:
            raise ValueError("env, file and prefectSecret need a username; existing has its own")
        return self


class SiteRegistry(Model):
    """Where the site's registry can be asked from here, which its address inside the cluster can't be."""

    endpoint: Text
    """Its address: https, or a loopback address."""
    ca: Text | None = None
    """Path, relative to the fleet file, of the PEM file that its certificate is checked by; the system's otherwise."""

    @model_validator(mode="after")
    def _is_safe(self) -> SiteRegistry:
        url = urlsplit(self.endpoint)
        local = url.scheme == "http" and url.hostname in {"127.0.0.1", "::1", "localhost"}
        if not url.hostname or url.username or url.query or url.fragment or not (url.scheme == "https" or local):
            raise ValueError("give the endpoint as https://HOST[:PORT], without user and query")
        return self


def _names_differ(workloads: tuple[Workload, ...]) -> tuple[Workload, ...]:
    twice = [name for name, count in Counter(workload.name for workload in workloads).items() if count > 1]
    if twice:
        raise ValueError(f"workload {twice[0]} is given twice; a site's workloads need names of their own")
    return workloads


Workloads = Annotated[tuple[Workload, ...], AfterValidator(_names_differ)]


class Credentials(Model):
    """When passwords of sync tokens and client tokens are rotated, by `arcfleet rotate`."""

    rotate_after: Duration = timedelta(days=90)
    """A password older than this is due. One that ends soon is due whatever its age."""
    retire_after: Duration = timedelta(hours=24)
    """How long the replaced password still holds."""
    expires_after: Duration | None = None
    """How long a generated password lives; None for ever, so that no site is cut off where nobody rotates."""

    @model_validator(mode="after")
    def _rotated_in_time(self) -> Credentials:
        least = self.rotate_after + self.retire_after
        if self.expires_after and self.expires_after <= least:
            raise ValueError(
                f"expiresAfter ({duration_text(self.expires_after)}) must be longer than rotateAfter and retireAfter "
                f"together ({duration_text(least)}), else a password ends before it is replaced: lengthen it, or "
                "shorten rotateAfter"
            )
        return self

    def end(self, made: datetime) -> datetime | None:
        """Return when a password ends that is made now; None for never."""
        return made + self.expires_after if self.expires_after else None


class Timeouts(Model):
    """How long each stage of a site may take."""

    extension: Duration = timedelta(minutes=30)
    """The extension's operation in Azure."""
    online: Duration = timedelta(minutes=15)
    """Until the connected registry is in contact."""
    sync: Duration = timedelta(minutes=60)
    """Until the images are there."""
    site: Duration = timedelta(hours=2)
    """From its first step to its last. It is extended to the next sync window where a site has to wait for one."""
