"""audit_fleet: what of a fleet was changed behind our back; and, if asked, putting it right."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import Field

from arcfleet.core.auditing import audit, fleet_audit
from arcfleet.core.auditing.audit import SiteAudit
from arcfleet.core.auditing.fleet_audit import FleetAudit
from arcfleet.core.findings import of_error
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.runs.outcomes import FleetReport
from arcfleet.errors import FleetError
from arcfleet.waiting import each
from flows import chain, fleet_run
from flows.parameters import FleetFile, Labels, SiteNames
from tasks.audit import audit_site
from tasks.fleet import load_fleet
from tasks.publish import publish_audit
from tasks.runtime import session

Policy = Literal["report", "repair"]


@flow(name="audit-fleet", flow_run_name=fleet_run.name, persist_result=False)
async def audit_fleet(
    fleet: FleetFile,
    sites: SiteNames = (),
    labels: Labels = None,
    policy: Annotated[Policy, Field(json_schema_extra={"title": "Policy"})] = "report",
) -> State[Any]:
    """Audit a fleet: compare each site with the file, and tell what differs, since when, by whom.

    Args:
        fleet: Path of the fleet file, as the process that runs this sees it.
        sites: Names of the sites to audit; all of the file where none is given.
        labels: Only sites that carry all of these labels.
        policy: `report` changes nothing; `repair` then deploys the sites that differ, as a deploy of them would.
    """
    loaded = await load_fleet(fleet, sites, labels or {})
    found = await _audited(loaded, repair=policy == "repair")
    await publish_audit(found)
    if policy == "repair" and found.repairable:
        # What was ours is taken back: that is what a repair is asked for.
        return await fleet_run.run(fleet, found.repairable, {}, None, way=partial(chain.deploy, take_back=True))
    return _state(found)


async def _audited(fleet: Fleet, *, repair: bool) -> FleetAudit:
    async with session() as here:
        sites = await each(fleet.sites, fleet.rollout.max_concurrency, partial(_one, fleet))
        found = FleetAudit(fleet.name, await here.gateways.registries.service_time(), tuple(sites))
        if repair and not found.repairable:
            here.progress.finish(FleetReport(fleet.name, flow_run.name or "", 0.0, ()))
    return found


async def _one(fleet: Fleet, site: Site) -> SiteAudit:
    """Audit one site; one that can't be read carries a finding and hides no other."""
    try:
        return await audit_site(fleet, site)
    except FleetError as error:
        return audit.unreadable(site, of_error(error, "audit"))


def _state(found: FleetAudit) -> State[Any]:
    """Return the run's state: failed where a site could not be audited; drift has a state's name of its own."""
    message = fleet_audit.summary(found)
    if found.failed:
        return Failed(message=message)
    return Completed(name="Drift", message=message) if found.drifted else Completed(message=message)
