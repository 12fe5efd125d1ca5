"""Observe: read everything about a site that a plan needs, and change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from arcfleet.core.facts import ConnectedRegistryFacts, RegistryContents, SiteFacts
from arcfleet.core.findings import Finding, of_error
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube import workloads
from arcfleet.core.kube.workloads import Desired, Login, Object
from arcfleet.core.names import ImageRef
from arcfleet.core.planning import comparison, ensure_effects
from arcfleet.core.reasons import Reason
from arcfleet.core.schedule import rests_between_syncs
from arcfleet.core.verdicts import extension as extension_rules
from arcfleet.core.verdicts import inside
from arcfleet.errors import PermanentError
from arcfleet.ports import Gateways
from arcfleet.steps import diagnosis

LISTED = 30.0
"""Seconds for which one list of what a registry holds serves the sites that are observed."""
Manifests = Mapping[str, Sequence[Object]]


async def observe(
    gateways: Gateways, site: Site, manifests: Manifests, *, max_age: float = LISTED
) -> tuple[SiteFacts, tuple[Desired, ...]]:
    """Return what was observed of a site, and its workloads as they are to be.

    Args:
        gateways: The outside world.
        site: The site.
        manifests: The parsed manifest files of workloads, by path.
        max_age: Seconds that the lists of what the registry holds may be old.

    Raises:
        PermanentError: Something does not exist that must.
    """
    registry, (cr, contents), cluster, extension = await asyncio.gather(
        gateways.registries.registry(site.registry_ref),
        _in_registry(gateways, site, max_age),
        gateways.extensions.cluster(site),
        gateways.extensions.extension(site),
    )
    facts = SiteFacts(registry, cr, cluster, extension, contents=contents)
    if cluster.connectivity.lower() != "connected":
        return facts, ()
    wanted, missing = await _desired(gateways, site, registry.login_server, manifests)
    in_cluster = await _in_cluster(gateways, site, cr, wanted)
    refusal = inside.refusal(await diagnosis.look(gateways, site)) if await _is_away(gateways, facts) else ""
    hindrance = None
    if extension and extension.has_failed:
        hindrance = extension_rules.hindrance(site, extension, await gateways.registries.service_time())
    return replace(facts, **in_cluster, missing=missing, refusal=refusal, hindrance=hindrance), wanted


async def _is_away(gateways: Gateways, facts: SiteFacts) -> bool:
    """Tell whether an installed registry is out of contact though it should be in contact: its log may say why."""
    cr, extension = facts.connected_registry, facts.extension
    if extension is None or extension.provisioning_state.lower() != "succeeded":
        return False
    return not cr.in_contact and not rests_between_syncs(cr, await gateways.registries.service_time())


async def _in_registry(
    gateways: Gateways, site: Site, max_age: float
) -> tuple[ConnectedRegistryFacts, RegistryContents | None]:
    """Return the site's connected registry, and what else the registry holds where the site has `ensure`.

    With `ensure` one that is missing is no error: it is told as it will be once it is made.
    """
    if not site.ensure:
        return await connected_registry(gateways, site, max_age=max_age), None
    contents = await contents_of(gateways, site, max_age=max_age)
    found = contents.connected.get(site.connected_registry.lower())
    return found or ensure_effects.expected(site, contents), contents


async def contents_of(gateways: Gateways, site: Site, *, max_age: float) -> RegistryContents:
    """Return what a site's cloud registry holds, from lists that are at most `max_age` s old."""
    registries, ref = gateways.registries, site.registry_ref
    return RegistryContents(
        *await asyncio.gather(
            registries.connected_registries(ref, max_age=max_age),
            registries.scope_maps(ref, max_age=max_age),
            registries.tokens(ref, max_age=max_age),
        )
    )


async def connected_registry(
    gateways: Gateways, site: Site, *, max_age: float, name: str | None = None
) -> ConnectedRegistryFacts:
    """Return a site's connected registry, or another `name` of its cloud registry, out of that one's list.

    Raises:
        PermanentError: The registry has no connected registry of that name.
    """
    listed = await gateways.registries.connected_registries(site.registry_ref, max_age=max_age)
    name = name or site.connected_registry
    found = listed.get(name.lower())
    if found is None:
        raise PermanentError(
            Reason.CONNECTED_REGISTRY_NOT_FOUND,
            f"registry {site.registry} has no connected registry {name}",
            f"az acr connected-registry create --registry {site.registry} --name {name} --repository …, "
            "or give the site ensure: true",
            rule="C1",
        )
    return found


async def _desired(
    gateways: Gateways, site: Site, login_server: str, manifests: Manifests
) -> tuple[tuple[Desired, ...], tuple[Finding, ...]]:
    """Return the workloads as they are to be, and each image without which one can't be."""
    result, missing = [], []
    for workload in site.workloads:
        manifest = manifests.get(workload.manifest or "", ())
        needed = workloads.images(workload, manifest, login_server) if workload.pin == "digest" else ()
        digests: dict[ImageRef, str] = {}
        for image in needed:
            try:
                digests[image] = await gateways.images.digest(login_server, image)
            except PermanentError as error:
                if error.reason is not Reason.NOT_IN_CLOUD:
                    raise
                missing.append(of_error(error, "image"))
        if len(digests) == len(needed):
            result.append(workloads.desired(site, workload, manifest, login_server, digests))
    return tuple(result), tuple(dict.fromkeys(missing))


async def _in_cluster(
    gateways: Gateways, site: Site, cr: ConnectedRegistryFacts, wanted: Sequence[Desired]
) -> dict[str, Any]:
    """Return the facts about a site's cluster, by the names of their fields."""
    own = await own_login(gateways, site) if wanted else None
    faults = {}
    for key in dict.fromkeys((item.namespace, item.workload.pull_secret) for item in wanted):
        faults[key] = comparison.pull_secret_fault(site, cr, await gateways.kubernetes.login(site, *key), own)
    return {
        "pull_secrets": {key: not fault for key, fault in faults.items()},
        "pull_secret_faults": {key: fault for key, fault in faults.items() if fault},
        "workloads": {
            item.workload.name: await gateways.kubernetes.workload(site, item.namespace, item.name, item.kind)
            for item in wanted
        },
        "others": {
            item.workload.name: tuple([await gateways.kubernetes.read(site, other) for other in item.objects[:-1]])
            for item in wanted
        },
    }


async def own_login(gateways: Gateways, site: Site) -> Login | None:
    """Return the user's own login for a site's pull secrets; None where there is none, or it can't be told here.

    Raises:
        PermanentError: Its source does not hold it. This is read with the site, so that nothing was written yet.
    """
    source = site.pull_secret_from
    password = await gateways.passwords.read(source) if source else None
    return Login(source.username or "", password) if source and password else None
