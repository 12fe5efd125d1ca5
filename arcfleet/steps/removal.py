"""Removal: look what of a site is still there, plan it, and delete one thing after the other. A 404 is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from arcfleet import waiting
from arcfleet.core import polling
from arcfleet.core.commands import addressed
from arcfleet.core.facts import ClusterFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube import workloads
from arcfleet.core.passwords import journal
from arcfleet.core.planning import preflight, rights
from arcfleet.core.planning.surveys import ClusterSurvey
from arcfleet.core.reasons import Reason
from arcfleet.core.removing import belongings, removal
from arcfleet.core.removing.removals import SECRETS, Asked, Deletion, Found, Held, Kind, Removal
from arcfleet.core.verdicts import extension as rules
from arcfleet.errors import PermanentError
from arcfleet.ports import Gateways
from arcfleet.steps import extension as extensions
from arcfleet.steps.extension import OnChange
from arcfleet.steps.observe import LISTED, Manifests, contents_of
from arcfleet.steps.preflight import permissions

GONE = 600.0
"""Seconds that an object of a cluster, with its pods, may take until it is gone."""
SHORT = 10.0
"""Seconds that it usually takes."""


async def plan(gateways: Gateways, site: Site, manifests: Manifests, asked: Asked) -> Removal:
    """Return the removal of a site as things are now, its rights looked at. Changes nothing."""
    found = await look(gateways, site, manifests, asked)
    return await judged(gateways, site, removal.plan(site, found, asked))


async def look(gateways: Gateways, site: Site, manifests: Manifests, asked: Asked, *, max_age: float = LISTED) -> Found:
    """Return what of a site is still there; what is in its cluster only where that is asked for and can be reached."""
    contents, cluster, extension = await asyncio.gather(
        contents_of(gateways, site, max_age=max_age), _cluster(gateways, site), gateways.extensions.extension(site)
    )
    cr = contents.connected.get(site.connected_registry.lower())
    entries = {
        name.lower(): entry
        for name in belongings.token_names(site, cr)
        if (entry := await gateways.journal.read(journal.key(site.registry_ref, name)))
    }
    found = Found(cluster, extension, contents, entries)
    if not asked.workloads or site.kube is None or belongings.is_abandoned(found):
        return found
    objects, pull_secrets = await _in_cluster(gateways, site, manifests)
    return Found(cluster, extension, contents, entries, objects, pull_secrets)


async def judged(gateways: Gateways, site: Site, made: Removal) -> Removal:
    """Return a removal blocked where a right is missing that it needs: it would end half-way."""
    if made.finding or not made.deletions:
        return made
    findings = [*preflight.azure_rights(site, made.plan, await permissions(gateways, site, made.plan))]
    needed = rights.removal_rights(made.plan.calls)
    if needed:
        missing = await gateways.kubernetes.missing_rights(site, needed)
        findings += preflight.cluster_rights(site, ClusterSurvey(missing_rights=missing))
    return made.judged(findings)


async def delete(gateways: Gateways, site: Site, deletions: Sequence[Deletion], on_change: OnChange) -> None:
    """Delete things in this order. What is gone already is passed over, so a repetition does the rest.

    Raises:
        PermanentError: A service refuses, or something is not gone in time.
    """
    for deletion in deletions:
        await _delete(gateways, site, deletion, on_change)


async def _delete(gateways: Gateways, site: Site, deletion: Deletion, on_change: OnChange) -> None:
    registries, ref, name = gateways.registries, site.registry_ref, deletion.name
    match deletion.kind:
        case Kind.WORKLOAD | Kind.LOGIN:
            await _delete_held(gateways, site, deletion, on_change)
        case Kind.EXTENSION:
            await _delete_extension(gateways, site, deletion, on_change)
        case Kind.ACTIVATION:
            await _until_out_of_contact(gateways, site, on_change)
            await registries.deactivate(ref, name)
        case Kind.PASSWORDS:
            await registries.delete_passwords(ref, name, deletion.parts)
        case Kind.CONNECTED_REGISTRY:
            await registries.delete_connected_registry(ref, name)
        case Kind.TOKEN:
            await registries.delete_token(ref, name)
        case Kind.SCOPE_MAP:
            await registries.delete_scope_map(ref, name)
        case Kind.RIGHTS:
            await registries.remove_actions(ref, name, deletion.parts)
        case Kind.JOURNAL:
            await gateways.journal.forget(name)


async def _cluster(gateways: Gateways, site: Site) -> ClusterFacts | None:
    try:
        return await gateways.extensions.cluster(site)
    except PermanentError as error:
        if error.reason is not Reason.CLUSTER_NOT_FOUND:
            raise
        return None


async def _in_cluster(
    gateways: Gateways, site: Site, manifests: Manifests
) -> tuple[tuple[Held, ...], tuple[Held, ...]]:
    """Return the objects of a site's workloads, each after what goes with it, and its pull secrets."""
    # Neither digests nor the cloud's host are asked for: nothing is applied.
    wanted = [workloads.desired(site, w, manifests.get(w.manifest or "", ()), "", {}) for w in site.workloads]
    places = [
        (item["kind"], item["metadata"]["namespace"], item["metadata"]["name"])
        for workload in wanted
        for item in reversed(workload.objects)
    ]
    others = site.pull_secret_from is not None and site.pull_secret_from.existing
    secrets = [(SECRETS, w.namespace, w.workload.pull_secret) for w in wanted if not others]
    found = [await gateways.kubernetes.held(site, *place) for place in dict.fromkeys((*places, *secrets))]
    held = [item for item in found if item]
    return tuple(each for each in held if each.kind != SECRETS), tuple(each for each in held if each.kind == SECRETS)


