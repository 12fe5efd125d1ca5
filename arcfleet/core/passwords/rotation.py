"""Rotation of a sync token's password: is one due, may it be replaced now, and when does the old one end?

Two slots make it possible without an interruption: the idle one gets the new password, the extension is given it, the
registry is seen in contact with it, and only after `retireAfter` is the old one replaced by one that nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from arcfleet.core.durations import ago
from arcfleet.core.facts import PasswordFacts, SiteFacts, TokenFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Credentials, Site
from arcfleet.core.passwords import credentials
from arcfleet.core.passwords.credentials import ATTEMPT, MARGIN
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.planning import calls
from arcfleet.core.planning.plan import Disposition, SitePlan, extension_changes
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts import arc
from arcfleet.errors import PermanentError

EXPIRY_MARGIN = timedelta(days=14)
"""A password that ends sooner than this is rotated whatever its age: two weekly runs lie before its end."""
RETIRED_LIFE = timedelta(days=1)
"""How long the password lives that takes an old one's place: nobody knows it."""
REPLICATION = 60.0
"""Seconds until a password that replaces one works everywhere (Azure's documentation of repository-scoped tokens)."""


class Action(StrEnum):
    """What a rotation does at a site."""

    NONE = "none"
    ROTATE = "rotate"
    RETIRE = "retire"
    DEFER = "defer"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Decision:
    """The action and, in a line, why; a finding where the site is left out."""

    action: Action
    because: str
    finding: Finding | None = None


def decide(
    site: Site, facts: SiteFacts, token: TokenFacts, entry: Entry | None, now: datetime, *, asked: bool = False
) -> Decision:
    """Return what a rotation does at a site now.

    Args:
        site: What is wanted; its `credentials` say when.
        facts: What was observed.
        token: The connected registry's sync token.
        entry: What the journal says of it.
        now: The service's time.
        asked: Rotate whatever the age.
    """
    contact = arc.judge(facts.cluster)
    if not contact.ok:
        return Decision(Action.DEFER, contact.message, contact)
    if facts.connected_registry.uses_managed_identity:
        return Decision(Action.NONE, "signs in with a managed identity: there is no password")
    if facts.extension is None:
        return Decision(Action.NONE, "nothing is installed")
    if entry and to_be_retired(token, entry, site.credentials, now):
        return Decision(
            Action.RETIRE, f"password of {credentials.other_slot(entry.slot)} was replaced {_since(entry, now)}"
        )
    why = "asked for" if asked else overdue(in_use(token, facts, entry), site.credentials, now)
    if not why:
        return Decision(Action.NONE, "no rotation is due")
    unproven = _unproven(site, facts)
    return Decision(Action.STOP, why, unproven) if unproven else Decision(Action.ROTATE, why)


def _since(entry: Entry, now: datetime) -> str:
    return f"{ago((now - entry.at).total_seconds())} ago"


def to_be_retired(token: TokenFacts, entry: Entry, policy: Credentials, now: datetime) -> bool:
    """Tell whether the old password's time is over, and nobody has made another one in its slot since."""
    if not entry.retiring or entry.phase is not Phase.VERIFIED or now < entry.at + policy.retire_after:
        return False
    made = password(token, entry.slot), password(token, credentials.other_slot(entry.slot))
    new, old = (found.created if found else None for found in made)
    return new == entry.created and old is not None and (old <= entry.at or _is_end(entry, old))


def _is_end(entry: Entry, made: datetime) -> bool:
    """Tell whether a password is one by which we meant to end the old one, when we were kept from writing it down."""
    return entry.ending is not None and entry.ending - MARGIN <= made <= entry.ending + ATTEMPT


def overdue(used: PasswordFacts | None, policy: Credentials, now: datetime) -> str:
    """Return why the password in use is to be rotated; empty where it is not due, or not known."""
    if used is None or used.created is None:
        return ""
    if ending := ends(used, now):
        return ending
    if now - used.created >= policy.rotate_after:
        return f"the password of {used.name} is {ago((now - used.created).total_seconds())} old"
    return ""


def ends(used: PasswordFacts | None, now: datetime) -> str:
    """Return that a password ends soon, or has ended; empty where it does not.

    Soon is `EXPIRY_MARGIN`, and half of its life where that is less: else a short one would be due from its first day.
    """
    if used is None or used.expires is None:
        return ""
    margin = min(EXPIRY_MARGIN, (used.expires - used.created) / 2) if used.created else EXPIRY_MARGIN
    if used.expires - now >= margin:
        return ""
    return f"the password of {used.name} {'ends' if used.expires > now else 'ended'} {used.expires:%Y-%m-%d %H:%MZ}"


def in_use(token: TokenFacts, facts: SiteFacts, entry: Entry | None) -> PasswordFacts | None:
    """Return the password that the running registry uses, as far as it can be told; None where it can't."""
    try:
        idle = credentials.idle_slot(token, facts.extension, entry)
    except PermanentError:
        return None
    return password(token, credentials.other_slot(idle))


def password(token: TokenFacts, slot: str) -> PasswordFacts | None:
    """Return what a token's slot holds; None where it is absent."""
    return next((found for found in token.passwords if found.name == slot), None)


def _unproven(site: Site, facts: SiteFacts) -> Finding | None:
    """Return why a registry can't be rotated: only one that works as its file says can be seen to work afterwards."""
    why = away(facts)
    if not why and (changes := extension_changes(site, facts.extension)):
        why = f"the site differs from its file: {', '.join(changes)}"
    if not why:
        return None
    return Finding(
        Verdict.FAILED, Reason.NOT_ROTATED, "sync password", f"a rotation is due, but {why}",
        remedy=f"bring the site in order first: arcfleet deploy FLEET --site {site.name}",
    )  # fmt: skip


def away(facts: SiteFacts) -> str:
    """Return in what way a registry is not at work; empty where it is."""
    cr, extension = facts.connected_registry, facts.extension
    state = extension.provisioning_state if extension else "absent"
    if state.lower() == "succeeded" and cr.in_contact:
        return ""
    return f"the extension is {state} and the connected registry {cr.connection_state}"


def plan(site: Site, facts: SiteFacts, decision: Decision) -> SitePlan:
    """Return a decision as a plan."""
    disposition = {
        Action.ROTATE: Disposition.ROTATE,
        Action.RETIRE: Disposition.RETIRE,
        Action.DEFER: Disposition.DEFERRED,
        Action.STOP: Disposition.BLOCKED,
    }.get(decision.action, Disposition.NOOP)
    because = (decision.because,) if disposition in {Disposition.ROTATE, Disposition.RETIRE} else ()
    writes = {Disposition.ROTATE: calls.installation(site, facts), Disposition.RETIRE: (calls.password(site),)}
    return SitePlan(disposition, because=because, calls=writes.get(disposition, ()), finding=decision.finding)
