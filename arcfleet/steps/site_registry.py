"""An image's arrival by the best evidence there is; a site's own registry is asked where it can be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from arcfleet.core.facts import ConnectedRegistryFacts, Unread
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import ImageRef
from arcfleet.core.sync.arrivals import Answer, Arrival, Served
from arcfleet.core.verdicts import sync as rules
from arcfleet.core.verdicts.sync import Scope, Sought
from arcfleet.ports import Gateways
from arcfleet.steps.announced import Announcements


async def judged(
    gateways: Gateways,
    site: Site,
    item: Arrival,
    cr: ConnectedRegistryFacts,
    sought: Sought,
    *,
    announcements: Announcements,
    scopes: Sequence[Scope] = (),
) -> Finding:
    """Return the finding about an image: by the site's own answer, else by what it announced and what Azure shows.

    That it did not answer, or refused to, is evidence and no more: a pull problem is no sync problem (S6).
    """
    heard = None if item.site else await ask(gateways, site, item.image)
    if isinstance(heard, Answer) and heard.served is not Served.REFUSED:
        item = replace(item, site=heard)
    told = await announcements.added(item, cr)
    found = rules.judge(item if isinstance(told, Unread) else told, cr, sought, scopes)
    if isinstance(told, Unread) and rules.is_by_azure(found):
        found = found.with_evidence(f"what the registry announced was not looked at: {told.why}")
    if heard is None or item.site:
        return found
    why = heard.why if isinstance(heard, Unread) else f"it refuses to say, {heard.heard}"
    return found.with_evidence(f"the site's registry could not be asked: {why}")


async def ask(gateways: Gateways, site: Site, image: ImageRef) -> Answer | Unread | None:
    """Return what the site's registry says of an image; None where it can't be asked from here.

    It is asked with the login of the first pull secret that holds one, as a pod would ask it.
    """
    if site.site_registry is None or site.kube is None:
        return None
    for place in dict.fromkeys((workload.namespace, workload.pull_secret) for workload in site.workloads):
        login = await gateways.kubernetes.login(site, *place)
        if login:
            return await gateways.site_registries.manifest(site, image, login)
    return Unread("no pull secret holds a login for it yet")
