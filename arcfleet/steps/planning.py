"""Plan a site: observe it, compare, and look at the prerequisites of what is to be done. Reads only."""

from __future__ import annotations

from arcfleet.core.findings import of_error
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.planning import plan as planning
from arcfleet.core.planning.plan import Disposition, SitePlan
from arcfleet.errors import FleetError
from arcfleet.ports import Gateways
from arcfleet.steps import observe, preflight, rotation

RUN = float("inf")
"""One list per registry serves a whole plan, which decides nothing by a moment's difference."""


async def plan_site(gateways: Gateways, fleet: Fleet, site: Site) -> SitePlan:
    """Return a site's plan; a site that can't be observed is blocked by what kept us from it."""
    try:
        facts, wanted = await observe.observe(gateways, site, fleet.manifests, max_age=RUN)
        plan = planning.plan(site, facts, wanted)
        if plan.needs_preflight:
            plan = plan.judged(await preflight.check(gateways, site, facts, wanted, plan))
        return await rotation.note_due(gateways, site, facts, plan)
    except FleetError as error:
        return SitePlan(Disposition.BLOCKED, finding=of_error(error, "observe"))
