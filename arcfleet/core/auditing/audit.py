"""The audit of a site: what differs from the fleet file now, who changed it, and what can't be compared.

It tells the comparisons that a plan acts on, and besides them what a plan leaves alone: tokens, the scope of a site
without `ensure`, what pods really run. Nothing is compared that a service does not show: that is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from arcfleet.core.auditing import token_audit
from arcfleet.core.auditing.token_audit import Tokens
from arcfleet.core.commands import addressed
from arcfleet.core.differences import MISSING, Difference, Kind
from arcfleet.core.facts import UNTRACED, RegistryContents, SiteFacts, Trace
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube import workload_drift
from arcfleet.core.kube.workloads import Desired
from arcfleet.core.names import ImageRef
from arcfleet.core.passwords import credentials
from arcfleet.core.planning import comparison, ensure, scope_actions
from arcfleet.core.planning.comparison import Comparison, Place
from arcfleet.core.planning.ensure import Change
from arcfleet.core.reasons import Reason
from arcfleet.core.sync import arrivals
from arcfleet.core.verdicts import arc, pods, sync

GONE = {
    Reason.CONNECTED_REGISTRY_NOT_FOUND: Kind.CONNECTED_REGISTRY,
    Reason.CLUSTER_NOT_FOUND: Kind.CLUSTER,
    Reason.SYNC_TOKEN_NOT_FOUND: Kind.SYNC_TOKEN,
}
"""What was deleted behind our back, though nothing more can be read without it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What can't be compared, and why, in a line each."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What an audit reads besides the facts of a plan."""

    tokens: Tokens
    logins: Mapping[Place, tuple[str, ...] | None] = field(default_factory=dict)
    """By pull secret that lacks the site's login: the registries that it has logins of; None where it is missing."""
    digests: Mapping[ImageRef, str] = field(default_factory=dict)
    """The cloud's digests of images that no workload pins."""

    @property
    def contents(self) -> RegistryContents:
        """What the cloud registry holds."""
        return self.tokens.contents


