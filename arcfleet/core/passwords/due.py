"""Passwords that are due, told ahead of their rotation: to whoever reads a plan or a status.

What a token shows is all that is asked, not the journal, which only a run has. So of a sync token the password in use
is inferred, and of a client token only its end is told: which of its two passwords is whose can't be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from arcfleet.core.facts import PasswordFacts, SiteFacts, TokenFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import last_segment
from arcfleet.core.passwords import rotation
from arcfleet.core.planning.plan import Disposition, SitePlan
from arcfleet.core.reasons import Reason

SYNC, CLIENT = "sync password", "client token"


def ending(site: Site, facts: SiteFacts, tokens: Mapping[str, TokenFacts], now: datetime) -> tuple[Finding, ...]:
    """Return a finding for each password of an installed site that ends soon, or has ended.

    Args:
        site: Whose passwords.
        facts: What was observed.
        tokens: Those of its cloud registry by lower-case name, as they show themselves.
        now: The service's time.
    """
    return tuple(_findings(site, facts, tokens, now, by_age=False))


def due(site: Site, facts: SiteFacts, tokens: Mapping[str, TokenFacts], now: datetime) -> tuple[Finding, ...]:
    """Return what `ending` does, and a finding for a sync password that is older than the fleet file lets it be."""
    return tuple(_findings(site, facts, tokens, now, by_age=True))


def _findings(
    site: Site, facts: SiteFacts, tokens: Mapping[str, TokenFacts], now: datetime, *, by_age: bool
) -> Iterable[Finding]:
    cr = facts.connected_registry
    if facts.extension is None:
        return
    sync = tokens.get(last_segment(cr.sync_token_id).lower())
    if sync and not cr.uses_managed_identity:
        used = rotation.in_use(sync, facts, None)
        why = rotation.ends(used, now) or (rotation.overdue(used, site.credentials, now) if by_age else "")
        if why:
            yield _finding(site, SYNC, why)
    for token in _client_tokens(site, cr.client_token_ids, tokens):
        if why := rotation.ends(_last(token), now):
            yield _finding(site, CLIENT, f"{token.name}: {why}")


def _client_tokens(site: Site, ids: Sequence[str], tokens: Mapping[str, TokenFacts]) -> Iterable[TokenFacts]:
    if site.pull_secret_from or not site.workloads:
        return ()
    names = (last_segment(token_id).lower() for token_id in ids)
    wanted = (site.client_token or "").lower()
    return [tokens[name] for name in names if name in tokens and wanted in {"", name}]


def _last(token: TokenFacts) -> PasswordFacts | None:
    """Return the password of a token that ends last; None where one never does."""
    ends = {found.expires: found for found in token.passwords if found.expires}
    return ends[max(ends)] if ends and all(found.expires for found in token.passwords) else None


def _finding(site: Site, subject: str, message: str) -> Finding:
    remedy = f"arcfleet rotate FLEET --site {site.name}"
    return Finding(Verdict.DEGRADED, Reason.ROTATION_DUE, subject, message, remedy=remedy)


def noted(plan: SitePlan, findings: Sequence[Finding]) -> SitePlan:
    """Return a plan with the rotations that are due at its site.

    Where a deploy has nothing to do, they are what the plan is about; else they are noted beside it. A sync password is
    not, where the plan brings a new one.
    """
    findings = tuple(found for found in findings if not (plan.install and plan.changes and found.subject == SYNC))
    if not findings:
        return plan
    if plan.disposition is not Disposition.NOOP:
        return replace(plan, notes=(*plan.notes, *findings))
    told = ", ".join(f"{found.subject}: {found.message}" for found in findings)
    return replace(plan, disposition=Disposition.ROTATE, because=(f"{told}: arcfleet rotate",))
