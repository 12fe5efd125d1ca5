"""`arcfleet status`: what Azure and the clusters show now. Reads only; a Prefect server is asked if one runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from arcfleet.core.durations import ago
from arcfleet.core.facts import ConnectedRegistryFacts, WorkloadFacts
from arcfleet.core.findings import Finding, Grade, of_error
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.names import RegistryRef
from arcfleet.core.reasons import Reason
from arcfleet.core.reporting.report import arrivals_in_short, finding_json
from arcfleet.ports import Gateways
from arcfleet.steps import rotation, standing
from arcfleet.steps.observe import LISTED
from arcfleet.steps.standing import Standing
from arcfleet.waiting import each

LIST_COLUMNS = ("NAME", "MODE", "CONNECTION STATE", "PARENT", "LOGIN SERVER", "LAST SYNC (UTC)", "SYNC STATE")
SHOW_COLUMNS = (*LIST_COLUMNS[:-1], "SYNC SCHEDULE", "SYNC WINDOW", "SYNC STATE")
"""Columns of `az acr connected-registry list` and `show` with --output table, as az 2.91 has them."""


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """A fleet as it was found, and all connected registries of its cloud registries."""

    fleet: str
    sites: tuple[Standing, ...]
    registries: Mapping[str, tuple[ConnectedRegistryFacts, ...]]

    @property
    def weak(self) -> dict[str, list[str]]:
        """By what kept better evidence away, the sites with images that only contact speaks for (D)."""
        found: dict[str, list[str]] = {}
        for item in self.sites:
            for why in dict.fromkeys(
                line for image in item.images if image.grade is Grade.D for line in image.evidence
            ):
                found.setdefault(why, []).append(item.site)
        return found

    @property
    def due(self) -> list[tuple[str, Finding]]:
        """By site, each password that ends soon, where the site's own finding is another one."""
        return [
            (item.site, found)
            for item in self.sites
            for found in item.chain
            if found.reason is Reason.ROTATION_DUE and found is not item.finding
        ]


async def read(gateways: Gateways, fleet: Fleet) -> FleetStatus:
    """Read a fleet. A site that can't be read carries a finding and hides no other."""

    async def one(site: Site) -> Standing:
        (found,) = await asyncio.gather(_site(gateways, fleet, site), return_exceptions=True)
        if isinstance(found, BaseException):
            now = await gateways.registries.service_time()
            return Standing(site.name, None, (), of_error(found, "status"), now)
        return found

    sites = await each(fleet.sites, fleet.rollout.max_concurrency, one)
    refs = dict.fromkeys(site.registry_ref for site in fleet.sites)
    listed = await asyncio.gather(*(_listed(gateways, ref) for ref in refs))
    return FleetStatus(fleet.name, tuple(sites), dict(zip((ref.name for ref in refs), listed, strict=True)))


async def _listed(gateways: Gateways, ref: RegistryRef) -> tuple[ConnectedRegistryFacts, ...]:
    listing = gateways.registries.connected_registries(ref, max_age=LISTED)
    (found,) = await asyncio.gather(listing, return_exceptions=True)
    # A registry that can't be listed is told by the finding of each of its sites.
    return () if isinstance(found, BaseException) else tuple(as_tree(found.values()))


async def _site(gateways: Gateways, fleet: Fleet, site: Site) -> Standing:
    """Return how a site stands; what ends soon counts where nothing else is wrong."""
    found = await standing.of_site(gateways, site, fleet.manifests)
    ends = await rotation.ending(gateways, site, found.facts) if found.facts else ()
    return replace(found, chain=(*found.chain, *ends), finding=found.finding or next(iter(ends), None))


def as_tree(items: Any) -> list[ConnectedRegistryFacts]:
    """Return connected registries as az lists them: roots first, each followed by its children, depth first."""
    pending = sorted(items, key=lambda cr: cr.name.lower())
    names = {cr.name.lower() for cr in pending}

    def below(parent: str | None) -> list[ConnectedRegistryFacts]:
        return [line for cr in pending if _parent(cr, names) == parent for line in (cr, *below(cr.name.lower()))]

    return below(None)


def _parent(cr: ConnectedRegistryFacts, names: set[str]) -> str | None:
    parent = (cr.parent or "").lower()
    return parent if parent in names else None


def fleet_rows(status: FleetStatus) -> list[dict[str, str]]:
    """Return the fleet's table, a row per site."""
    return [_fleet_row(item) for item in status.sites]


def _fleet_row(item: Standing) -> dict[str, str]:
    facts = item.facts
    if facts is None:
        unknown = dict.fromkeys(("arc", "extension", "registry", "last sync", "images", "pods"), "?")
        return {"site": item.site, **unknown, "finding": item.finding.message if item.finding else ""}
    cr, cluster, extension = facts.connected_registry, facts.cluster, facts.extension
    heard = cluster.last_heartbeat
    silent = f" {ago((item.now - heard).total_seconds())}" if heard and cluster.connectivity != "Connected" else ""
    return {
        "site": item.site,
        "arc": f"{cluster.connectivity}{silent}",
        "extension": f"{extension.current_version or ''} {extension.provisioning_state}".strip() if extension else "-",
        "registry": cr.connection_state,
        "last sync": f"{ago((item.now - cr.last_sync).total_seconds())} ago" if cr.last_sync else "never",
        "images": arrivals_in_short(item.images),
        "pods": _pods(item),
        "finding": f"{item.finding.subject}: {item.finding.message}" if item.finding else "",
    }


def _pods(item: Standing) -> str:
    if item.facts and item.facts.cluster.connectivity.lower() != "connected":
        return "unknown (no contact)"
    parts = []
    for wanted in item.workloads:
        live: WorkloadFacts | None = item.facts.workloads.get(wanted.workload.name) if item.facts else None
        parts.append(f"{wanted.name} {live.available}/{live.desired}" if live else f"{wanted.name} -")
    return ", ".join(parts)


def list_rows(registries: Sequence[ConnectedRegistryFacts]) -> list[tuple[str, ...]]:
    """Return the rows of the article's list table."""
    return [(*_common(cr), cr.sync_state or "") for cr in registries]


def show_rows(registries: Sequence[ConnectedRegistryFacts]) -> list[tuple[str, ...]]:
    """Return the rows of the article's show table, one per connected registry."""
    return [(*_common(cr), cr.schedule or "", cr.sync_window or "", cr.sync_state or "") for cr in registries]


def _common(cr: ConnectedRegistryFacts) -> tuple[str, ...]:
    synced = cr.last_sync.isoformat(timespec="seconds") if cr.last_sync else ""
    return (cr.name, cr.mode, cr.connection_state, cr.parent or "", cr.login_host or "", synced)


def to_json(status: FleetStatus) -> dict[str, Any]:
    """Return the status as plain values; column names become keys."""
    return {
        "schema": 1,
        "fleet": status.fleet,
        "sites": [
            {
                **row,
                "finding": finding_json(item.finding) if item.finding else None,
                "chain": [finding_json(finding) for finding in item.chain],
            }
            for row, item in zip(fleet_rows(status), status.sites, strict=True)
        ],
        "connectedRegistries": {
            registry: [dict(zip(SHOW_COLUMNS, row, strict=True)) for row in show_rows(items)]
            for registry, items in status.registries.items()
        },
    }
