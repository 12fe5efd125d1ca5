"""The plan of one site: what differs from the fleet file, what is done about it, and why.

Level-triggered: a plan compares what was observed with what is wanted. A site that is as it should be gets a plan that
changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from arcfleet.core import differences
from arcfleet.core.commands import addressed
from arcfleet.core.facts import ConnectedRegistryFacts, ExtensionFacts, SiteFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import Desired
from arcfleet.core.names import last_segment
from arcfleet.core.passwords import credentials
from arcfleet.core.passwords.credentials import Action
from arcfleet.core.planning import calls, comparison, ensure
from arcfleet.core.planning.calls import Call
from arcfleet.core.planning.comparison import Comparison
from arcfleet.core.planning.ensure import Change
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts import arc


class Step(StrEnum):
    """The steps of a site, in their order; the words are the task runs' names."""

    OBSERVE = "observe"
    PREFLIGHT = "preflight"
    ENSURE = "ensure connected registry"
    GENERATE_CREDENTIAL = "generate credential"
    INSTALL_EXTENSION = "install extension"
    SETTLE_EXTENSION = "settle extension"
    WAIT_HEALTHY = "wait healthy"
    CHECK_SYNC = "check sync"
    PULL_SECRET = "pull secret"  # noqa: S105 - a step's name
    ROLL_OUT = "roll out"
    RESTART_PODS = "restart pods"
    RETIRE_PASSWORD = "retire password"  # noqa: S105 - a step's name
    REMOVE_WORKLOADS = "remove workloads"
    REMOVE_LOGINS = "remove logins"
    DELETE_EXTENSION = "delete extension"
    DEACTIVATE = "deactivate"
    END_PASSWORDS = "end passwords"
    DELETE_CONNECTED_REGISTRY = "delete connected registry"
    DELETE_TOKENS = "delete tokens"
    CLEAR_JOURNAL = "clear journal"


class Disposition(StrEnum):
    """What a plan amounts to."""

    CREATE = "create"
    UPDATE = "update"
    ROTATE = "rotate"
    RETIRE = "retire"
    REMOVE = "remove"
    NOOP = "noop"
    DEFERRED = "deferred"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class SitePlan:
    """What will be done at a site.

    `finding` says why nothing is done, where the site is deferred or blocked. `because` has one line per change.
    """

    disposition: Disposition
    install: bool = False
    """Generate a password and deliver it with the extension's settings."""
    settle_first: bool = False
    """An operation is under way: wait for its end, then observe and plan again."""
    workloads: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    """Of each of the workloads, the hash of what is applied, pinned digests among it."""
    pull_secrets: tuple[tuple[str, str], ...] = ()
    because: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    """Every write, in its order. Dry runs are none."""
    restarts_registry: bool = False
    """The connected registry's pod is replaced: pulls fail until the new one answers."""
    pods: tuple[tuple[str, int, bool], ...] = ()
    """By workload: its name, its number of pods, and whether they replace running ones."""
    finding: Finding | None = None
    ensure: tuple[Change, ...] = ()
    """What is written to the cloud registry first, in this order."""
    notes: tuple[Finding, ...] = ()
    """Further findings of the preflight: what else blocks, and what could not be checked."""
    kept: tuple[str, ...] = ()
    """What a removal leaves, and why, a line each."""

    @property
    def changes(self) -> bool:
        """Whether anything is to be written or waited for."""
        return self.disposition in {Disposition.CREATE, Disposition.UPDATE, Disposition.REMOVE}

    @property
    def needs_preflight(self) -> bool:
        """Whether a write is to be made whose prerequisites are to be looked at first."""
        return self.changes and not self.settle_first

    def ensuring(self, kept: tuple[Change, ...]) -> SitePlan:
        """Return the plan with only these of its changes to the cloud registry: others are made for another site."""
        if kept == self.ensure:
            return self
        because = (*(change.because for change in kept), *self.because[len(self.ensure) :])
        calls = (*(change.call for change in kept), *self.calls[len(self.ensure) :])
        disposition = self.disposition if because else Disposition.NOOP
        return replace(self, disposition=disposition, ensure=kept, because=because, calls=calls)

    def judged(self, findings: Sequence[Finding]) -> SitePlan:
        """Return the plan after its preflight: blocked by the first finding that is a failure."""
        blocking = next((finding for finding in findings if finding.verdict is Verdict.FAILED), None)
        notes = tuple(finding for finding in findings if finding is not blocking)
        if blocking is None:
            return replace(self, notes=notes)
        return replace(self, disposition=Disposition.BLOCKED, finding=blocking, notes=notes)


