"""Rotation of a client token's password: the one that the site's pull secrets hold.

Unlike a sync token's, a client token's other slot may be in anybody's use: a colleague's laptop, a pull secret made by
hand. So a password is made only into a slot that is absent, or of which the journal shows that its value is ours and
no longer held by anybody; and only an old password that was ours is ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from arcfleet.core.facts import PasswordFacts, SiteFacts, TokenFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import Desired, Login
from arcfleet.core.passwords.credentials import ATTEMPT, absent_slot, other_slot
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.passwords.rotation import Action, Decision, away, overdue, password, to_be_retired
from arcfleet.core.planning import calls
from arcfleet.core.planning.calls import Call
from arcfleet.core.planning.plan import Disposition, SitePlan
from arcfleet.core.reasons import Reason


@dataclass(frozen=True, slots=True)
class PullLogin:
    """A login for pull secrets, and the journal's entry for its password: None where it was found, not made."""

    login: Login
    key: str = ""
    entry: Entry | None = None
    replaces: bool = False
    """Its slot held another password, so it does not work everywhere at once: `rotation.REPLICATION`."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a rotation finds of a site's pull secrets and the client token whose login is in them."""

    token_id: str
    token: TokenFacts
    entry: Entry | None
    workloads: tuple[Desired, ...]
    """Those whose pull secret holds the token's login."""
    sharing: int = 1
    """How many connected registries have this client token."""
    holding: tuple[tuple[str, str], ...] = ()
    """Those of the pull secrets that hold the journal's password, where that is still the token's."""

    unmarked: tuple[tuple[str, str], ...] = ()
    """Those that do not say which password they hold."""

    @property
    def interrupted(self) -> bool:
        """Whether a rotation ended while it wrote the pull secrets: each holds the old password or the new one."""
        return self.entry is not None and self.entry.phase is Phase.DELIVERING and self.entry.retiring

    @property
    def held(self) -> bool:
        """Whether somebody may hold the password that was made last.

        Not after an interruption, if every pull secret is marked with another one: it was given to nobody else.
        """
        return bool(self.holding or self.unmarked) or not self.interrupted

    @property
    def goes_on(self) -> bool:
        """Whether a rotation that was interrupted can go on with the password that it had made."""
        return self.interrupted and bool(self.holding)

    @property
    def secrets(self) -> tuple[tuple[str, str], ...]:
        """The pull secrets that hold the token's login, as (namespace, name)."""
        return tuple(dict.fromkeys((item.namespace, item.workload.pull_secret) for item in self.workloads))


def is_ours(token: TokenFacts, entry: Entry | None) -> bool:
    """Tell whether the password that the site holds is one that we made, and nobody has replaced since."""
    if entry is None:
        return False
    if entry.has_no_value:
        return entry.retiring
    made = password(token, entry.slot)
    return made is not None and made.created is not None and made.created == entry.created


CLAIM = timedelta(minutes=2)
"""How long another run is given to have its password made; that takes seconds."""


def claimed(token: TokenFacts, entry: Entry | None, owner: str, now: datetime) -> Finding | None:
    """Return that another run is filling a slot of a client token just now; None where none is.

    Two fleets may have one token, and each fleet its run. What a run intends is written down before it is done.
    """
    if entry is None or not entry.has_no_value or entry.owner in {"", owner} or now - entry.at >= CLAIM:
        return None
    return Finding(
        Verdict.FAILED, Reason.CLIENT_TOKEN, "client token",
        f"another run is making {entry.slot} of client token {token.name} just now",
        remedy="run the same command again in two minutes; a clientToken of each site's own is better",
    )  # fmt: skip


def is_marked(login: Login, token: TokenFacts, entry: Entry | None) -> bool:
    """Tell whether a pull secret's login is the password that the journal knows, and nobody has replaced since."""
    return entry is not None and bool(entry.mark) and login.mark == entry.mark and is_ours(token, entry)


def free_slot(token: TokenFacts, entry: Entry | None, *, held: bool) -> str | None:
    """Return the slot of a client token that a password may be made into; None where there is none.

    Args:
        token: The client token with its slots.
        entry: What the journal says of it.
        held: Whether a pull secret may hold what was on its way when a run ended: unless the site is known to be the
            token's only user and has no login at all.
    """
    if entry is not None and entry.has_no_value and not _made_since(token, entry):
        return entry.slot
    if entry is not None and entry.phase is Phase.DELIVERING and not held and is_ours(token, entry):
        return entry.slot
    absent = absent_slot(token)
    if absent or entry is None or entry.retired is None:
        return absent
    other = password(token, other_slot(entry.slot))
    return other.name if other and other.created == entry.retired else None


def _made_since(token: TokenFacts, entry: Entry) -> bool:
    """Tell whether somebody else has made the slot's password since we meant to."""
    made = password(token, entry.slot)
    return made is not None and (made.created is None or made.created > entry.at + ATTEMPT)


