"""How a site stands: a finding for each of its parts, the deepest first. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from arcfleet.core.commands import addressed
from arcfleet.core.facts import SiteFacts
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import Desired
from arcfleet.core.passwords import credentials
from arcfleet.core.planning import plan as planning
from arcfleet.core.verdicts import arc as arc_rules
from arcfleet.core.verdicts import extension as extension_rules
from arcfleet.core.verdicts import inside
from arcfleet.core.verdicts import pods as pod_rules
from arcfleet.core.verdicts import registry as registry_rules
from arcfleet.ports import Gateways
from arcfleet.steps import diagnosis, health, sync
from arcfleet.steps.observe import LISTED, Manifests, observe


@dataclass(frozen=True, slots=True)
class Standing:
    """A site as it was found: its facts, or what kept us from reading them.

    `chain` holds a finding for each part, the deepest first; `images` is the part of it that is about images;
    `finding` is the deepest that is not healthy.
    """

    site: str
    facts: SiteFacts | None
    workloads: tuple[Desired, ...]
    finding: Finding | None
    now: datetime
    chain: tuple[Finding, ...] = ()
    images: tuple[Finding, ...] = ()


async def of_site(gateways: Gateways, site: Site, manifests: Manifests) -> Standing:
    """Return how a site stands.

    Raises:
        FleetError: It can't be read.
    """
    facts, wanted = await observe(gateways, site, manifests)
    images = await sync.standing(gateways, site, facts, wanted)
    now = await gateways.registries.service_time()
    drift = planning.extension_changes(site, facts.extension)
    elsewhere = credentials.elsewhere(site, facts)
    chain = (
        arc_rules.judge(facts.cluster),
        addressed(extension_rules.judge(facts.extension, facts.cluster, now=now, drift=drift), site),
        elsewhere or addressed(await _registry(gateways, site, facts, now), site),
        *images,
        *facts.missing,
        *(
            addressed(pod_rules.judge(facts.workloads.get(item.workload.name), item.name, now), site, item.namespace)
            for item in wanted
        ),
    )
    # That nothing is installed is then only half of it.
    worst = elsewhere or next((finding for finding in chain if not finding.ok), None)
    if worst and worst.reason in inside.EXPLAINED:
        worst = inside.explain(worst, await diagnosis.look(gateways, site), site)
    return Standing(site.name, facts, wanted, worst, now, chain, images)


async def _registry(gateways: Gateways, site: Site, facts: SiteFacts, now: datetime) -> Finding:
    cr = facts.connected_registry
    found = registry_rules.judge(cr, facts.cluster, now=now)
    if found.rule not in registry_rules.AWAY:
        return found
    around = await health.around(gateways, site, cr, LISTED)
    return registry_rules.judge(cr, facts.cluster, now=now, around=around)
