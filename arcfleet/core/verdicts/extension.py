"""E rules: how the extension stands.

Sources: the extension's provisioningState, statuses and errorInfo (API 2023-05-01); failure texts from Microsoft's
troubleshooting article for the connected registry extension.
"""

from __future__ import annotations

from datetime import datetime

from arcfleet.core.facts import ClusterFacts, ExtensionFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.reasons import Reason

SUBJECT = "extension"

# What a failed installation says -> the rule, its reason and what to do. Texts as the services write them.
FAILURES: tuple[tuple[str, str, Reason, str], ...] = (
    # With "re-use" as with "reuse": Helm and the documentation differ.
    ("use a name that is still in use", "E3", Reason.NAME_IN_USE,
     "a Helm release of this name exists: delete that extension, or name this one differently"),
    ("chart path not found", "E3", Reason.BAD_VERSION,
     "extension.version does not exist in this release train: correct it, or drop it and set autoUpgrade"),
    ("being terminated", "E4", Reason.DELETE_IN_PROGRESS,
     "an uninstall is still under way: deploy again once it has ended"),
    ("already allocated", "E5", Reason.CLUSTER_IP_TAKEN,
     "choose a clusterIP that no service uses: kubectl get services --all-namespaces"),
    ("not in the valid range", "E5", Reason.CLUSTER_IP_OUT_OF_RANGE,
     "choose a clusterIP inside the cluster's service range"),
    ("does not match the current range", "E5", Reason.CLUSTER_IP_OUT_OF_RANGE,
     "choose a clusterIP inside the cluster's service range"),
    ("timed out waiting for the condition", "E5", Reason.HELM_TIMEOUT,
     "look at the pods and volume claims of namespace connected-registry; an unbound claim needs a storage class "
     "(extension.settings: pvc.storageClassName)"),
    ("protected settings", "E6", Reason.PROTECTED_SETTINGS_EXPIRED,
     "the settings waited more than 48 h for an offline cluster: deploy again while it is connected"),
)  # fmt: skip


def judge(
    extension: ExtensionFacts | None,
    cluster: ClusterFacts,
    *,
    changed_at: datetime | None = None,
) -> Finding:
    """Return the finding about an extension.

    Args:
        extension: As ARM shows it; None where it does not exist.
        cluster: The Arc cluster it is on.
        changed_at: When our own change was accepted, by the service's clock; older evidence proves nothing.
    """
    if extension is None:
        return Finding(Verdict.ABSENT, Reason.OK, SUBJECT, "not installed", "E1")
    match extension.provisioning_state.lower():
        case "succeeded":
            return _succeeded(extension, changed_at)
        case "failed" | "canceled" as state:
            return failure(extension.error or f"provisioning {state}", _evidence(extension))
        case "deleting":
            return Finding(Verdict.PROGRESSING, Reason.DELETE_IN_PROGRESS, SUBJECT, "being deleted", "E2")
        case "creating" | "updating" | "pending" | "accepted":
            return _in_progress(extension, cluster)
    message = f"state {extension.provisioning_state!r} is not known"
    return Finding(Verdict.UNKNOWN, Reason.UNKNOWN_STATE, SUBJECT, message)


def _succeeded(extension: ExtensionFacts, changed_at: datetime | None) -> Finding:
    errors = [status for status in extension.statuses if status.level.lower() == "error"]
    if errors:
        message = f"{errors[0].code}: {errors[0].message}"
        remedy = "see the extension's statuses in the portal"
        return Finding(
            Verdict.DEGRADED, Reason.EXTENSION_DEGRADED, SUBJECT, message, "E11", _evidence(extension), remedy
        )
    if changed_at and (extension.last_modified is None or extension.last_modified < changed_at):
        return Finding(Verdict.PROGRESSING, Reason.EXTENSION_IN_PROGRESS, SUBJECT, "not yet our change", "E12")
    message = f"{extension.current_version or 'installed'}, Succeeded"
    return Finding(Verdict.HEALTHY, Reason.OK, SUBJECT, message, "E14")


def failure(message: str, evidence: tuple[str, ...] = ()) -> Finding:
    """Return the finding that an installation's failure text amounts to."""
    lowered = message.lower()
    for text, rule, reason, remedy in FAILURES:
        if text in lowered:
            return Finding(Verdict.FAILED, reason, SUBJECT, message, rule, evidence, remedy)
    return Finding(
        Verdict.FAILED, Reason.EXTENSION_FAILED, SUBJECT, message, "E7", evidence,
        "read the message; then deploy again",
    )  # fmt: skip


def _in_progress(extension: ExtensionFacts, cluster: ClusterFacts) -> Finding:
    if cluster.connectivity.lower() != "connected":
        return Finding(
            Verdict.WAITING, Reason.ARC_OFFLINE, "extension",
            f"{extension.provisioning_state}, but the Arc cluster is {cluster.connectivity}", "E8",
        )  # fmt: skip
    return Finding(Verdict.PROGRESSING, Reason.EXTENSION_IN_PROGRESS, SUBJECT, extension.provisioning_state, "E9")


def _evidence(extension: ExtensionFacts) -> tuple[str, ...]:
    return tuple(f"{status.level} {status.code}: {status.message}" for status in extension.statuses)
