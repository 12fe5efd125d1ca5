"""Roll out: apply a workload's objects, wait for its pods by the P rules, and tell what they prove of the sync."""

from __future__ import annotations

from dataclasses import replace

from arcfleet import waiting
from arcfleet.core.commands import addressed
from arcfleet.core.facts import SiteFacts, WorkloadFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube import workload_drift
from arcfleet.core.kube.workloads import Desired
from arcfleet.core.reasons import Reason
from arcfleet.core.sync.arrivals import Arrival, answer
from arcfleet.core.verdicts import pods as rules
from arcfleet.core.verdicts import sync as sync_rules
from arcfleet.core.verdicts.patience import Steadiness, Suspicion, restarted
from arcfleet.core.verdicts.sync import Sought
from arcfleet.ports import Gateways
from arcfleet.steps.extension import OnChange
from arcfleet.steps.health import INTERVAL
from arcfleet.steps.observe import connected_registry
from arcfleet.steps.sync import arrival, scopes_of


async def roll_out(
    gateways: Gateways,
    site: Site,
    facts: SiteFacts,
    wanted: Desired,
    on_change: OnChange,
    *,
    take_back: bool = False,
) -> tuple[Finding, ...]:
    """Apply a workload where it differs, and return once its pods are as they should be.

    Fields that others own are a conflict. With `take_back` those that we have set before are taken back: only where
    the cluster holds the very content that we applied last, so that what others owned first stays theirs.

    Returns:
        The workload's finding, and one for each of its images that its pods prove to have come from the site.

    Raises:
        PermanentError: The pods fail, or are not ready within the workload's timeout.
    """
    name = wanted.workload.name
    live = facts.workloads.get(name)
    if not workload_drift.differences(wanted, live, facts.others.get(name, ())):
        standing = rules.judge(live, wanted.name)
        if standing.ok and not restarted(live):
            return (standing, *arrived(site, wanted, live))
    else:
        ours = take_back and workload_drift.is_ours(wanted, live)
        for item in wanted.objects:
            await gateways.kubernetes.apply(site, item, take_back=ours)
    return await watch(gateways, site, facts, wanted, on_change)


async def watch(
    gateways: Gateways, site: Site, facts: SiteFacts, wanted: Desired, on_change: OnChange
) -> tuple[Finding, ...]:
    """Return once a workload's pods are as they should be, as `roll_out` does."""
    suspicion, steadiness = Suspicion(), Steadiness()
    seen: list[WorkloadFacts | None] = []

    async def look() -> Finding:
        workload = await gateways.kubernetes.workload(site, wanted.namespace, wanted.name, wanted.kind)
        seen[:] = [workload]
        now = gateways.clock.monotonic()
        finding = suspicion.confirm(rules.judge(workload, wanted.name), now)
        if finding.reason is Reason.IMAGE_NOT_ON_SITE:
            finding = await _not_on_site(gateways, site, facts, wanted, finding)
        return addressed(steadiness.confirm(finding, workload, now), site, wanted.namespace)

    finding = await waiting.until_settled(
        look,
        clock=gateways.clock,
        deadline=wanted.workload.timeout.total_seconds(),
        delay=lambda elapsed: 1.0 if elapsed < 10 else 3.0,
        on_change=on_change,
    )
    return (finding, *arrived(site, wanted, seen[0]))


def arrived(site: Site, wanted: Desired, live: WorkloadFacts | None) -> tuple[Finding, ...]:
    """Return a finding for each pinned image of a workload that its pods prove to have come from the site (S3)."""
    proofs = {
        image: answer(site.cluster_ip, image, digest, (live,), pulled_by_tag=False)
        for image, digest in wanted.digests.items()
    }
    return tuple(
        sync_rules.by_the_site(Arrival(image, wanted.digests[image], site=proof), proof)
        for image, proof in proofs.items()
        if proof and proof.digest
    )


async def _not_on_site(gateways: Gateways, site: Site, facts: SiteFacts, wanted: Desired, missing: Finding) -> Finding:
    """P4: ask the sync rules why the site lacks an image: it is on its way, can't come, or should be there."""
    cr = await connected_registry(gateways, site, max_age=INTERVAL)
    scopes = await scopes_of(gateways, site, cr)
    sought = Sought(site.registry, await gateways.registries.service_time())
    words = []
    for image in wanted.images:
        found = sync_rules.judge(await arrival(gateways, site, facts, image), cr, sought, scopes)
        if found.verdict in {Verdict.FAILED, Verdict.DEGRADED}:
            return replace(found, evidence=(*found.evidence, missing.message, *missing.evidence))
        words.append(f"{image}: {found.message}")
    verdict = missing.verdict if missing.settled else Verdict.WAITING
    return replace(missing, verdict=verdict, evidence=(*missing.evidence, *words))
