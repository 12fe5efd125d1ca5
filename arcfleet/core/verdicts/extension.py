"""E rules: how the extension stands.

Sources: the extension's provisioningState, statuses and errorInfo (API 2023-05-01); failure texts from Microsoft's
troubleshooting article for the connected registry extension; protected settings are kept for 48 h (Arc extensions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from arcfleet.core.facts import ClusterFacts, ExtensionFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.passwords.credentials import MARGIN
from arcfleet.core.reasons import Reason

SUBJECT = "extension"
SHOW = (
    "az k8s-extension show --cluster-type connectedClusters --cluster-name {cluster} --resource-group {group} "
    "--name {extension}"
)
KEPT = timedelta(hours=48)
"""How long Azure keeps protected settings for a cluster that is out of contact."""
UNINSTALL = timedelta(minutes=10)
"""How long an uninstall that was under way keeps the next installation waiting."""
LATE = timedelta(hours=40)
"""When a change that still waits for its cluster is worth a warning."""
EXPIRED = (
    "E6", Reason.PROTECTED_SETTINGS_EXPIRED,
    "the settings waited more than 48 h for an offline cluster: deploy again while it is connected",
)  # fmt: skip

# What a failed installation says -> the rule, its reason and what to do. Texts as the services write them.
FAILURES: tuple[tuple[str, str, Reason, str], ...] = (
    # With "re-use" as with "reuse": Helm and the documentation differ.
    ("use a name that is still in use", "E3", Reason.NAME_IN_USE,
     "a Helm release exists already: give extension.name another name, or delete what holds it and this extension too, "
     "then deploy again: az k8s-extension delete "
     "--cluster-type connectedClusters --cluster-name {cluster} --resource-group {group} --name {extension}"),
    ("chart path not found", "E3", Reason.BAD_VERSION,
     "extension.version does not exist in this release train: correct it, or drop it and set autoUpgrade; az "
     "k8s-extension extension-types list-versions-by-cluster --cluster-type connectedClusters --cluster-name {cluster} "
     "--resource-group {group} --extension-type microsoft.containerregistry.connectedregistry"),
    ("being terminated", "E4", Reason.DELETE_IN_PROGRESS,
     "an uninstall is still under way: deploy again once it has ended: kubectl get namespace connected-registry"),
    ("already allocated", "E5", Reason.CLUSTER_IP_TAKEN,
     "choose a clusterIP that no service uses: kubectl get services --all-namespaces"),
    ("not in the valid range", "E5", Reason.CLUSTER_IP_OUT_OF_RANGE,
     "choose a clusterIP inside the cluster's service range"),
    ("does not match the current range", "E5", Reason.CLUSTER_IP_OUT_OF_RANGE,
     "choose a clusterIP inside the cluster's service range"),
    ("timed out waiting for the condition", "E5", Reason.HELM_TIMEOUT,
     "kubectl get pods,pvc,events; an unbound claim needs a storage class (extension.settings: "
     "pvc.storageClassName)"),
    ("protected settings", *EXPIRED),
)  # fmt: skip


def judge(
    extension: ExtensionFacts | None,
    cluster: ClusterFacts,
    *,
    changed_at: datetime | None = None,
    now: datetime | None = None,
    drift: Sequence[str] = (),
) -> Finding:
    """Return the finding about an extension.

    Args:
        extension: As ARM shows it; None where it does not exist.
        cluster: The Arc cluster it is on.
        changed_at: When our own change was sent, by the service's clock; older evidence proves nothing.
        now: The service's time of this observation; without it no rule about age matches.
        drift: What differs from the fleet file, a line each.
    """
    if extension is None:
        return Finding(Verdict.ABSENT, Reason.OK, SUBJECT, "not installed", "E1")
    match extension.provisioning_state.lower():
        case "succeeded":
            return _succeeded(extension, changed_at, drift)
        case "failed" | "canceled" as state:
            return _failed(extension, cluster, state, now)
        case "deleting":
            return Finding(Verdict.PROGRESSING, Reason.DELETE_IN_PROGRESS, SUBJECT, "being deleted", "E2")
        case "creating" | "updating" | "pending" | "accepted":
            return _in_progress(extension, cluster, now)
    message = f"state {extension.provisioning_state!r} is not known"
    return Finding(Verdict.UNKNOWN, Reason.UNKNOWN_STATE, SUBJECT, message)


def failure(message: str, evidence: tuple[str, ...] = ()) -> Finding:
    """Return the finding that an installation's failure text amounts to (E3 to E7)."""
    lowered = message.lower()
    for text, rule, reason, remedy in FAILURES:
        if text in lowered:
            return Finding(Verdict.FAILED, reason, SUBJECT, message, rule, evidence, remedy)
    return Finding(
        Verdict.FAILED, Reason.EXTENSION_FAILED, SUBJECT, message, "E7", evidence,
        f"{SHOW}; delete it where it says nothing (az k8s-extension delete …), then deploy again",
    )  # fmt: skip


