"""C rules: how the connected registry stands.

Sources: connectionState, activation and statusDetails of the connected registry (API 2025-11-01); meanings of the
states from the connected registry's documented error codes.
"""

from __future__ import annotations

from datetime import datetime

from arcfleet.core.facts import ClusterFacts, ConnectedRegistryFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.reasons import Reason
from arcfleet.core.schedule import next_sync, rests_between_syncs

LOOK = (
    "read what it says: kubectl logs -n connected-registry deployment/connected-registry; at ALREADY_ACTIVATED another "
    "instance holds it: az acr connected-registry deactivate; at UNAUTHORIZED its password was replaced by somebody"
)


def judge(
    cr: ConnectedRegistryFacts,
    cluster: ClusterFacts,
    *,
    now: datetime,
    active_since: datetime | None = None,
) -> Finding:
    """Return the finding about a connected registry.

    Args:
        cr: As ARM shows it.
        cluster: The Arc cluster that runs it.
        now: The service's time of this observation.
        active_since: Only activity later than this counts as contact; None accepts any.
    """
    subject = "connected registry"
    state = cr.connection_state.lower()
    provisioning = cr.provisioning_state.lower()
    if provisioning in {"failed", "canceled"}:
        return Finding(
            Verdict.FAILED, Reason.REGISTRY_UNHEALTHY, subject, f"provisioning {cr.provisioning_state}", "C2",
            remedy="look at the connected registry in the portal",
        )  # fmt: skip
    if provisioning != "succeeded":
        return Finding(Verdict.PROGRESSING, Reason.REGISTRY_PROGRESSING, subject, cr.provisioning_state, "C2")
    if state == "unhealthy":
        return _unhealthy(cr)
    if state in {"online", "syncing"}:
        return _in_contact(cr, active_since)
    if state == "offline":
        return _offline(cr, cluster, now, active_since)
    return Finding(
        Verdict.UNKNOWN,
        Reason.UNKNOWN_STATE,
        subject,
        f"connection state {cr.connection_state!r} is not known",
    )


def _unhealthy(cr: ConnectedRegistryFacts) -> Finding:
    details = tuple(f"{detail.type} {detail.code}: {detail.description}" for detail in cr.status_details)
    return Finding(
        Verdict.DEGRADED, Reason.REGISTRY_UNHEALTHY, "connected registry",
        details[0] if details else "reports a critical error without details", "C6", details,
        "free or repair the registry's volume (claim connected-registry-pvc)",
    )  # fmt: skip


def _in_contact(cr: ConnectedRegistryFacts, active_since: datetime | None) -> Finding:
    seen = max((time for time in (cr.last_activity, cr.last_sync) if time), default=None)
    if active_since and (seen is None or seen < active_since):
        return Finding(
            Verdict.PROGRESSING, Reason.REGISTRY_PROGRESSING, "connected registry",
            f"{cr.connection_state}, but not heard of since our change", "C7",
        )  # fmt: skip
    return Finding(
        Verdict.HEALTHY, Reason.OK, "connected registry", cr.connection_state,
        "C8" if cr.connection_state.lower() == "syncing" else "C7",
    )  # fmt: skip


def _offline(
    cr: ConnectedRegistryFacts, cluster: ClusterFacts, now: datetime, active_since: datetime | None
) -> Finding:
    subject = "connected registry"
    if cluster.connectivity.lower() != "connected":
        return Finding(
            Verdict.WAITING,
            Reason.ARC_OFFLINE,
            subject,
            f"Offline, as the Arc cluster is {cluster.connectivity}",
            "C10",
        )
    if rests_between_syncs(cr, now):
        message = f"between syncs; next at {next_sync(cr, now):%Y-%m-%d %H:%MZ}"
        waits = active_since is not None and (cr.last_sync is None or cr.last_sync < active_since)
        verdict = Verdict.WAITING if waits else Verdict.HEALTHY
        return Finding(verdict, Reason.SCHEDULED_GAP, subject, message, "C9")
    if cr.activation.lower() != "active" and cr.last_sync is None:
        return Finding(
            Verdict.PROGRESSING, Reason.NEVER_ACTIVATED, subject, "Offline, not activated yet", "C5", remedy=LOOK
        )
    return Finding(Verdict.PROGRESSING, Reason.REGISTRY_OFFLINE, subject, "Offline, no contact yet", "C11", remedy=LOOK)