@dataclass(frozen=True, slots=True)
class SiteAudit:
    """What was found of a site; `finding` says why it could not be audited."""

    site: str
    drift: tuple[Difference, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    finding: Finding | None = None

    @property
    def repairable(self) -> bool:
        """Whether a deploy puts something of it right."""
        return any(not item.remedy for item in self.drift)


def unreadable(site: Site, finding: Finding) -> SiteAudit:
    """Return the audit of a site that could not be read: drift where what is missing was deleted, else its finding."""
    kind = GONE.get(finding.reason)
    if kind is None:
        return SiteAudit(site.name, finding=finding)
    gone = Difference(kind, finding.message, MISSING, remedy=finding.remedy)
    return SiteAudit(site.name, (gone,), (Unknown("everything else of this site", f"there is no {kind}"),))


def audit(site: Site, facts: SiteFacts, wanted: Sequence[Desired], seen: Seen) -> SiteAudit:
    """Audit a site.

    Args:
        site: What is wanted.
        facts: What was observed.
        wanted: Its workloads as they are to be.
        seen: What else was read.
    """
    found = comparison.compare(site, facts, wanted)
    drift = (
        *_extension(site, facts, found),
        *(item for change in found.ensured for item in _of_change(change, seen.contents)),
        *_fixed(site, seen.contents),
        *(() if site.ensure else _scopes(site, facts, wanted, seen)),
        *token_audit.differences(site, facts, seen.tokens, needs_client=bool(wanted)),
        *_secrets(site, found, seen),
        *(item for _, items in found.workloads for item in items),
        *(Difference(Kind.DIGEST, lacking.message, MISSING, remedy=lacking.remedy) for lacking in facts.missing),
        *(item for workload in wanted for item in _running(site, facts, workload, seen)),
    )
    return SiteAudit(site.name, drift, tuple(_unknown(site, facts, wanted)))


def _extension(site: Site, facts: SiteFacts, found: Comparison) -> tuple[Difference, ...]:
    """Return what of the extension differs; a deploy installs none while another instance holds the activation."""
    held = credentials.elsewhere(site, facts)
    return tuple(replace(item, remedy=held.remedy) for item in found.extension) if held else found.extension


def _of_change(change: Change, held: RegistryContents) -> tuple[Difference, ...]:
    """Return what a change of the cloud registry puts right."""
    if change.properties:
        return change.properties
    if change.kind is ensure.Kind.DATA_ENDPOINT:
        return (Difference(Kind.DATA_ENDPOINT, "dedicated data endpoint", "off", "on"),)
    if change.kind is ensure.Kind.SCOPE_MAP:
        existing = held.scope_maps.get(change.name.lower())
        what, lacking = f"{change.subject} {change.name}", scope_actions.show(change.actions)
        if existing is None:
            return (Difference(Kind.SCOPE_MAP, what, MISSING, lacking),)
        return (Difference(Kind.SCOPE_MAP, what, f"without {lacking}", f"with {lacking}", existing.trace),)
    kinds = {ensure.Kind.CONNECTED_REGISTRY: Kind.CONNECTED_REGISTRY}
    kind = Kind.SYNC_TOKEN if change.subject.startswith("sync") else Kind.CLIENT_TOKEN
    return (Difference(kinds.get(change.kind, kind), change.subject, MISSING),)


def _fixed(site: Site, held: RegistryContents) -> Iterator[Difference]:
    """Yield what of the connected registry nobody can change in place."""
    hindrance = ensure.finding(site, held) if site.ensure else None
    if hindrance and hindrance.reason is Reason.IMMUTABLE:
        cr = held.connected.get(site.connected_registry.lower())
        trace = cr.trace if cr else UNTRACED
        yield Difference(
            Kind.CONNECTED_REGISTRY, f"connected registry {site.connected_registry}", hindrance.message,
            "what the file says", trace, hindrance.remedy,
        )  # fmt: skip


def _scopes(site: Site, facts: SiteFacts, wanted: Sequence[Desired], seen: Seen) -> Iterator[Difference]:
    """Yield the repositories that no sync brings to a site that is not ours to `ensure`."""
    held = seen.contents
    needed = ensure.repositories(site, (image for item in wanted for image in item.images))
    for name in (facts.connected_registry.name, *ensure.lineage(site, held)):
        scope_map = held.scope_maps.get(ensure.scope_map_of(held, ensure.sync_token(held, name)).lower())
        if scope_map is None or name.lower() not in held.connected:
            continue  # That its token or its scope map is missing is told by the token's own rules.
        for repository in needed:
            if not sync.in_scope(repository, scope_map.actions):
                remedy = (
                    f"give the site ensure: true, or: az acr connected-registry permissions update --registry "
                    f"{site.registry} --name {name} --add {repository}"
                )
                what = f"sync scope map {scope_map.name}"
                yield Difference(
                    Kind.SCOPE_MAP, what, f"without {repository}", f"with {repository}", scope_map.trace, remedy
                )


def _secrets(site: Site, found: Comparison, seen: Seen) -> Iterator[Difference]:
    existing = bool(site.pull_secret_from and site.pull_secret_from.existing)
    for place, difference in found.pull_secrets.items():
        logins = seen.logins.get(place, ())
        elsewhere = logins and site.cluster_ip not in logins
        others = f"logins of {', '.join(logins or ())} only" if elsewhere else difference.found
        remedy = "whoever writes it is to add the login: kubectl create secret docker-registry …" if existing else ""
        yield replace(difference, found=MISSING if logins is None else others, remedy=remedy)


def _running(site: Site, facts: SiteFacts, wanted: Desired, seen: Seen) -> Iterator[Difference]:
    """Yield where pods run another image than the workload names, or than the tag that it follows names now."""
    live, subject = facts.workloads.get(wanted.workload.name), f"workload {wanted.workload.name}"
    if live is None:
        return
    other = pods.other_digest(live, subject)
    if other:
        remedy = addressed(other, site, wanted.namespace).remedy
        yield Difference(Kind.DIGEST, f"{subject}: pods", other.message, "", UNTRACED, remedy)
    restart = f"kubectl rollout restart {live.kind.lower()} {wanted.name} --namespace {wanted.namespace}"
    for image, digest in seen.digests.items():
        served = arrivals.answer(site.cluster_ip, image, digest, (live,), pulled_by_tag=True)
        if image in wanted.images and served and served.digest not in {"", digest}:
            yield Difference(Kind.DIGEST, f"image {image}", served.digest, digest, UNTRACED, restart)


def _unknown(site: Site, facts: SiteFacts, wanted: Sequence[Desired]) -> Iterator[Unknown]:
    if facts.extension and not facts.connected_registry.uses_managed_identity:
        yield Unknown("the connection string in the extension's protected settings", "Azure shows no protected setting")
    contact = arc.judge(facts.cluster)
    if site.workloads and not contact.ok:
        yield Unknown("pull secrets and workloads", contact.message)
    if any(facts.pull_secrets.values()) and site.pull_secret_from is None:
        yield Unknown("whether the passwords in pull secrets are valid", "Azure shows no password of a token")
    for item in wanted:
        for why in workload_drift.unread(facts.others.get(item.workload.name, ())):
            yield Unknown(f"other objects of workload {item.workload.name}", why)


def when(trace: Trace) -> str:
    """Return who changed something and when, as far as it is known: `kubectl-edit, 2026-11-24 10:18Z`."""
    return ", ".join(filter(None, (trace.by, f"{trace.at:%Y-%m-%d %H:%MZ}" if trace.at else "")))
