"""Azure's and Kubernetes' naming rules, and ARM ids: written and parsed here and nowhere else.

Sources: connected registry names, az acr connected-registry and its service (5 to 40 characters, a letter first,
alphanumeric); ARM ids, the Azure Resource Manager URL scheme; Kubernetes names, RFC 1123 labels.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from arcfleet.core.leaks import quote

EXTENSION_TYPE = "microsoft.containerregistry.connectedregistry"
"""Extension types are sent in lower case, as az k8s-extension sends them."""
CLUSTER_RP, CLUSTER_TYPE = "Microsoft.Kubernetes", "connectedClusters"

CONNECTED_REGISTRY = re.compile(r"[A-Za-z][A-Za-z0-9]{4,39}")
REGISTRY = re.compile(r"[A-Za-z0-9]{5,50}")
RESOURCE_GROUP = re.compile(r"[-\w.()]{0,89}[-\w()]", re.ASCII)
SUBSCRIPTION = re.compile(r"[A-Za-z0-9][-A-Za-z0-9]{0,63}")
RESOURCE = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]{0,62}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
BLOCK = re.compile(r"[a-z0-9-]{1,100}")
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
REPOSITORY = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")

LONGEST_IMAGE = 1024
"""Characters: Docker takes 255 for the name and 128 for the tag; a digest is shorter than the rest."""
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
DIGEST = re.compile(r"[a-z0-9+._-]+:[0-9a-fA-F]{32,}")


@dataclass(frozen=True, slots=True)
class RegistryRef:
    """An Azure Container Registry."""

    subscription: str
    resource_group: str
    name: str

    @property
    def id(self) -> str:
        """The registry's ARM id."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.ContainerRegistry/registries/{self.name}"
        )


@dataclass(frozen=True, slots=True)
class ClusterRef:
    """An Arc-enabled Kubernetes cluster."""

    subscription: str
    resource_group: str
    name: str

    @property
    def id(self) -> str:
        """The cluster's ARM id."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/{CLUSTER_RP}/{CLUSTER_TYPE}/{self.name}"
        )

    @classmethod
    def of_id(cls, arm_id: str) -> ClusterRef:
        """Read a cluster's ARM id.

        Raises:
            ValueError: It is none.
        """
        match arm_id.strip("/").split("/"):
            case [_, subscription, _, group, _, _, kind, name] if kind.lower() == CLUSTER_TYPE.lower():
                return cls(subscription, group, name)
        raise ValueError(f"{quote(arm_id)} is no id of an Arc cluster")


@dataclass(frozen=True, slots=True)
class ImageRef:
    """A repository with a tag or a digest, without a registry's host."""

    repository: str
    reference: str

    @classmethod
    def parse(cls, text: str) -> ImageRef:
        """Read `repo`, `repo:tag`, `repo@sha256:…` or `repo:tag@sha256:…`; no tag means `latest`, as Docker has it.

        Raises:
            ValueError: The text names a registry host or is no image reference.
        """
        if len(text) > LONGEST_IMAGE:
            raise ValueError(f"{quote(text)} is longer than any image's name")
        repository, at, reference = text.partition("@")
        if at and ":" in repository.rsplit("/", 1)[-1]:
            # A digest says all; the tag beside it is for people, but still has to be one.
            repository, _, tag = repository.rpartition(":")
            repository = repository if TAG.fullmatch(tag) else ""
        if not at:
            tagged = ":" in text.rsplit("/", 1)[-1]
            repository, _, reference = text.rpartition(":") if tagged else (text, "", "latest")
        form = DIGEST if at else TAG
        if has_host(text) or not REPOSITORY.fullmatch(repository) or not form.fullmatch(reference):
            raise ValueError(f"{quote(text)} is no image of the form repository:tag")
        return cls(repository, reference)

    def __str__(self) -> str:
        return f"{self.repository}{'@' if ':' in self.reference else ':'}{self.reference}"


def has_host(image: str) -> bool:
    """Tell whether an image reference begins with a registry's host (Docker's rule: a dot, a port, or localhost)."""
    first, slash, _ = image.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def last_segment(arm_id: str) -> str:
    """Return the name at the end of an ARM id, for example the token's of `…/tokens/berlin1`."""
    return arm_id.rstrip("/").rpartition("/")[2]


def is_ipv4(text: str) -> bool:
    """Tell whether a text is an IPv4 address as Kubernetes accepts it (no leading zeros)."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
