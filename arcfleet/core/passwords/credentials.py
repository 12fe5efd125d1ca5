"""The sync credential: the connection string, and the decision whether a password may be generated at all.

Generating a password replaces whatever its slot held, and thereby cuts off a registry that uses that slot. So the
question is never "how do we get a password" but "may we, and into which slot". The table in `decide` answers it, first
match wins.

Sources: slots and their replacement, ACR's generateCredentials; the string, `core.passwords.connection_strings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from arcfleet.core.facts import ConnectedRegistryFacts, ExtensionFacts, SiteFacts, TokenFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import last_segment
from arcfleet.core.passwords.connection_strings import ConnectionString
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError

SLOTS = ("password1", "password2")
_NEVER = datetime.min.replace(tzinfo=UTC)
MARGIN = timedelta(minutes=5)
"""How far the clocks of two Azure services may differ."""
ATTEMPT = timedelta(minutes=10)
"""A password made this shortly before a change was made for it."""


class Action(StrEnum):
    """What to do about a site's sync credential."""

    NONE = "none"
    GENERATE = "generate"
    WAIT = "wait"
    DEFER = "defer"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Decision:
    """The row of the table that matched: the action and, in a sentence, why."""

    action: Action
    reason: Reason
    because: str


def decide(facts: SiteFacts) -> Decision:
    """Return what may be done about the sync credential, from what was observed of the site."""
    cr, extension = facts.connected_registry, facts.extension
    if facts.cluster.connectivity.lower() != "connected":
        return Decision(Action.DEFER, Reason.ARC_OFFLINE, "what is generated now could not be delivered")
    if cr.uses_managed_identity:
        return Decision(Action.NONE, Reason.OK, "the connected registry signs in with a managed identity")
    if extension is None:
        return _without_extension(cr)
    return _with_extension(extension, facts)


def _without_extension(cr: ConnectedRegistryFacts) -> Decision:
    if cr.in_contact:
        return Decision(
            Action.STOP, Reason.INSTANCE_ELSEWHERE, "an instance of it is in contact, though nothing is installed here"
        )
    if cr.activation.lower() == "active":
        # ALREADY_ACTIVATED would meet a new instance; deactivating could cut off one that is merely out of contact.
        return Decision(
            Action.STOP,
            Reason.INSTANCE_ELSEWHERE,
            "an earlier instance is still the activated one, though nothing is installed here",
        )
    return Decision(Action.GENERATE, Reason.OK, "no instance uses a password")


def elsewhere(site: Site, facts: SiteFacts) -> Finding | None:
    """Return the finding about an instance that holds the activation, while nothing is installed here; None without.

    Deleting an extension does not free it (MicrosoftDocs, troubleshoot-connected-registry-arc).
    """
    decision, cr, place = decide(facts), facts.connected_registry, site.cluster_ref
    if decision.reason is not Reason.INSTANCE_ELSEWHERE:
        return None
    heard = f", last heard of at {cr.last_activity:%Y-%m-%d %H:%MZ}" if cr.last_activity else ""
    stopped = (
        "find the instance and stop it (one that was just deleted is shown for 15 minutes)"
        if cr.in_contact
        else "make sure that no instance of it runs anywhere"
    )
    return Finding(
        Verdict.FAILED, decision.reason, "connected registry", decision.because,
        evidence=(f"{cr.name} is {cr.connection_state} and {cr.activation}{heard}",
                  f"no extension {site.extension_name} on cluster {place.name}"),
        remedy=f"{stopped}, then: az acr connected-registry deactivate --name {cr.name} --registry {site.registry}; "
        "if one runs on this cluster under another name, set extension.name to that: az k8s-extension list "
        f"--cluster-name {place.name} --resource-group {place.resource_group} --cluster-type connectedClusters",
    )  # fmt: skip


def _with_extension(extension: ExtensionFacts, facts: SiteFacts) -> Decision:
    state = extension.provisioning_state.lower()
    if state in {"accepted", "creating", "updating", "deleting", "pending"}:
        return Decision(Action.WAIT, Reason.EXTENSION_IN_PROGRESS, f"the extension is {state}")
    if facts.hindrance:
        action = Action.DEFER if facts.hindrance.verdict is Verdict.WAITING else Action.STOP
        return Decision(action, facts.hindrance.reason, "the failed installation would fail again")
    if facts.connected_registry.in_contact:
        return Decision(Action.NONE, Reason.OK, "the connected registry is in contact with its password")
    if extension.has_failed:
        return Decision(Action.GENERATE, Reason.EXTENSION_FAILED, "the failed installation is repeated")
    if facts.refusal:
        return Decision(Action.GENERATE, Reason.BAD_CREDENTIAL, "a new sync password: the registry's is refused")
    return Decision(Action.NONE, Reason.OK, "an installed registry out of contact is diagnosed, not given a password")


