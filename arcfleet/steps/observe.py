"""Observe: read everything about a site that a plan needs, and change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from arcfleet.core import workloads
from arcfleet.core.facts import ConnectedRegistryFacts, SiteFacts, WorkloadFacts
from arcfleet.core.manifest import Site
from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason
from arcfleet.core.workloads import Desired, Object
from arcfleet.errors import PermanentError
from arcfleet.ports import Gateways

LISTED = 30.0
"""Seconds for which one list of a registry's connected registries serves the sites that are observed."""
Manifests = Mapping[str, Sequence[Object]]


async def observe(
    gateways: Gateways, site: Site, manifests: Manifests, *, max_age: float = LISTED
) -> tuple[SiteFacts, tuple[Desired, ...]]:
    """Return what was observed of a site, and its workloads as they are to be.

    Args:
        gateways: The outside world.
        site: The site.
        manifests: The parsed manifest files of workloads, by path.
        max_age: Seconds that the list of connected registries may be old.

    Raises:
        PermanentError: Something does not exist that must, or an image is not in the cloud registry.
    """
    registry, cr, cluster, extension = await asyncio.gather(
        gateways.registries.registry(site.registry_ref),
        connected_registry(gateways, site, max_age=max_age),
        gateways.extensions.cluster(site),
        gateways.extensions.extension(site),
    )
    facts = SiteFacts(registry, cr, cluster, extension)
    if cluster.connectivity.lower() != "connected":
        return facts, ()
    wanted = await _desired(gateways, site, registry.login_server, manifests)
    found, secrets = await _in_cluster(gateways, site, wanted)
    return SiteFacts(registry, cr, cluster, extension, found, secrets), wanted


async def connected_registry(gateways: Gateways, site: Site, *, max_age: float) -> ConnectedRegistryFacts:
    """Return a site's connected registry out of its registry's list.

    Raises:
        PermanentError: The registry has no connected registry of that name.
    """
    listed = await gateways.registries.connected_registries(site.registry_ref, max_age=max_age)
    found = listed.get(site.connected_registry.lower())
    if found is None:
        raise PermanentError(
            Reason.CONNECTED_REGISTRY_NOT_FOUND,
            f"registry {site.registry} has no connected registry {site.connected_registry}",
            f"az acr connected-registry create --registry {site.registry} --name {site.connected_registry} "
            "--repository …",
        )
    return found


async def _desired(gateways: Gateways, site: Site, login_server: str, manifests: Manifests) -> tuple[Desired, ...]:
    result = []
    for workload in site.workloads:
        manifest = manifests.get(workload.manifest or "", ())
        digests: dict[ImageRef, str] = {}
        if workload.pin == "digest":
            for image in workloads.images(workload, manifest, login_server):
                digests[image] = await gateways.images.digest(login_server, image)
        result.append(workloads.desired(site, workload, manifest, login_server, digests))
    return tuple(result)


async def _in_cluster(
    gateways: Gateways, site: Site, wanted: Sequence[Desired]
) -> tuple[dict[str, WorkloadFacts | None], dict[tuple[str, str], bool]]:
    secrets = {
        key: await gateways.kubernetes.login(site, *key) is not None
        for key in dict.fromkeys((item.namespace, item.workload.pull_secret) for item in wanted)
    }
    found = {item.workload.name: await gateways.kubernetes.workload(site, item.namespace, item.name) for item in wanted}
    return found, secrets
