"""Diagnosis: when a step has failed, is there a deeper cause?"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from arcfleet.core.findings import Verdict
from arcfleet.core.manifest import Site
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts import arc
from arcfleet.errors import FleetError, PermanentError
from arcfleet.ports import Gateways
from arcfleet.waiting import as_error

T = TypeVar("T")
SILENCE = frozenset(
    {
        Reason.EXTENSION_STUCK,
        Reason.EXTENSION_IN_PROGRESS,
        Reason.NEVER_ACTIVATED,
        Reason.REGISTRY_OFFLINE,
        Reason.REGISTRY_PROGRESSING,
    }
)
"""Reasons that only say that nothing was heard; a cluster that lost contact meanwhile explains them."""


async def deepest(gateways: Gateways, site: Site, step: Awaitable[T]) -> T:
    """Return what a step returns; where it fails by silence, fail for the Arc cluster's if that is the cause."""
    try:
        return await step
    except PermanentError as error:
        if error.reason not in SILENCE:
            raise
        try:
            contact = arc.judge(await gateways.extensions.cluster(site))
        except FleetError:
            # The look into the cause failed; what it was to explain is still what happened.
            raise error from None
        if contact.ok:
            raise
        evidence = (*contact.evidence, error.message)
        raise as_error(replace(contact, verdict=Verdict.FAILED, evidence=evidence)) from error