def hindrance(site: Site, extension: ExtensionFacts, now: datetime) -> Finding | None:
    """Return why an installation that failed would fail again as it is (E3, E4); None where it may be repeated.

    Args:
        site: What is wanted: with another version or release train the failed one is no hindrance any more.
        extension: The failed one, as ARM shows it.
        now: The service's time.
    """
    found = failure(extension.error or "", _evidence(extension))
    if found.reason is Reason.DELETE_IN_PROGRESS:
        since = now - extension.last_modified if extension.last_modified else UNINSTALL
        return replace(found, verdict=Verdict.WAITING) if since < UNINSTALL else None
    if found.reason is Reason.BAD_VERSION:
        asked = (extension.version, (extension.release_train or "").lower())
        wanted = (site.extension.version, (site.extension.release_train or asked[1]).lower())
        return found if asked == wanted else None
    return found if found.reason is Reason.NAME_IN_USE else None


def _succeeded(extension: ExtensionFacts, changed_at: datetime | None, drift: Sequence[str]) -> Finding:
    errors = [status for status in extension.statuses if status.level.lower() == "error"]
    if errors:
        message = f"{errors[0].code}: {errors[0].message}"
        remedy = SHOW
        return Finding(
            Verdict.DEGRADED, Reason.EXTENSION_DEGRADED, SUBJECT, message, "E11", _evidence(extension), remedy
        )
    # Times of two services; a stale answer shows a change that is older than any difference of their clocks.
    if changed_at and extension.last_modified and extension.last_modified < changed_at - MARGIN:
        return Finding(Verdict.PROGRESSING, Reason.EXTENSION_IN_PROGRESS, SUBJECT, "not yet our change", "E12")
    if drift:
        return Finding(
            Verdict.DEGRADED, Reason.DRIFT, SUBJECT, f"differs from the fleet file: {'; '.join(drift)}", "E13",
            remedy="arcfleet plan shows what a deploy would change",
        )  # fmt: skip
    message = f"{extension.current_version or 'installed'}, Succeeded"
    return Finding(Verdict.HEALTHY, Reason.OK, SUBJECT, message, "E14")


def _failed(extension: ExtensionFacts, cluster: ClusterFacts, state: str, now: datetime | None) -> Finding:
    found = failure(extension.error or f"provisioning {state}", _evidence(extension))
    if found.rule == "E7" and now and _never_fetched(extension, cluster, now):
        rule, reason, remedy = EXPIRED
        return replace(found, rule=rule, reason=reason, remedy=remedy)
    return found


def _never_fetched(extension: ExtensionFacts, cluster: ClusterFacts, now: datetime) -> bool:
    """Tell whether a change was never fetched: the cluster has been silent since, longer than it is kept."""
    changed, heard = extension.last_modified, cluster.last_heartbeat
    silent = changed is not None and (heard is None or heard <= changed) and now - changed >= KEPT
    return silent and cluster.connectivity.lower() != "connected"


def _in_progress(extension: ExtensionFacts, cluster: ClusterFacts, now: datetime | None) -> Finding:
    if cluster.connectivity.lower() == "connected":
        return Finding(Verdict.PROGRESSING, Reason.EXTENSION_IN_PROGRESS, SUBJECT, extension.provisioning_state, "E9")
    message = f"{extension.provisioning_state}, but the Arc cluster is {cluster.connectivity}"
    remedy = ""
    if now and extension.last_modified and now - extension.last_modified >= LATE:
        ends = extension.last_modified + KEPT
        message += f"; Azure drops its settings at {ends:%Y-%m-%d %H:%MZ}"
        remedy = f"connect the cluster before {ends:%Y-%m-%d %H:%MZ}; after that, deploy again once it is connected"
    return Finding(Verdict.WAITING, Reason.ARC_OFFLINE, SUBJECT, message, "E8", remedy=remedy)


def _evidence(extension: ExtensionFacts) -> tuple[str, ...]:
    return tuple(f"{status.level} {status.code}: {status.message}" for status in extension.statuses)
