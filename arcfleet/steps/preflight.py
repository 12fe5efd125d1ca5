"""Preflight: read a site's prerequisites before anything is begun, and judge them. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import TypeVar

from arcfleet.core.facts import SiteFacts, Unread
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import Desired
from arcfleet.core.planning import preflight, rights
from arcfleet.core.planning.plan import SitePlan
from arcfleet.core.planning.surveys import AzureSurvey, ClusterSurvey, Permission
from arcfleet.errors import PermanentError
from arcfleet.ports import Gateways

T = TypeVar("T")
LISTED = 300.0
"""Seconds for which one list of a registry's tokens serves the preflights of its sites."""


async def check(
    gateways: Gateways, site: Site, facts: SiteFacts, wanted: Sequence[Desired], plan: SitePlan
) -> preflight.Findings:
    """Return the findings about a site's prerequisites, those that block its plan first.

    Raises:
        TransientError: A service did not answer; what it would have said is not guessed.
    """
    # What only an installation needs is read for one only: a workload's rollout is asked for its rights.
    azure, cluster = await asyncio.gather(_azure(gateways, site, facts, plan), _cluster(gateways, site, wanted, plan))
    return preflight.judge(site, facts, plan, azure, cluster)


async def permissions(gateways: Gateways, site: Site, plan: SitePlan) -> AzureSurvey:
    """Return what the caller may do at the site's cloud registry and at its cluster, and nothing else."""
    at_registry, at_cluster = await asyncio.gather(
        _or_unread(gateways.subscriptions.permissions(site.registry_ref.id)),
        _or_unread(_cluster_permissions(gateways, site, plan)),
    )
    return AzureSurvey(registry_permissions=at_registry, cluster_permissions=at_cluster)


async def _azure(gateways: Gateways, site: Site, facts: SiteFacts, plan: SitePlan) -> AzureSurvey:
    held = await permissions(gateways, site, plan)
    if not plan.install:
        return held
    providers, has_images, tokens = await asyncio.gather(
        _providers(gateways, site),
        _or_unread(gateways.images.any_repository(facts.registry.login_server)),
        _or_unread(gateways.registries.tokens(site.registry_ref, max_age=LISTED)),
    )
    return replace(held, providers=providers, has_images=has_images, tokens=tokens)


async def _providers(gateways: Gateways, site: Site) -> dict[str, str | Unread]:
    subscription = site.cluster_ref.subscription
    return {
        provider: await _or_unread(gateways.subscriptions.registration(subscription, provider))
        for provider in preflight.PROVIDERS
    }


async def _cluster_permissions(gateways: Gateways, site: Site, plan: SitePlan) -> tuple[Permission, ...]:
    """Return the permissions at the cluster's resource group, which its sites share; where they don't do, its own."""
    cluster = site.cluster_ref.id
    group = cluster.partition("/providers/")[0]
    shared = await gateways.subscriptions.permissions(group)
    _, needed = rights.azure_actions(plan.calls)
    return await gateways.subscriptions.permissions(cluster) if rights.missing_actions(needed, shared) else shared


async def _cluster(gateways: Gateways, site: Site, wanted: Sequence[Desired], plan: SitePlan) -> ClusterSurvey | Unread:
    if site.kube is None:
        return Unread(f"site {site.name} has no kube: way to its Kubernetes API")
    rolled = [item for item in wanted if item.workload.name in plan.workloads]
    needed = rights.kube_rights(rolled, plan.pull_secrets)
    if not plan.install:
        return ClusterSurvey(missing_rights=await gateways.kubernetes.missing_rights(site, needed))
    return await gateways.kubernetes.survey(site, needed)


async def _or_unread(reading: Awaitable[T]) -> T | Unread:
    """Return what a read answers; why not, where it is refused. A service that is only busy is asked again."""
    try:
        return await reading
    except PermanentError as error:
        return Unread(error.message)