def replaces_ours(token: TokenFacts, entry: Entry | None, slot: str) -> bool:
    """Tell whether a password made into `slot` replaces one of ours in the other slot, which then is to be retired."""
    if entry is None or not is_ours(token, entry):
        return False
    return entry.retiring if entry.slot == slot else not entry.has_no_value


def in_use(token: TokenFacts, entry: Entry | None) -> PasswordFacts | None:
    """Return the password that the site's pull secrets hold; where it can't be told, the older one."""
    if entry is not None and is_ours(token, entry):
        return password(token, other_slot(entry.slot) if entry.has_no_value else entry.slot)
    made = [found for found in token.passwords if found.created]
    return min(made, key=lambda found: str(found.created), default=None)


def decide(site: Site, facts: SiteFacts, found: Found | None, now: datetime, *, asked: bool) -> Decision:
    """Return what a rotation does about a site's pull secrets now.

    Args:
        site: What is wanted; its `credentials` say when.
        facts: What was observed.
        found: The pull secrets and their token; None where no secret of the site holds a login of a client token.
        now: The service's time.
        asked: Rotate whatever the age.
    """
    if found is None or facts.extension is None:
        return Decision(Action.NONE, "no pull secret holds a client token's login")
    if found.entry and found.sharing == 1 and to_be_retired(found.token, found.entry, site.credentials, now):
        old = other_slot(found.entry.slot)
        return Decision(Action.RETIRE, f"client token {found.token.name}: password of {old} was replaced")
    why = "asked for" if asked else overdue(in_use(found.token, found.entry), site.credentials, now)
    if found.interrupted:
        why = "an earlier rotation ended while it wrote the pull secrets"
    if not why:
        return Decision(Action.NONE, "no rotation is due")
    because = f"client token {found.token.name}: {why}"
    hindrance = _hindrance(site, facts, found)
    return Decision(Action.STOP, because, hindrance) if hindrance else Decision(Action.ROTATE, because)


def _hindrance(site: Site, facts: SiteFacts, found: Found) -> Finding | None:
    name, entry = found.token.name, found.entry
    finding = Finding(Verdict.FAILED, Reason.CLIENT_TOKEN, "client token", "")
    if why := away(facts):
        return replace(
            finding, reason=Reason.NOT_ROTATED, message=f"a rotation of client token {name} is due, but {why}",
            remedy=f"bring the site in order first: arcfleet deploy FLEET --site {site.name}",
        )  # fmt: skip
    if found.sharing > 1:
        return replace(
            finding, message=f"client token {name} is due, but {found.sharing} connected registries have it",
            remedy="give each site a clientToken of its own: a new password for one would end another's",
        )  # fmt: skip
    if found.interrupted and found.unmarked and not found.holding:
        return replace(
            finding, message=f"a run ended while it wrote client token {name}'s password: both may be in use",
            remedy=f"kubectl delete secret {_names(found.unmarked)}, then at once: "
            f"arcfleet deploy FLEET --site {site.name}",
        )  # fmt: skip
    if not found.goes_on and free_slot(found.token, entry, held=found.held) is None:
        return taken(site, found.token, entry)
    return None


def taken(site: Site, token: TokenFacts, entry: Entry | None) -> Finding:
    """Return the finding that no slot of a client token is free, and how a person makes one free."""
    unused = other_slot(entry.slot) if entry is not None and is_ours(token, entry) else "password1 or password2"
    return Finding(
        Verdict.FAILED, Reason.CLIENT_TOKEN, "client token",
        f"both passwords of client token {token.name} are taken, and none is replaced while somebody may use it",
        remedy=f"if nobody uses {unused}: az acr token credential delete --registry {site.registry} "
        f"--name {token.name} --{unused.replace(' or ', ' | --')}; else create the pull secret yourself, or give the "
        f"site a clientToken of its own: az acr token create --registry {site.registry} …",
    )  # fmt: skip


def _names(secrets: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} -n {namespace}" for namespace, name in secrets)


def extend(plan: SitePlan, site: Site, decision: Decision, found: Found | None, *, restart_pods: bool) -> SitePlan:
    """Return a rotation's plan with what is done about the pull secrets, after what is done about the sync password."""
    if decision.action is Action.STOP:
        return replace(plan, disposition=Disposition.BLOCKED, finding=decision.finding)
    if found is None or decision.action not in {Action.ROTATE, Action.RETIRE}:
        return plan
    rotates = decision.action is Action.ROTATE
    mine = Disposition.ROTATE if rotates else Disposition.RETIRE
    return replace(
        plan,
        disposition=Disposition.ROTATE if plan.disposition is Disposition.ROTATE else mine,
        because=(*plan.because, decision.because),
        calls=(*plan.calls, *_minting(site, found), *(_writes(site, found, restart_pods) if rotates else ())),
        pull_secrets=found.secrets if rotates else (),
    )


def _minting(site: Site, found: Found) -> tuple[Call, ...]:
    return () if found.goes_on else (calls.password(site),)


def _writes(site: Site, found: Found, restart_pods: bool) -> tuple[Call, ...]:
    return (*calls.logins(site, found.secrets), *(calls.restarts(site, found.workloads) if restart_pods else ()))