async def _delete_held(gateways: Gateways, site: Site, deletion: Deletion, on_change: OnChange) -> None:
    held = deletion.held
    if held is None or deletion.call is None:
        raise ValueError(f"{deletion.subject} names no object")
    if deletion.call.method != "DELETE":
        await gateways.kubernetes.drop_login(site, held)
        return
    await gateways.kubernetes.delete(site, held)

    async def see() -> Finding:
        now = await gateways.kubernetes.held(site, held.kind, held.namespace, held.name)
        left = now is not None and now.uid == held.uid
        verdict = Verdict.PROGRESSING if left else Verdict.HEALTHY
        return Finding(verdict, Reason.DELETE_IN_PROGRESS, str(held), "being deleted, with what it owns")

    await _until(gateways, see, GONE, on_change)


async def _delete_extension(gateways: Gateways, site: Site, deletion: Deletion, on_change: OnChange) -> None:
    await gateways.extensions.delete(site, forced=deletion.forced, on_status=on_change)
    left = await extensions.settle(gateways, site, on_change)
    if left is not None:
        # It failed to go: what it says now is why.
        finding = rules.failure(left.error or f"the extension is {left.provisioning_state} after its deletion")
        raise waiting.as_error(addressed(finding, site))


async def _until_out_of_contact(gateways: Gateways, site: Site, on_change: OnChange) -> None:
    """Wait until no instance has the connected registry: the one of this site is gone, so it ends by itself.

    Raises:
        PermanentError: Another instance is in contact, which is not this site's to cut off.
    """

    async def see() -> Finding:
        listed = await gateways.registries.connected_registries(site.registry_ref, max_age=1)
        cr = listed.get(site.connected_registry.lower())
        return Finding(
            Verdict.WAITING if cr and cr.in_contact else Verdict.HEALTHY, Reason.INSTANCE_ELSEWHERE,
            "connected registry", "in contact, though nothing is installed on this cluster any more",
            remedy="find the instance that runs elsewhere and stop it, then remove again",
        )  # fmt: skip

    await _until(gateways, see, site.timeouts.online.total_seconds(), on_change)


async def _until(gateways: Gateways, see: waiting.Look, deadline: float, on_change: Callable[[Finding], None]) -> None:
    delay = partial(polling.next_delay, usual=SHORT)
    await waiting.until_settled(see, clock=gateways.clock, deadline=deadline, delay=delay, on_change=on_change)
