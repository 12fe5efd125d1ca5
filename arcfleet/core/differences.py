"""What of a site differs from the fleet file: a plan acts on it, an audit tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from arcfleet.core.facts import UNTRACED, ExtensionFacts, Trace
from arcfleet.core.fleet.manifest import Site

MISSING = "missing"
ADDRESS = "service.clusterIP"
"""The extension's setting that holds a site's address."""


class Kind(StrEnum):
    """What it is about. The values are a contract: they appear in JSON and in artifacts."""

    EXTENSION = "extension"
    SETTING = "extension setting"
    CLUSTER_IP = "clusterIP"
    VERSION = "version"
    RELEASE_TRAIN = "release train"
    AUTO_UPGRADE = "auto-upgrade"
    DATA_ENDPOINT = "data endpoint"
    CONNECTED_REGISTRY = "connected registry"
    SCOPE_MAP = "scope map"
    SYNC_TOKEN = "sync token"  # noqa: S105 - a kind of resource
    CLIENT_TOKEN = "client token"  # noqa: S105 - a kind of resource
    PULL_SECRET = "pull secret"  # noqa: S105 - a kind of object
    WORKLOAD = "workload"
    DIGEST = "image digest"
    CLUSTER = "Arc cluster"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the fleet file says.

    `trace` is who changed it and when, as far as the services keep that. `remedy` is what a person does where a deploy
    does not put it right; empty where it does.
    """

    kind: Kind
    what: str
    found: str
    wanted: str = ""
    trace: Trace = UNTRACED
    remedy: str = ""

    def __str__(self) -> str:
        """Its line in a plan."""
        if self.found == MISSING:
            return f"{self.what} {self.wanted}".rstrip()
        return f"{self.what}: {self.found} -> {self.wanted}" if self.wanted else f"{self.what} {self.found}"


def of_extension(site: Site, extension: ExtensionFacts | None) -> tuple[Difference, ...]:
    """Return what of the extension differs from the fleet file. Only what the file gives is compared."""
    if extension is None:
        return (Difference(Kind.EXTENSION, "extension", MISSING, site.extension.version or "newest version"),)
    return (*_settings(site, extension), *_options(site, extension))


def _settings(site: Site, extension: ExtensionFacts) -> Iterator[Difference]:
    for key, value in site.settings.items():
        found = extension.settings.get(key)
        if found != value:
            kind = Kind.CLUSTER_IP if key == ADDRESS else Kind.SETTING
            yield Difference(kind, key, "unset" if found is None else found, value, extension.trace)


def _options(site: Site, extension: ExtensionFacts) -> Iterator[Difference]:
    wanted, trace = site.extension, extension.trace
    if extension.auto_upgrade != wanted.auto_upgrade:
        held, asked = _word(extension.auto_upgrade), _word(wanted.auto_upgrade)
        yield Difference(Kind.AUTO_UPGRADE, "autoUpgrade", held, asked, trace)
    if wanted.version and extension.current_version != wanted.version:
        yield Difference(Kind.VERSION, "version", str(extension.current_version), wanted.version, trace)
    train = wanted.release_train
    if train and (extension.release_train or "").lower() != train.lower():
        yield Difference(Kind.RELEASE_TRAIN, "releaseTrain", str(extension.release_train), train, trace)
    if extension.has_failed:
        state = extension.provisioning_state.lower()
        yield Difference(Kind.EXTENSION, "the last installation", state, trace=trace)


def _word(flag: bool) -> str:
    return str(flag).lower()
