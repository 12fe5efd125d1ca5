"""The values of a removal: what was asked for, what is still there, and what is deleted in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby

from arcfleet.core.facts import ClusterFacts, ExtensionFacts, RegistryContents
from arcfleet.core.findings import Finding
from arcfleet.core.kube.workloads import FIELD_MANAGER
from arcfleet.core.passwords.journal import Entry
from arcfleet.core.planning.calls import Call
from arcfleet.core.planning.plan import Disposition, SitePlan, Step
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError

APPLY = "Apply"
SECRETS = "Secret"
"""The kind of a pull secret."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operator wants removed besides what every removal removes."""

    workloads: bool = False
    """What arcfleet applied in the cluster, and its login in pull secrets."""
    connected_registry: bool = False
    """The connected registries of sites without `ensure` too."""
    abandon_offline: bool = False
    """Let Azure forget extensions on clusters that are out of contact; what runs there is left as it is."""

    @property
    def options(self) -> str:
        """The options of `arcfleet remove` that ask for it."""
        named = {
            "--workloads": self.workloads,
            "--connected-registry": self.connected_registry,
            "--abandon-offline": self.abandon_offline,
        }
        return " ".join(option for option, asked in named.items() if asked)


def check_confirmation(fleet: str, typed: str) -> None:
    """Refuse to remove anything of a fleet unless its name was typed.

    Raises:
        PermanentError: Something else was.
    """
    if typed != fleet:
        raise PermanentError(
            Reason.NOT_CONFIRMED,
            f"{typed!r} is not the name of the fleet; nothing was removed",
            f"confirm with the fleet's name, metadata.name of its file: {fleet}",
        )


@dataclass(frozen=True, slots=True)
class Held:
    """An object in a cluster, and who wrote it: what tells whether it is ours."""

    kind: str
    namespace: str
    name: str
    uid: str
    writers: frozenset[tuple[str, str]] = frozenset()
    """Manager and operation of each entry of its managedFields; those of subresources are left out."""
    hosts: frozenset[str] = frozenset()
    """The registries for which a pull secret holds a login."""

    @property
    def is_applied_by_us(self) -> bool:
        """Whether arcfleet applied it, and nobody else did."""
        return {manager for manager, operation in self.writers if operation == APPLY} == {FIELD_MANAGER}

    @property
    def is_written_by_us(self) -> bool:
        """Whether arcfleet has written something of it."""
        return any(manager == FIELD_MANAGER for manager, _ in self.writers)

    @property
    def is_all_ours(self) -> bool:
        """Whether nobody but arcfleet has ever written it: then arcfleet created it."""
        return {manager for manager, _ in self.writers} == {FIELD_MANAGER}

    def __str__(self) -> str:
        what = "pull secret" if self.kind == SECRETS else self.kind
        return f"{what} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Found:
    """What of a site is still there."""

    cluster: ClusterFacts | None
    """None where Azure knows no such cluster, and so no extension on it."""
    extension: ExtensionFacts | None
    contents: RegistryContents
    entries: Mapping[str, Entry] = field(default_factory=dict)
    """By lower-case name of a token: what the journal says of its passwords."""
    objects: tuple[Held, ...] = ()
    """The objects of the site's workloads; read where they are to be removed."""
    pull_secrets: tuple[Held, ...] = ()
    """Its pull secrets, likewise."""


class Kind(StrEnum):
    """What a deletion deletes."""

    WORKLOAD = "workload"
    LOGIN = "login"
    EXTENSION = "extension"
    ACTIVATION = "activation"
    PASSWORDS = "passwords"
    CONNECTED_REGISTRY = "connected registry"
    TOKEN = "registry token"  # noqa: S105 - a kind of resource
    SCOPE_MAP = "scope map"
    RIGHTS = "rights"
    JOURNAL = "journal"


STEPS = {
    Kind.WORKLOAD: Step.REMOVE_WORKLOADS,
    Kind.LOGIN: Step.REMOVE_LOGINS,
    Kind.EXTENSION: Step.DELETE_EXTENSION,
    Kind.ACTIVATION: Step.DEACTIVATE,
    Kind.PASSWORDS: Step.END_PASSWORDS,
    Kind.CONNECTED_REGISTRY: Step.DELETE_CONNECTED_REGISTRY,
    Kind.TOKEN: Step.DELETE_TOKENS,
    Kind.SCOPE_MAP: Step.DELETE_TOKENS,
    Kind.RIGHTS: Step.DELETE_TOKENS,
    Kind.JOURNAL: Step.CLEAR_JOURNAL,
}
"""The step that each kind is deleted in."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """One thing that is deleted: what it is, for people, and what that needs."""

    kind: Kind
    subject: str
    name: str = ""
    call: Call | None = None
    """The write; None for the journal, which is arcfleet's own."""
    parts: tuple[str, ...] = ()
    """The actions to be taken out of a scope map, or the names of a token's passwords."""
    held: Held | None = None
    """The object in the cluster."""
    forced: bool = False
    """Of an extension: Azure only forgets it."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one step of a removal deletes."""

    step: Step
    deletions: tuple[Deletion, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """What is deleted at a site, in this order; what is kept and why; or why nothing is done."""

    deletions: tuple[Deletion, ...] = ()
    kept: tuple[str, ...] = ()
    finding: Finding | None = None
    disposition: Disposition = Disposition.REMOVE
    notes: tuple[Finding, ...] = ()
    """What could not be checked beforehand."""

    def judged(self, findings: Sequence[Finding]) -> Removal:
        """Return the removal once rights were looked at: blocked by the first finding that is a failure."""
        made = self.plan.judged(findings)
        if made.finding:
            return Removal(finding=made.finding, disposition=made.disposition, notes=made.notes)
        return replace(self, notes=made.notes)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The deletions by step."""
        return tuple(Part(step, tuple(found)) for step, found in groupby(self.deletions, lambda each: STEPS[each.kind]))

    @property
    def plan(self) -> SitePlan:
        """The removal as a plan, to be read."""
        if self.finding:
            return SitePlan(self.disposition, finding=self.finding, notes=self.notes)
        return SitePlan(
            Disposition.REMOVE if self.deletions else Disposition.NOOP,
            because=tuple(dict.fromkeys(each.subject for each in self.deletions)) or ("nothing left to remove",),
            calls=tuple(each.call for each in self.deletions if each.call),
            kept=self.kept,
            notes=self.notes,
        )
