"""The words of failing extensions, all in one place, each with its source.

DOC is MicrosoftDocs, troubleshoot-connected-registry-arc.md and extensions-troubleshooting.md. KUBE is
what a genuine API server 1.36 answers. HELM is general knowledge of Helm.
No recording of a failed extension exists: the frame around the words is general knowledge as well.
"""

from datetime import datetime
from typing import Any

OPERATION_FAILED = "ExtensionOperationFailed"  # DOC

NAME_IN_USE = "cannot re-use a name that is still in use"  # DOC, HELM
TERMINATING = (  # DOC
    "unable to create new content in namespace connected-registry because it is being terminated"
)
NO_CHART = "failed in download the Chart path not found"  # DOC
TIMED_OUT = "timed out waiting for the condition"  # DOC
PROTECTED_EXPIRED = (  # DOC says what happens after 48 hours; the words are ours.
    "The protected settings have expired: the cluster did not connect within 48 hours. "
    "Create the extension again with its protected settings."
)
NO_CONNECTION_STRING = "execution error at (connected-registry): connectionString is required"  # ours
NO_CLUSTER_IP = "execution error at (connected-registry): service.clusterIP is required"  # ours

# Answers to a write itself. The codes are general knowledge, the messages ours.
VERSION_AND_UPGRADE = (
    "AutoUpgradeMinorVersion cannot be true when a version is given. "
    "To pin to specific version, auto-upgrade-minor-version must be set to 'false'."  # az k8s-extension
)
UNKNOWN_TYPE = "The extension type '{}' is not registered."
NOT_A_STRING = "The value of '{}' must be a string."


def helm(problem: str, *, upgrade: bool = False) -> str:
    """Return Helm's words in the frame that the extension manager puts around them."""
    step, operation = ("upgrade", "Update") if upgrade else ("installation", "Create")
    return (
        "The extension operation failed with the following error: Error: "
        f"[ InnerError: [Helm {step} failed : {problem}]] occurred while doing the operation : "
        f"[{operation}] on the config, For general troubleshooting visit: https://aka.ms/k8s-extensions-TSG."
    )


def not_created(problem: str) -> str:
    """Return Helm's words for an object that the API server refuses on install."""
    return f"failed to create resource: {problem}"


def not_upgraded(problem: str) -> str:
    """Return Helm's words for an object that the API server refuses on upgrade."""
    return f"failed to replace object: {problem}"


def immutable_ip(address: str) -> str:
    """Return the API server's refusal of another clusterIP (KUBE)."""
    return (
        'Service "connected-registry" is invalid: spec.clusterIPs[0]: '
        f'Invalid value: ["{address}"]: may not change once set'
    )


def error_info(code: str, message: str) -> dict[str, Any]:
    """Return the extension's errorInfo."""
    return {"code": code, "message": message, "target": None, "details": [], "additionalInfo": []}


def status(message: str, now: datetime) -> dict[str, str]:
    """Return the one entry of a failed extension's statuses (model: ExtensionStatus of the SDK)."""
    return {
        "code": "InstallationFailed",
        "displayStatus": "Installation failed",
        "level": "Error",
        "message": message,
        "time": now.isoformat(),
    }
