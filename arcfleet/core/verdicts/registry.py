"""C rules: how the connected registry stands.

Sources: connectionState, activation and statusDetails of the connected registry (API 2025-11-01); meanings of the
states from the connected registry's documented error codes. Contact is proof: what could keep a registry away (C3 its
parent, C4 its credential) is asked of one that is away only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from arcfleet.core.facts import ClusterFacts, ConnectedRegistryFacts, TokenFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.names import last_segment
from arcfleet.core.reasons import Reason
from arcfleet.core.schedule import next_sync, rests_between_syncs

SUBJECT = "connected registry"
LOOK = (
    "read what it says: kubectl logs deployment/connected-registry; at ALREADY_ACTIVATED another instance holds it: az "
    "acr connected-registry deactivate --registry {registry} --name {cr}; at UNAUTHORIZED its password was replaced by "
    "somebody"
)
DISK_WORDS = ("denied", "no space")
"""What a DiskError says when a person must act."""
AWAY = frozenset({"C5", "C11"})
"""Rules of a registry that is away though nothing that was looked at keeps it away."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a registry that is away depends on; None where it was not looked at.

    `parent` is the connected registry above, `token` its sync token.
    """

    parent: ConnectedRegistryFacts | None = None
    token: TokenFacts | None = None


def judge(
    cr: ConnectedRegistryFacts | None,
    cluster: ClusterFacts,
    *,
    now: datetime,
    active_since: datetime | None = None,
    around: Around = Around(),
) -> Finding:
    """Return the finding about a connected registry.

    Args:
        cr: As ARM shows it; None where it does not exist.
        cluster: The Arc cluster that runs it.
        now: The service's time of this observation.
        active_since: Only activity later than this counts as contact; None accepts any.
        around: What it depends on.
    """
    if cr is None:
        return Finding(Verdict.ABSENT, Reason.CONNECTED_REGISTRY_NOT_FOUND, SUBJECT, "does not exist", "C1")
    if cr.provisioning_state.lower() != "succeeded":
        return _provisioning(cr)
    match cr.connection_state.lower():
        case "unhealthy":
            return _unhealthy(cr)
        case "online" | "syncing":
            return _in_contact(cr, active_since)
        case "offline":
            return _offline(cr, cluster, now, active_since, around)
    message = f"connection state {cr.connection_state!r} is not known"
    return Finding(Verdict.UNKNOWN, Reason.UNKNOWN_STATE, SUBJECT, message)


def _provisioning(cr: ConnectedRegistryFacts) -> Finding:
    if cr.provisioning_state.lower() in {"failed", "canceled"}:
        return Finding(
            Verdict.FAILED, Reason.REGISTRY_UNHEALTHY, SUBJECT, f"provisioning {cr.provisioning_state}", "C2",
            remedy="look at the connected registry in the portal",
        )  # fmt: skip
    return Finding(Verdict.PROGRESSING, Reason.REGISTRY_PROGRESSING, SUBJECT, cr.provisioning_state, "C2")


def _unhealthy(cr: ConnectedRegistryFacts) -> Finding:
    details = tuple(f"{detail.type} {detail.code}: {detail.description}" for detail in cr.status_details)
    message = details[0] if details else "reports a critical error without details"
    if any(word in detail.lower() for detail in details for word in DISK_WORDS):
        return Finding(
            Verdict.FAILED, Reason.DISK, SUBJECT, message, "C6", details,
            "make room on the registry's volume, or let it write there: kubectl describe pvc connected-registry-pvc",
        )  # fmt: skip
    return Finding(
        Verdict.DEGRADED, Reason.REGISTRY_UNHEALTHY, SUBJECT, message, "C6", details,
        "az acr connected-registry show --registry {registry} --name {cr} --query statusDetails",
    )  # fmt: skip


def _in_contact(cr: ConnectedRegistryFacts, active_since: datetime | None) -> Finding:
    seen = max((time for time in (cr.last_activity, cr.last_sync) if time), default=None)
    if active_since and (seen is None or seen < active_since):
        message = f"{cr.connection_state}, but not heard of since our change"
        return Finding(Verdict.PROGRESSING, Reason.REGISTRY_PROGRESSING, SUBJECT, message, "C7")
    rule = "C8" if cr.connection_state.lower() == "syncing" else "C7"
    return Finding(Verdict.HEALTHY, Reason.OK, SUBJECT, cr.connection_state, rule)


def _offline(
    cr: ConnectedRegistryFacts, cluster: ClusterFacts, now: datetime, active_since: datetime | None, around: Around
) -> Finding:
    if cluster.connectivity.lower() != "connected":
        message = f"Offline, as the Arc cluster is {cluster.connectivity}"
        return Finding(Verdict.WAITING, Reason.ARC_OFFLINE, SUBJECT, message, "C10")
    if rests_between_syncs(cr, now):
        opens = f"{next_sync(cr, now):%Y-%m-%d %H:%MZ}"
        if active_since is not None and (cr.last_sync is None or cr.last_sync < active_since):
            message = f"waiting for the window that opens at {opens}"
            return Finding(Verdict.WAITING, Reason.SCHEDULED_GAP, SUBJECT, message, "C9")
        return Finding(Verdict.HEALTHY, Reason.SCHEDULED_GAP, SUBJECT, f"between syncs; next at {opens}", "C9")
    kept_away = _by_parent(around.parent, now) or _by_token(cr, around, now)
    if kept_away:
        return kept_away
    if cr.activation.lower() != "active" and cr.last_sync is None:
        message = "Offline, not activated yet"
        return Finding(Verdict.PROGRESSING, Reason.NEVER_ACTIVATED, SUBJECT, message, "C5", remedy=LOOK)
    return Finding(Verdict.PROGRESSING, Reason.REGISTRY_OFFLINE, SUBJECT, "Offline, no contact yet", "C11", remedy=LOOK)


def _by_parent(parent: ConnectedRegistryFacts | None, now: datetime) -> Finding | None:
    """C3: a nested registry reaches the cloud through its parent only."""
    if parent is None or parent.in_contact or rests_between_syncs(parent, now):
        return None
    return Finding(
        Verdict.WAITING, Reason.PARENT_NOT_READY, SUBJECT,
        f"Offline, as its parent {parent.name} is {parent.connection_state}", "C3",
        remedy=f"bring {parent.name} into contact first",
    )  # fmt: skip


def _by_token(cr: ConnectedRegistryFacts, around: Around, now: datetime) -> Finding | None:
    """C4: with a sync token that nobody can sign in with there is no contact."""
    token, name = around.token, last_segment(cr.sync_token_id)
    if token is None:
        return None
    if token.status.lower() == "disabled":
        return Finding(
            Verdict.FAILED, Reason.CREDENTIAL_UNUSABLE, SUBJECT, f"Offline, as its sync token {name} is disabled", "C4",
            remedy=f"az acr token update --registry {{registry}} --name {name} --status enabled",
        )  # fmt: skip
    if any(password.expires is None or password.expires > now for password in token.passwords):
        return None
    ends = tuple(f"{p.name} expired at {p.expires:%Y-%m-%d %H:%MZ}" for p in token.passwords if p.expires)
    return Finding(
        Verdict.FAILED, Reason.CREDENTIAL_UNUSABLE, SUBJECT,
        f"Offline, as its sync token {name} has no password that is valid", "C4", ends,
        f"az acr token credential generate --registry {{registry}} --name {name} --password1, then give it to the "
        "extension: az k8s-extension update --cluster-type connectedClusters --cluster-name {cluster} --resource-group "
        "{group} --name {extension} --config-protected-file …",
    )  # fmt: skip
