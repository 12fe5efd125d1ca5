"""What a preflight reads: frozen values, each of which may be unread for want of a right or an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from arcfleet.core.facts import TokenFacts, Unread

NOT_ASKED = Unread("not asked")


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node of a cluster."""

    name: str
    os: str
    architecture: str
    ready: bool = True
    schedulable: bool = True


@dataclass(frozen=True, slots=True)
class StorageClassFacts:
    """A storage class of a cluster."""

    name: str
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class KubeRight:
    """A verb on a resource in a namespace ("" for the whole cluster), as a SelfSubjectAccessReview asks for it."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    """The one object that it is about, where it is known: a Role may name it. Empty for any."""

    def __str__(self) -> str:
        what = f"{self.resource}{'.' if self.group else ''}{self.group}{'/' if self.name else ''}{self.name}"
        return f"{self.verb} {what}{f' in {self.namespace}' if self.namespace else ''}"


@dataclass(frozen=True, slots=True)
class ClusterSurvey:
    """What a cluster's Kubernetes API shows of the prerequisites of a site."""

    nodes: tuple[NodeFacts, ...] | Unread = NOT_ASKED
    storage_classes: tuple[StorageClassFacts, ...] | Unread = NOT_ASKED
    service_ranges: tuple[str, ...] | Unread = NOT_ASKED
    """The CIDRs of which services get addresses."""
    address_owner: str | Unread = NOT_ASKED
    """`namespace/name` of the service that has the site's address; empty where it is free."""
    used_addresses: frozenset[str] = frozenset()
    """Addresses of other services, as far as they were read, to suggest a free one."""
    missing_rights: tuple[KubeRight, ...] | Unread = ()


@dataclass(frozen=True, slots=True)
class Permission:
    """One entry of what the caller may do at a scope; patterns may hold `*`.

    Source: Microsoft.Authorization/permissions of Azure Resource Manager.
    """

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AzureSurvey:
    """What Azure shows of the prerequisites of a site."""

    providers: Mapping[str, str | Unread] = field(default_factory=dict)
    """Registration state by resource provider."""
    registry_permissions: tuple[Permission, ...] | Unread = NOT_ASKED
    cluster_permissions: tuple[Permission, ...] | Unread = NOT_ASKED
    has_images: bool | Unread = NOT_ASKED
    tokens: Mapping[str, TokenFacts] | Unread = NOT_ASKED
    """The registry's tokens by lower-case name."""
