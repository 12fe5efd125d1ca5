"""What can't be told of one site alone: names that are used twice, parents, and Azure's limits. No call is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from arcfleet.core.fleet.folder import Sources
from arcfleet.core.fleet.layers import Draft
from arcfleet.core.fleet.manifest import Site

MAX_CONNECTED_REGISTRIES = 50
"""Of one cloud registry (MicrosoftDocs, container-registry, intro-connected-registry.md)."""

Sited = tuple[Draft, Site]


def cross_checks(sites: Sequence[Sited], sources: Sources, *, complete: bool) -> Iterator[str]:
    """Yield what is wrong between the sites of a fleet, each at the later site of two.

    Args:
        sites: The sites that are valid by themselves, in order.
        sources: Where they are written.
        complete: These are all sites: none is invalid by itself, and none can be added by an inventory any more.
    """
    for draft, key, message in (
        *_used_twice(sites),
        *_too_many(sites),
        *_parents(sites, complete=complete),
        *_cycles(sites),
    ):
        yield sources.problem((*draft.place, key), f"{draft.subject}{message}")


def _used_twice(sites: Sequence[Sited]) -> Iterator[tuple[Draft, str, str]]:
    """Names, connected registries, clusters and ways to a Kubernetes API: each is one site's.

    A cluster takes one connected registry per namespace, and arcfleet installs into one namespace.
    """
    seen: dict[tuple[str, ...], str] = {}
    for draft, site in sites:
        cluster = site.cluster_ref
        # Azure's names have no case; paths and contexts of a kubeconfig do.
        unique = (
            (("name", site.name), "name", f"site {site.name}"),
            (("cr", site.registry.lower(), site.connected_registry.lower()), "connectedRegistry",
             f"connected registry {site.connected_registry}"),
            (("cluster", cluster.id.lower()), "cluster", f"cluster {cluster.resource_group}/{cluster.name}"),
            *_kube_key(site),
        )  # fmt: skip
        for key, field, what in unique:
            if key in seen:
                yield draft, field, f"{what} is already used by site {seen[key]}"
            seen.setdefault(key, site.name)


def _kube_key(site: Site) -> tuple[tuple[tuple[str, ...], str, str], ...]:
    """Return what tells a site's Kubernetes API from others': two sites with one would get each other's workloads."""
    if site.kube is None:
        return ()
    key = ("kube", site.kube.kubeconfig or "", site.kube.context or "", str(site.kube.in_cluster))
    return ((key, "kube", "this way to a Kubernetes API"),)


def _too_many(sites: Sequence[Sited]) -> Iterator[tuple[Draft, str, str]]:
    counts: Counter[str] = Counter(site.registry_ref.id.lower() for _, site in sites)
    reached: Counter[str] = Counter()
    for draft, site in sites:
        key = site.registry_ref.id.lower()
        reached[key] += 1
        if reached[key] == MAX_CONNECTED_REGISTRIES + 1:
            yield (
                draft,
                "registry",
                (
                    f"registry {site.registry_ref.name} has {counts[key]} sites; "
                    f"Azure takes {MAX_CONNECTED_REGISTRIES} connected registries in one: use another for the rest"
                ),
            )


def _parents(sites: Sequence[Sited], *, complete: bool) -> Iterator[tuple[Draft, str, str]]:
    by_name = {site.name: site for _, site in sites}
    for draft, site in sites:
        if site.parent is None:
            continue
        parent = by_name.get(site.parent)
        if parent is None:
            if complete:
                yield draft, "parent", f"{site.parent} is no site of this fleet"
        elif parent.registry_ref != site.registry_ref:
            yield (
                draft,
                "parent",
                (
                    f"site {parent.name} is of registry {parent.registry}, this one of {site.registry}: "
                    "a connected registry syncs within one cloud registry"
                ),
            )
        elif parent.connected_registry_settings.mode == "ReadOnly" and _may_push(site):
            yield draft, "parent", f"site {parent.name} is ReadOnly; below it only ReadOnly is possible"


def _may_push(site: Site) -> bool:
    return site.connected_registry_settings.mode == "ReadWrite"


def _cycles(sites: Sequence[Sited]) -> Iterator[tuple[Draft, str, str]]:
    """Yield the first site of each circle of parents."""
    parents = {site.name: site.parent for _, site in sites}
    ended: set[str] = set()
    for draft, site in sites:
        way: dict[str, None] = {}
        here: str | None = site.name
        while here in parents and here not in ended and here not in way:
            way[here] = None
            here = parents[here]
        if here in way:
            circle = [*list(way)[list(way).index(here) :], here]
            yield draft, "parent", f"the parents go round in a circle: {' -> '.join(circle[:10])}"
        ended.update(way)
