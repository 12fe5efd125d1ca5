"""The way of one site through a rotation: deliver a new password, prove it, and later end the old one."""

from __future__ import annotations

from arcfleet.core import rotation
from arcfleet.core.manifest import Fleet, Site
from arcfleet.core.outcomes import Trail
from arcfleet.core.plan import Disposition, Step
from tasks.extension import install_extension
from tasks.health import wait_healthy
from tasks.observe import observe
from tasks.rotation import decide_rotation, replace_password, retire_password
from tasks.runtime import step


async def rotate(_fleet: Fleet, site: Site, trail: Trail, *, asked: bool) -> None:
    """Rotate a site's sync password if one is due, or raise what stopped it: then the old password still holds."""
    # Workloads have no part in it, so nothing of theirs is read.
    site = site.model_copy(update={"workloads": ()})
    async with step(trail, Step.OBSERVE):
        facts, _ = await observe(site, {})
        trail.plan = rotation.plan(site, facts, await decide_rotation(site, facts, asked=asked))
    if trail.plan.disposition is Disposition.ROTATE:
        async with step(trail, Step.GENERATE_CREDENTIAL):
            credential = await replace_password(site, facts)
        async with step(trail, Step.INSTALL_EXTENSION):
            changed_at = await install_extension(site, facts, credential)
        async with step(trail, Step.WAIT_HEALTHY):
            await wait_healthy(site, facts, changed_at, credential)
    if trail.plan.disposition is Disposition.RETIRE:
        async with step(trail, Step.RETIRE_PASSWORD):
            await retire_password(site, facts)
