"""What a site is made of: defaults, groups in their order, an inventory's values, then the site's own.

Maps merge, lists and values replace, null deletes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arcfleet.core.fleet.folder import Sources
from arcfleet.core.fleet.inventory import FoundCluster, Layer, layers_of
from arcfleet.core.fleet.manifest import FleetFile
from arcfleet.core.leaks import Path
from arcfleet.core.names import ClusterRef
from arcfleet.errors import ManifestError

MAX_SITES = 5000
MAX_MATCHES = 2_000_000
"""Comparisons of a group's label with a site's; 500 sites and 50 groups of two labels take 75,000."""
MAX_MERGED = 300_000
"""Values of all sites together once defaults and groups are merged in; 500 sites have about 20,000."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A site before it is validated."""

    place: Path
    """Where it is told about as a whole: its entry in `sites` or `sitesFrom`."""
    layers: tuple[Layer, ...]
    """Lowest first."""
    merged: Mapping[str, Any]
    subject: str = ""
    """What tells it from others of the same place, for example `cluster k-berlin: `."""

    def written_at(self, path: Path) -> Path:
        """Return where a value of the site comes from: the last layer that holds it, else the site itself."""
        for place, layer in reversed(self.layers):
            if holds(layer, path):
                return (*place, *path)
        return (*self.place, *path)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` overlaid with `over`: maps merge, everything else replaces, None deletes."""
    result = dict(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            below = result.get(key)
            result[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def drafts(file: FleetFile, sources: Sources, discovered: Mapping[int, Sequence[FoundCluster]]) -> tuple[Draft, ...]:
    """Return every site of a fleet before it is validated: the listed ones, then those that were found.

    A cluster that is listed too is one site: what the list says wins over what was found.

    Args:
        file: The fleet as written.
        sources: Where it is written.
        discovered: Index of an entry of `sitesFrom` -> the clusters that Azure has for it.

    Raises:
        ManifestError: The sites, groups and defaults are too many to be merged.
    """
    found: dict[str, tuple[int, FoundCluster]] = {}
    for index, clusters in discovered.items():
        for cluster in clusters:
            found.setdefault(cluster.key, (index, cluster))
    own: list[tuple[Path, str, tuple[Layer, ...]]] = []
    for number, entry in enumerate(file.sites):
        listed: Layer = (("sites", number), entry)
        match = found.pop(_cluster_key(file, entry), None) if found else None
        below = layers_of(match[0], file.sites_from[match[0]], match[1]) if match else ()
        own.append((listed[0], "", (*below, listed)))
    for index, cluster in found.values():
        place: Path = ("sitesFrom", index)
        own.append((place, f"cluster {cluster.name}: ", layers_of(index, file.sites_from[index], cluster)))
    return _over_groups(file, sources, own)


def _over_groups(
    file: FleetFile, sources: Sources, own: Sequence[tuple[Path, str, tuple[Layer, ...]]]
) -> tuple[Draft, ...]:
    """Return drafts of sites' own layers, each over the defaults and the groups that are for it."""
    if len(own) > MAX_SITES:
        raise ManifestError((sources.problem(own[MAX_SITES][0], f"is one more than {MAX_SITES:,} sites"),))
    labels = [list(group.match.labels.items()) for group in file.groups]
    if (sum(map(len, labels)) + len(labels)) * len(own) > MAX_MATCHES:
        raise ManifestError((sources.problem(("groups",), f"are too many for {len(own):,} sites"),))
    shared: dict[tuple[int, ...], tuple[dict[str, Any], int]] = {}
    made, weight = [], 0
    for place, subject, layers in own:
        carried = _labels([file.defaults, *(layer for _, layer in layers)])
        chosen = tuple(i for i, wanted in enumerate(labels) if all(carried.get(key) == value for key, value in wanted))
        below: tuple[Layer, ...] = (
            (("defaults",), file.defaults),
            *((("groups", i, "set"), file.groups[i].set) for i in chosen),
        )
        if chosen not in shared:
            base = _merged(below)
            shared[chosen] = base, weigh(base)
        base, base_weight = shared[chosen]
        weight += base_weight + sum(weigh(layer) for _, layer in layers)
        if weight > MAX_MERGED:
            raise ManifestError((sources.problem(place, f"the sites so far have over {MAX_MERGED:,} values, merged"),))
        made.append(Draft(place, (*below, *layers), _merged(layers, base), subject))
    return tuple(made)


def _merged(layers: Iterable[Layer], base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    merged = dict(base or {})
    for _, layer in layers:
        merged = merge(merged, layer)
    return merged


def weigh(value: Any) -> int:
    """Return how many values a value holds, itself included."""
    if isinstance(value, Mapping):
        return 1 + sum(map(weigh, value.values()))
    return 1 + sum(map(weigh, value)) if isinstance(value, list) else 1


def _labels(layers: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the labels of layers; those that are no map are told when the site is validated."""
    merged: dict[str, Any] = {}
    for layer in layers:
        labels = layer.get("labels")
        merged = merge(merged, labels) if isinstance(labels, Mapping) else merged
    return merged


def _cluster_key(file: FleetFile, entry: Mapping[str, Any]) -> str:
    """Return what tells the cluster of a listed site, as far as it can be told before validation."""
    merged = merge(file.defaults, entry)
    cluster = merged.get("cluster")
    if not isinstance(cluster, Mapping):
        return ""
    home = next((r for r in file.registries if r.name.lower() == str(merged.get("registry")).lower()), None)
    subscription = cluster.get("subscription") or (home.subscription if home else "")
    return ClusterRef(str(subscription), str(cluster.get("resourceGroup")), str(cluster.get("name"))).id.lower()


def holds(value: Any, path: Path) -> bool:
    """Tell whether a path leads somewhere in a value."""
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True
