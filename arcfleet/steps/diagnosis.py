"""Diagnosis: when a step has failed, is there a deeper cause? Arc first, then what the cluster itself shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from arcfleet.core.evidence import ExtensionEvidence
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts import arc, inside
from arcfleet.errors import FleetError, PermanentError
from arcfleet.ports import Gateways
from arcfleet.waiting import as_error

T = TypeVar("T")
SILENCE = inside.EXPLAINED - {Reason.HELM_TIMEOUT}
"""Reasons that only say that nothing was heard; a cluster that lost contact meanwhile explains them."""
FIRST_LOOK = 300.0
"""Seconds after which an installation is longer than usual, and its pods are looked at while Helm keeps them."""
NEXT_LOOK = 60.0


async def deepest(gateways: Gateways, site: Site, step: Awaitable[T]) -> T:
    """Return what a step returns; where it fails by not coming up, fail for the deepest cause that can be found."""
    try:
        return await step
    except PermanentError as error:
        await _explain(gateways, site, error, [])
        raise


async def deepest_of_install(gateways: Gateways, site: Site, step: Awaitable[T]) -> T:
    """Do as `deepest`, and look into the cluster meanwhile: a failed installation takes its pods and claims with it."""
    seen: list[ExtensionEvidence] = []
    watch = asyncio.create_task(_watch(gateways, site, seen))
    try:
        return await step
    except PermanentError as error:
        await _explain(gateways, site, error, seen)
        raise
    finally:
        watch.cancel()
        (ended,) = await asyncio.gather(watch, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended


async def look(gateways: Gateways, site: Site) -> ExtensionEvidence:
    """Return what the site's cluster shows of its connected registry; why not, where it can't be looked at."""
    if site.kube is None:
        return ExtensionEvidence(unread=(f"could not look: site {site.name} has no kube: way to its Kubernetes API",))
    try:
        return await gateways.kubernetes.extension_evidence(site)
    except FleetError as error:
        return ExtensionEvidence(unread=(f"could not look: {error.message}",))


async def _watch(gateways: Gateways, site: Site, seen: list[ExtensionEvidence]) -> None:
    """Keep the newest look that found anything."""
    await gateways.clock.sleep(FIRST_LOOK)
    while True:
        found = await look(gateways, site)
        if found.pods or found.claim:
            seen[:] = [found]
        await gateways.clock.sleep(NEXT_LOOK)


async def _explain(gateways: Gateways, site: Site, error: PermanentError, seen: list[ExtensionEvidence]) -> None:
    """Raise a deeper cause of an error, if there is one."""
    if error.reason in SILENCE:
        contact = await _contact(gateways, site)
        if contact and not contact.ok:
            evidence = (*contact.evidence, error.message)
            raise as_error(replace(contact, verdict=Verdict.FAILED, evidence=evidence)) from error
    if error.reason in inside.EXPLAINED:
        evidence_now = await look(gateways, site)
        shown = evidence_now if evidence_now.pods or evidence_now.claim or not seen else seen[0]
        finding = _finding(error)
        found = inside.explain(finding, shown, site)
        if found == finding and finding.reason is error.reason:
            return
        raise PermanentError(found.reason, _message(error, found), found.remedy, found.evidence, found.rule) from error


async def _contact(gateways: Gateways, site: Site) -> Finding | None:
    try:
        return arc.judge(await gateways.extensions.cluster(site))
    except FleetError:
        # The look into the cause failed; what it was to explain is still what happened.
        return None


def _finding(error: PermanentError) -> Finding:
    """Return the finding of an error; an operation that went on past its deadline is stuck (E10)."""
    late = error.rule == "E9"
    reason, rule = (Reason.EXTENSION_STUCK, "E10") if late else (error.reason, error.rule)
    return Finding(Verdict.FAILED, reason, "", error.message, rule, error.evidence, error.remedy)


def _message(error: PermanentError, found: Finding) -> str:
    """Return the cause's message, with the subject that the error's begins with."""
    return found.message if found.message == error.message else f"{error.message.partition(':')[0]}: {found.message}"
