"""S rules: whether an image of the cloud registry has reached the site, graded by the evidence.

Grades: A, the site served this digest; C, the service reports a successful sync after the push; D, mere contact since.
Sources: scope map actions (az acr connected-registry permissions), registrySyncResult of the preview API.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from arcfleet.core.facts import ConnectedRegistryFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason


def in_scope(repository: str, actions: Collection[str]) -> bool:
    """Tell whether a sync scope map lets a repository through. Action names are compared in lower case."""
    wanted = f"repositories/{repository}/content/read"
    return wanted in {action.lower() for action in actions}


def judge_scope(image: ImageRef, cr: ConnectedRegistryFacts, actions: Collection[str], registry: str) -> Finding:
    """Return whether an image can arrive at all (S2)."""
    if in_scope(image.repository, actions):
        return Finding(Verdict.HEALTHY, Reason.OK, f"sync {image}", "in the sync scope map")
    listed = sorted(action.split("/", 1)[1].removesuffix("/content/read") for action in actions
                    if action.startswith("repositories/") and action.endswith("/content/read"))  # fmt: skip
    return Finding(
        Verdict.FAILED, Reason.NOT_IN_SCOPE, f"sync {image}",
        f"repository {image.repository} is not in the sync scope map of connected registry {cr.name}: it will never "
        "arrive", "S2", (f"scope map holds {', '.join(listed) or 'no repository'}",),
        f"az acr connected-registry permissions update --registry {registry} --name {cr.name} "
        f"--add {image.repository}",
    )  # fmt: skip


def judge_contact(image: ImageRef, cr: ConnectedRegistryFacts, *, since: datetime | None) -> Finding:
    """Return what the service's own evidence says about an image's arrival (S7, S8, grade D).

    Args:
        image: The image that is to arrive.
        cr: The connected registry as ARM shows it.
        since: When our change was accepted; contact must be later. None accepts any contact.
    """
    subject = f"sync {image}"
    state = (cr.sync_state or "").lower()
    if state in {"failed", "timedout"}:
        return Finding(
            Verdict.DEGRADED, Reason.SYNC_FAILED, subject, f"the last sync {cr.sync_state}", "S8",
            remedy=f"az acr connected-registry resync --name {cr.name}",
        )  # fmt: skip
    if cr.last_sync is None or (since and cr.last_sync < since):
        return Finding(Verdict.PROGRESSING, Reason.SYNC_PENDING, subject, "no sync since our change", "S9")
    if state == "succeeded":
        return Finding(Verdict.HEALTHY, Reason.OK, subject, "sync succeeded (C)", "S7")
    return Finding(Verdict.HEALTHY, Reason.OK, subject, "contact since our change (D)", "S7")
