"""The look inside the cluster: why an extension does not come up (E5, E10) or a registry not online (C5, C11).

Sources: the troubleshooting article for the connected registry extension: a claim that is not bound, `Incorrect
Password` and ALREADY_ACTIVATED in the pod's log; then what the P rules say of the registry's own pod.
"""

from __future__ import annotations

from dataclasses import replace

from arcfleet.core.commands import addressed
from arcfleet.core.evidence import BOUND, CLAIM, ExtensionEvidence
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts import pods

EXPLAINED = frozenset(
    {
        Reason.EXTENSION_STUCK,
        Reason.EXTENSION_IN_PROGRESS,
        Reason.HELM_TIMEOUT,
        Reason.NEVER_ACTIVATED,
        Reason.REGISTRY_OFFLINE,
        Reason.REGISTRY_PROGRESSING,
    }
)
"""Reasons that say that something does not come up; what is inside the cluster may say why."""

REFUSED = "incorrect password"
# Words of the newest error in the log -> its reason, what it means, what to do.
LOG_LINES: tuple[tuple[str, Reason, str, str], ...] = (
    ("already_activated", Reason.ALREADY_ACTIVATED, "another instance holds the activation",
     "make sure that no other instance is in use, then: az acr connected-registry deactivate --registry {registry} "
     "--name {cr}; the pod activates itself within some minutes"),
    (REFUSED, Reason.BAD_CREDENTIAL, "its sync password is refused",
     "give it a new one: az acr connected-registry get-settings --registry {registry} --name {cr} --parent-protocol "
     "https --generate-password 1, then az k8s-extension update --cluster-name {cluster} --resource-group {group} "
     "--cluster-type connectedClusters --name {extension} --config-protected-file …"),
)  # fmt: skip
LAST_LINES = 2
LAST_EVENTS = 3


def explain(finding: Finding, seen: ExtensionEvidence, site: Site) -> Finding:
    """Return a finding with the deepest cause that the cluster shows; its own where nothing there tells more.

    The rule stays the one that matched; the reason becomes the cause's.

    Args:
        finding: What does not come up.
        seen: What the cluster shows.
        site: For the names in the commands.
    """
    by_log = _by_log(finding, seen)
    cause = _by_claim(finding, seen, site) or by_log or _by_pods(finding, seen)
    found = addressed(cause or finding, site)
    symptom = () if cause is None else (finding.message,)
    lines = (f"pod log: {line}" for line in _errors(seen)[-LAST_LINES:])
    # What the registry itself says needs no events, of which the newest may be old.
    events = () if cause is by_log and cause else (str(event) for event in seen.events[:LAST_EVENTS])
    quotes = (*found.evidence, *finding.evidence, *symptom, *lines, *events, *seen.unread)
    return replace(found, evidence=tuple(dict.fromkeys(quotes)))


def refusal(seen: ExtensionEvidence) -> str:
    """Return the line of the log that says that the registry's password is refused; empty where the newest doesn't."""
    errors = _errors(seen)
    return errors[-1] if errors and REFUSED in errors[-1].lower() else ""


def _by_claim(finding: Finding, seen: ExtensionEvidence, site: Site) -> Finding | None:
    if seen.claim is None or seen.claim.phase == BOUND:
        return None
    wanted = seen.claim.storage_class
    return replace(
        finding,
        reason=Reason.STORAGE_CLASS,
        message=f"claim {CLAIM} is {seen.claim.phase}: no volume of storage class {wanted or '(the default one)'}",
        remedy=f"kubectl describe pvc {CLAIM}; set extension.settings pvc.storageClassName of site {site.name} to a "
        "class that exists (kubectl get storageclass), then deploy again",
    )


def _by_log(finding: Finding, seen: ExtensionEvidence) -> Finding | None:
    errors = _errors(seen)
    # An older error may be over: what it says now is why it is not there now.
    newest = errors[-1] if errors else ""
    for text, reason, means, remedy in LOG_LINES:
        if text in newest.lower():
            return replace(finding, reason=reason, message=f"its log says that {means}", evidence=(), remedy=remedy)
    return None


def _by_pods(finding: Finding, seen: ExtensionEvidence) -> Finding | None:
    for pod in seen.pods:
        found = pods.of_pod(pod, "connected registry's pod")
        if found:
            return replace(
                finding, reason=found.reason, message=f"its pod does not run: {found.message} [{found.rule}]",
                evidence=found.evidence, remedy=found.remedy,
            )  # fmt: skip
    return None


def _errors(seen: ExtensionEvidence) -> list[str]:
    return [line for line in seen.log if "error" in line.lower()]
