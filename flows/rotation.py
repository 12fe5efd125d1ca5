"""The way of one site through a rotation: deliver new passwords, prove them, and later end the old ones."""

from __future__ import annotations

from arcfleet.core.facts import SiteFacts
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.passwords import client_tokens, rotation
from arcfleet.core.passwords.client_tokens import Found
from arcfleet.core.passwords.rotation import Action
from arcfleet.core.planning.plan import Step
from arcfleet.core.runs.outcomes import Trail
from tasks.client_rotation import decide_client_rotation, replace_client_password, restart_pods
from tasks.credentials import write_pull_secrets
from tasks.extension import install_extension
from tasks.health import wait_healthy
from tasks.observe import observe
from tasks.rotation import decide_rotation, replace_password, retire_password
from tasks.runtime import step


async def rotate(fleet: Fleet, site: Site, trail: Trail, *, asked: bool, restart: bool) -> None:
    """Rotate a site's passwords that are due, or raise what stopped it: then the old ones still hold.

    The sync token's comes first: it needs no way into the cluster, and nothing about pull secrets holds it up.
    """
    facts, action = await _sync(site, trail, asked=asked)
    if action in {Action.STOP, Action.DEFER} or not site.workloads or site.kube is None:
        return
    await _pull(fleet, site, facts, trail, asked=asked, restart=restart)


async def _sync(site: Site, trail: Trail, *, asked: bool) -> tuple[SiteFacts, Action]:
    # Workloads have no part in it, so nothing of theirs is read.
    site = site.model_copy(update={"workloads": ()})
    async with step(trail, Step.OBSERVE):
        facts, _ = await observe(site, {})
        decision = await decide_rotation(site, facts, asked=asked)
        trail.plan = rotation.plan(site, facts, decision)
    if decision.action is Action.ROTATE:
        async with step(trail, Step.GENERATE_CREDENTIAL):
            credential = await replace_password(site, facts)
        async with step(trail, Step.INSTALL_EXTENSION):
            changed_at = await install_extension(site, facts, credential)
        async with step(trail, Step.WAIT_HEALTHY):
            await wait_healthy(site, facts, changed_at, credential)
    if decision.action is Action.RETIRE:
        async with step(trail, Step.RETIRE_PASSWORD):
            await retire_password(site, facts.connected_registry.sync_token_id)
    return facts, decision.action


async def _pull(fleet: Fleet, site: Site, facts: SiteFacts, trail: Trail, *, asked: bool, restart: bool) -> None:
    async with step(trail, Step.OBSERVE):
        decision, found = await decide_client_rotation(site, facts, fleet.manifests, asked=asked)
        if trail.plan:
            trail.plan = client_tokens.extend(trail.plan, site, decision, found, restart_pods=restart)
    if found and decision.action is Action.ROTATE:
        await _deliver(site, facts, found, trail)
        for item in found.workloads if restart else ():
            async with step(trail, Step.RESTART_PODS):
                await restart_pods(site, facts, item)
    if found and decision.action is Action.RETIRE:
        async with step(trail, Step.RETIRE_PASSWORD):
            await retire_password(site, found.token_id)


async def _deliver(site: Site, facts: SiteFacts, found: Found, trail: Trail) -> None:
    """Make a password, have the site learn of it by a sync, and only then give it to the pods."""
    async with step(trail, Step.GENERATE_CREDENTIAL):
        login, works_since = await replace_client_password(site, found)
    async with step(trail, Step.WAIT_HEALTHY):
        await wait_healthy(site, facts, works_since, None)
    async with step(trail, Step.PULL_SECRET):
        await write_pull_secrets(site, found.secrets, login)
