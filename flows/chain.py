"""The way of one site: a chain of tasks. Not a subflow, which would cost Prefect's server 25 to 30 times a task."""

from __future__ import annotations

from datetime import datetime

from arcfleet.core.facts import SiteFacts
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.kube.workloads import Desired
from arcfleet.core.passwords.credentials import Credential
from arcfleet.core.planning import plan as planning
from arcfleet.core.planning.plan import Disposition, Step
from arcfleet.core.runs.outcomes import Trail
from arcfleet.core.schedule import until_next_sync
from tasks.credentials import client_login, generate_credential, write_pull_secrets
from tasks.ensure import ensure_connected_registry
from tasks.extension import install_extension, settle_extension
from tasks.health import wait_healthy
from tasks.observe import observe
from tasks.preflight import preflight
from tasks.rollout import roll_out
from tasks.runtime import current, step
from tasks.sync import check_sync


async def deploy(fleet: Fleet, site: Site, trail: Trail, *, take_back: bool = False) -> None:
    """Bring one site to what the fleet file says, or raise what stopped it.

    The trail records the plan and every step as they happen, so that a failure keeps its history. With `take_back`
    fields of workloads that were ours are taken back from whoever changed them; else those are a conflict.
    """
    facts, wanted = await _planned(fleet, site, trail)
    plan = trail.plan
    if plan is None or plan.finding:
        return
    ensured_at = None
    if plan.ensure:
        async with step(trail, Step.ENSURE):
            facts, ensured_at = await ensure_connected_registry(site, facts, plan.ensure)
    credential, changed_at = await _install(site, facts, trail) if plan.install else (None, None)
    async with step(trail, Step.WAIT_HEALTHY):
        await wait_healthy(site, facts, changed_at, credential)
    if plan.disposition is not Disposition.NOOP and wanted:
        async with step(trail, Step.CHECK_SYNC):
            trail.saw(await check_sync(site, facts, wanted, changed_at, ensured_at))
    if plan.pull_secrets:
        async with step(trail, Step.PULL_SECRET):
            login = await client_login(site, facts, plan.pull_secrets)
            await write_pull_secrets(site, plan.pull_secrets, login)
    for item in wanted:
        async with step(trail, Step.ROLL_OUT):
            trail.saw((await roll_out(site, facts, item, take_back=take_back))[1:])


async def observe_and_plan(fleet: Fleet, site: Site, trail: Trail) -> tuple[SiteFacts, tuple[Desired, ...]]:
    """Read a site and plan it; where something is to be done, look at its prerequisites. Changes nothing."""
    async with step(trail, Step.OBSERVE):
        facts, wanted = await observe(site, fleet.manifests)
        now = await current().gateways.registries.service_time()
        trail.rest = until_next_sync(facts.connected_registry, now)
        trail.plan = planning.plan(site, facts, wanted)
    if trail.plan.needs_preflight:
        async with step(trail, Step.PREFLIGHT):
            trail.plan = trail.plan.judged(await preflight(site, facts, wanted, trail.plan))
    return facts, wanted


async def _planned(fleet: Fleet, site: Site, trail: Trail) -> tuple[SiteFacts, tuple[Desired, ...]]:
    """Plan a site once no operation is under way on its extension."""
    facts, wanted = await observe_and_plan(fleet, site, trail)
    if trail.plan and trail.plan.settle_first:
        async with step(trail, Step.SETTLE_EXTENSION):
            await settle_extension(site)
        return await _planned(fleet, site, trail)
    return facts, wanted


async def _install(site: Site, facts: SiteFacts, trail: Trail) -> tuple[Credential, datetime]:
    async with step(trail, Step.GENERATE_CREDENTIAL):
        credential = await generate_credential(site, facts)
    async with step(trail, Step.INSTALL_EXTENSION):
        return credential, await install_extension(site, facts, credential)