@dataclass(frozen=True, slots=True)
class Minted:
    """A generated password, and when the service says that it was made."""

    password: Secret
    created: datetime | None


@dataclass(frozen=True, slots=True)
class Credential:
    """A connection string that is to be delivered, and the journal's entry for the password in it."""

    connection_string: Secret
    key: str
    entry: Entry


def idle_slot(token: TokenFacts, extension: ExtensionFacts | None, entry: Entry | None = None) -> str:
    """Return the slot of a sync token to generate into: the one that is not in use.

    The journal knows, unless somebody else has changed the token or the extension since. Without it an absent slot is
    free, and else it is inferred which one is in use: the newest password made before the extension's last change is
    the one that it delivered. `MARGIN` allows for two services' clocks.

    Args:
        token: The sync token with its slots.
        extension: As it stands; None where nothing is installed: then the older slot is free.
        entry: What the journal says of the token; None where it says nothing.

    Raises:
        PermanentError: The last change failed, both slots are taken, and neither can be told to be free: the running
            registry may hold on to either.
    """
    known = _by_journal(token, extension, entry) or absent_slot(token)
    if known:
        return known
    made = {password.name: password.created or _NEVER for password in token.passwords}
    older, newer = sorted(SLOTS, key=lambda slot: (made[slot], slot))
    changed = extension.last_modified if extension else None
    if extension is None or changed is None:
        return older
    if made[newer] > changed + MARGIN:
        # It came after the last delivery: nobody has it, and the older one is in use.
        return newer
    if not extension.has_failed:
        return older
    if made[newer] > changed - ATTEMPT:
        # Made for the change that failed; the registry runs on with the older one.
        return newer
    raise PermanentError(
        Reason.SLOT_UNKNOWN,
        f"the extension's last change failed, and which password of token {token.name} the registry uses can't be told",
        "repair the extension (az k8s-extension update) with a password that you know, then deploy again",
    )


def _by_journal(token: TokenFacts, extension: ExtensionFacts | None, entry: Entry | None) -> str | None:
    """Return the slot that the journal shows to be free; None where it can't say."""
    if entry is None or entry.slot not in SLOTS:
        return None
    made = {password.name: password.created for password in token.passwords}.get(entry.slot)
    changed = extension.last_modified if extension else None
    undelivered = entry.has_no_value or (entry.phase is Phase.DELIVERING and (changed is None or changed < entry.at))
    if undelivered:
        # Its value was lost with the run, unless somebody else has made the slot's password since.
        return None if made and made > entry.at + ATTEMPT else entry.slot
    if extension is None or made is None or made != entry.created:
        return None
    # A delivery that failed leaves the registry with the password that it had.
    return entry.slot if entry.phase is Phase.DELIVERING and extension.has_failed else other_slot(entry.slot)


def other_slot(slot: str) -> str:
    """Return the token's other slot."""
    return SLOTS[1 - SLOTS.index(slot)]


REHEARSED = Secret("to-be-generated")
"""Stands in for a password while it is asked whether one could be used."""


def absent_slot(token: TokenFacts) -> str | None:
    """Return a slot that holds no password yet; generating into it takes nothing from anybody."""
    made = {password.name for password in token.passwords}
    return next((slot for slot in SLOTS if slot not in made), None)


def connection_string(cr: ConnectedRegistryFacts, password: Secret, *, parent_protocol: str = "https") -> Secret:
    """Compose the connection string that the extension delivers.

    Args:
        cr: The connected registry; its parent's gateway endpoint and sync token name go into the string.
        password: A password of the sync token.
        parent_protocol: `https`, or `http` where the parent is another connected registry; below the cloud
            registry it is https whatever is asked.

    Raises:
        PermanentError: The parent has no gateway endpoint, or a part of the string is none, such as a placeholder: it
            would install and never come online.
    """
    if not cr.gateway_endpoint or cr.gateway_endpoint.startswith("<"):
        raise PermanentError(
            Reason.NO_GATEWAY_ENDPOINT,
            f"connected registry {cr.name} has no gateway endpoint to reach its parent by",
            f"deploy {cr.parent} first: it has one once it is in contact"
            if cr.parent
            else "enable the registry's dedicated data endpoint: az acr update --data-endpoint-enabled true",
        )
    protocol = parent_protocol if cr.parent else "https"
    token = last_segment(cr.sync_token_id)
    return ConnectionString(cr.name, token, password, cr.gateway_endpoint, protocol).compose()
