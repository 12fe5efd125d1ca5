"""Roll out: apply a workload's objects and wait for its pods by the P rules."""

from __future__ import annotations

from arcfleet import waiting
from arcfleet.core.facts import SiteFacts
from arcfleet.core.findings import Finding
from arcfleet.core.manifest import Site
from arcfleet.core.verdicts import pods as rules
from arcfleet.core.workloads import Desired
from arcfleet.ports import Gateways
from arcfleet.steps.extension import OnChange


async def roll_out(gateways: Gateways, site: Site, facts: SiteFacts, wanted: Desired, on_change: OnChange) -> Finding:
    """Apply a workload where it differs, and return its finding once its pods are as they should be.

    Raises:
        PermanentError: The pods fail, or are not ready within the workload's timeout.
    """
    live = facts.workloads.get(wanted.workload.name)
    if wanted.is_applied(live):
        standing = rules.judge(live, wanted.name)
        if standing.ok and not rules.restarted(live):
            return standing
    else:
        for item in wanted.objects:
            await gateways.kubernetes.apply(site, item)
    suspicion, steadiness = rules.Suspicion(), rules.Steadiness()

    async def look() -> Finding:
        workload = await gateways.kubernetes.workload(site, wanted.namespace, wanted.name)
        now = gateways.clock.monotonic()
        finding = suspicion.confirm(rules.judge(workload, wanted.name), now)
        return steadiness.confirm(finding, workload, now)

    return await waiting.until_settled(
        look,
        clock=gateways.clock,
        deadline=wanted.workload.timeout.total_seconds(),
        delay=lambda elapsed: 1.0 if elapsed < 10 else 3.0,
        on_change=on_change,
    )
