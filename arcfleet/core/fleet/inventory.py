"""Sites from Azure's list of Arc-enabled clusters: which ones an entry of `sitesFrom` means, and what it says of them.

Azure's names of tags have no case, their values do (Azure Resource Manager, "tag resources").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from arcfleet.core.fleet.manifest import Inventory
from arcfleet.core.leaks import Path
from arcfleet.core.names import ClusterRef

Layer = tuple[Path, Mapping[str, Any]]
"""Where values of a site are written, and the values."""


@dataclass(frozen=True, slots=True)
class FoundCluster:
    """An Arc-enabled cluster as Azure lists it."""

    name: str
    resource_group: str
    subscription: str
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What tells it from all other clusters."""
        return ClusterRef(self.subscription, self.resource_group, self.name).id.lower()


def chosen(inventory: Inventory, clusters: Iterable[FoundCluster]) -> tuple[FoundCluster, ...]:
    """Return the clusters that carry all of an inventory's tags, in the order of their names."""
    wanted = {name.lower(): value for name, value in inventory.tags.items()}
    found = [cluster for cluster in clusters if _carries(cluster, wanted)]
    return tuple(sorted(found, key=lambda cluster: (cluster.name.lower(), cluster.key)))


def layers_of(index: int, inventory: Inventory, cluster: FoundCluster) -> tuple[Layer, Layer]:
    """Return what an inventory says of a cluster that it found: its `set`, and what Azure says."""
    place: Path = ("sitesFrom", index)
    tags = {name.lower(): value for name, value in cluster.tags.items()}
    named: dict[str, str] = {key: tags[tag.lower()] for key, tag in inventory.from_tags.items() if tag.lower() in tags}
    found: dict[str, Any] = {
        "name": cluster.name.lower(),
        "labels": {"location": cluster.location, **cluster.tags},
        "cluster": {
            "name": cluster.name,
            "resourceGroup": cluster.resource_group,
            "subscription": cluster.subscription,
        },
        **named,
    }
    return ((*place, "set"), _filled(inventory.set, cluster.name)), (place, found)


def _carries(cluster: FoundCluster, wanted: Mapping[str, str | None]) -> bool:
    tags = {name.lower(): value for name, value in cluster.tags.items()}
    return all(name in tags and value in {None, tags[name]} for name, value in wanted.items())


def _filled(value: Any, name: str) -> Any:
    """Return a value with `{cluster}` in its texts replaced."""
    if isinstance(value, Mapping):
        return {key: _filled(below, name) for key, below in value.items()}
    if isinstance(value, list):
        return [_filled(below, name) for below in value]
    return value.replace("{cluster}", name) if isinstance(value, str) else value
