"""Audit a site: read what a plan reads, and what else can differ. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from arcfleet.core.auditing import audit as rules
from arcfleet.core.auditing.audit import Seen, SiteAudit
from arcfleet.core.auditing.token_audit import Tokens
from arcfleet.core.facts import RegistryContents, SiteFacts
from arcfleet.core.findings import of_error
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.kube.workloads import Desired
from arcfleet.core.names import ImageRef, last_segment
from arcfleet.core.passwords import journal
from arcfleet.core.reasons import Reason
from arcfleet.errors import FleetError, PermanentError
from arcfleet.ports import Gateways
from arcfleet.steps import observe

RUN = float("inf")
"""One list per registry serves a whole audit, which decides nothing by a moment's difference."""


async def audit_site(gateways: Gateways, fleet: Fleet, site: Site) -> SiteAudit:
    """Return what of a site differs from the fleet file; one that can't be read carries a finding."""
    try:
        return await compare(gateways, fleet, site)
    except FleetError as error:
        return rules.unreadable(site, of_error(error, "audit"))


async def compare(gateways: Gateways, fleet: Fleet, site: Site) -> SiteAudit:
    """Return what of a site differs from the fleet file.

    Raises:
        FleetError: It can't be read.
    """
    facts, wanted = await observe.observe(gateways, site, fleet.manifests, max_age=RUN)
    return rules.audit(site, facts, wanted, await _seen(gateways, site, facts, wanted))


async def _seen(gateways: Gateways, site: Site, facts: SiteFacts, wanted: Sequence[Desired]) -> Seen:
    registries, ref = gateways.registries, site.registry_ref
    contents = facts.contents or RegistryContents(
        *await asyncio.gather(
            registries.connected_registries(ref, max_age=RUN),
            registries.scope_maps(ref, max_age=RUN),
            registries.tokens(ref, max_age=RUN),
        )
    )
    key = journal.key(ref, last_segment(facts.connected_registry.sync_token_id))
    tokens = Tokens(contents, await registries.service_time(), await gateways.journal.read(key))
    lacking = [place for place, holds in facts.pull_secrets.items() if not holds]
    logins = {place: await gateways.kubernetes.login_hosts(site, *place) for place in lacking}
    return Seen(tokens, logins, await _unpinned(gateways, facts, wanted))


async def _unpinned(gateways: Gateways, facts: SiteFacts, wanted: Sequence[Desired]) -> dict[ImageRef, str]:
    """Return the cloud's digests of the images whose workloads follow a tag."""
    found: dict[ImageRef, str] = {}
    for image in dict.fromkeys(image for item in wanted for image in item.images if image not in item.digests):
        try:
            found[image] = await gateways.images.digest(facts.registry.login_server, image)
        except PermanentError as error:
            # An image that the cloud has no more is a finding of `status`; what runs of it still is what was asked for.
            if error.reason is not Reason.NOT_IN_CLOUD:
                raise
    return found
