"""Ensure: make what a site's connected registry needs in its cloud registry, in the order that the plan has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from arcfleet.core.facts import SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.planning.ensure import Change, Kind
from arcfleet.core.planning.registry_settings import ConnectedRegistrySpec
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from arcfleet.ports import Gateways
from arcfleet.steps.observe import connected_registry


async def ensure(
    gateways: Gateways, site: Site, facts: SiteFacts, changes: Sequence[Change]
) -> tuple[SiteFacts, datetime | None]:
    """Make the changes of a plan. What is there already is left as it is, so a repetition does the rest.

    Returns:
        The facts with the connected registry as it is now; and the service's time that a sync must be later than to
        bring the site what it needs, None where nothing has to be synced for that.

    Raises:
        PermanentError: The parent's connected registry does not exist, or the service refuses a change.
    """
    _require_parent(site, facts)
    for change in changes:
        await _make(gateways, site, change)
    now = await connected_registry(gateways, site, max_age=0)
    since = await gateways.registries.service_time() if any(change.needs_sync for change in changes) else None
    return replace(facts, connected_registry=now), since


async def _make(gateways: Gateways, site: Site, change: Change) -> None:
    registries, ref = gateways.registries, site.registry_ref
    match change.kind:
        case Kind.DATA_ENDPOINT:
            await registries.enable_data_endpoint(ref)
        case Kind.SCOPE_MAP:
            await registries.add_actions(ref, change.name, change.actions)
        case Kind.TOKEN:
            await registries.create_token(ref, change.name, change.scope_map)
        case Kind.CONNECTED_REGISTRY:
            spec = change.spec or ConnectedRegistrySpec()
            write = registries.create_connected_registry if change.creates else registries.update_connected_registry
            await write(ref, change.name, spec)


def _require_parent(site: Site, facts: SiteFacts) -> None:
    """Refuse to begin below a parent that does not exist: half of a nested registry would be made for nothing."""
    known = facts.contents.connected if facts.contents else {}
    if site.ancestors and site.ancestors[0].lower() not in known:
        raise PermanentError(
            Reason.PARENT_NOT_READY,
            f"its parent, connected registry {site.ancestors[0]}, does not exist",
            f"deploy site {site.parent} first",
        )