def plan(site: Site, facts: SiteFacts, wanted: Sequence[Desired]) -> SitePlan:
    """Plan a site.

    Args:
        site: What is wanted.
        facts: What was observed.
        wanted: Its workloads as they are to be.
    """
    stop = _stop(site, facts)
    if stop:
        return stop
    made = _compared(site, facts, wanted)
    # Where a preflight follows, it tells of these too, with whatever else is missing.
    return made if made.needs_preflight or made.settle_first or made.finding else made.judged(facts.missing)


def _compared(site: Site, facts: SiteFacts, wanted: Sequence[Desired]) -> SitePlan:
    """Return what differs from the fleet file, and what is done about it."""
    decision = credentials.decide(facts)
    if decision.action is Action.WAIT:
        return SitePlan(Disposition.UPDATE, settle_first=True, because=(decision.because,))
    found = comparison.compare(site, facts, wanted)
    # Whatever is installed already can't know the token of a connected registry that is made only now.
    fresh = any(change.kind is ensure.Kind.CONNECTED_REGISTRY and change.creates for change in found.ensured)
    install = bool(found.extension) or fresh or decision.action is Action.GENERATE
    because = (
        *((decision.because,) if install and not found.extension else ()),
        *(change.because for change in found.ensured),
        *map(str, found.extension),
        *found.because,
    )
    secrets = tuple(found.pull_secrets)
    if because and secrets and site.pull_secret_from and site.pull_secret_from.existing:
        return _lacking(site, facts.connected_registry, secrets[0])
    return _made(site, facts, found, because, install=install, fresh=fresh) if because else SitePlan(Disposition.NOOP)


def _made(
    site: Site, facts: SiteFacts, found: Comparison, because: tuple[str, ...], *, install: bool, fresh: bool
) -> SitePlan:
    """Return the plan that puts right what differs."""
    rolled, secrets = [item for item, _ in found.workloads], tuple(found.pull_secrets)
    return SitePlan(
        Disposition.CREATE if fresh or facts.extension is None else Disposition.UPDATE,
        # Protected settings are replaced as a whole by every change of the extension, so each one carries a password.
        install=install,
        workloads=tuple(w.workload.name for w in rolled),
        contents=tuple(w.hash for w in rolled),
        pull_secrets=secrets,
        because=because,
        calls=(
            *(change.call for change in found.ensured),
            *(calls.installation(site, facts) if install else ()),
            *calls.pull_secrets(site, facts, secrets),
            *calls.rollouts(site, rolled),
        ),
        ensure=found.ensured,
        restarts_registry=install and facts.extension is not None,
        pods=tuple(
            (w.workload.name, w.deployment["spec"].get("replicas", 1), bool(facts.workloads.get(w.workload.name)))
            for w in rolled
        ),
    )


def _lacking(site: Site, cr: ConnectedRegistryFacts, secret: tuple[str, str]) -> SitePlan:
    names = ", ".join(last_segment(token_id) for token_id in cr.client_token_ids)
    whose = f" of one of {cr.name}'s client tokens ({names})" if names else ""
    finding = Finding(
        Verdict.FAILED, Reason.PULL_PASSWORD, "pull secret",
        f"pull secret {'/'.join(secret)} is to exist already, but holds no login for {site.cluster_ip}{whose}",
        remedy=f"kubectl create secret docker-registry {secret[1]} -n {secret[0]} "
        f"--docker-server={site.cluster_ip} …, or add the login to it",
    )  # fmt: skip
    return SitePlan(Disposition.BLOCKED, finding=finding)


def extension_changes(site: Site, extension: ExtensionFacts | None) -> tuple[str, ...]:
    """Return, a line each, what of the extension differs from the fleet file."""
    return tuple(map(str, differences.of_extension(site, extension)))


def _stop(site: Site, facts: SiteFacts) -> SitePlan | None:
    """Return the plan of a site where nothing may be begun, or None."""
    in_contact = arc.judge(facts.cluster)
    if not in_contact.ok:
        return SitePlan(Disposition.DEFERRED, finding=in_contact)
    hindrance = ensure.finding(site, facts.contents) if facts.contents else None
    if hindrance:
        return SitePlan(Disposition.BLOCKED, finding=hindrance)
    held_elsewhere = credentials.elsewhere(site, facts)
    if held_elsewhere:
        return SitePlan(Disposition.BLOCKED, finding=held_elsewhere)
    decision = credentials.decide(facts)
    if facts.hindrance and decision.action in {Action.STOP, Action.DEFER}:
        held = Disposition.DEFERRED if decision.action is Action.DEFER else Disposition.BLOCKED
        return SitePlan(held, finding=addressed(facts.hindrance, site))
    if facts.connected_registry.uses_managed_identity and extension_changes(site, facts.extension):
        return SitePlan(
            Disposition.BLOCKED,
            finding=Finding(
                Verdict.FAILED, Reason.REFUSED, "connected registry",
                "signs in with a managed identity, for which arcfleet can't compose the connection string yet",
                remedy="install this site's extension with az k8s-extension create",
            ),
        )  # fmt: skip
    return None
