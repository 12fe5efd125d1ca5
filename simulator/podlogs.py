"""The log of the connected registry's pod, computed when somebody reads it."""

from typing import Any

from simulator.instance import NAME
from simulator.world import ConnectedCluster, World

Key = tuple[str, str]


class PodLogs(dict[Key, list[str]]):
    """Log lines by namespace and pod. Those of the connected registry come from its instance."""

    def __init__(self, world: World, cluster: ConnectedCluster) -> None:
        super().__init__()
        self._world = world
        self._cluster = cluster

    def get(self, key: Key, default: Any = None) -> Any:
        """Return a pod's lines."""
        namespace, pod = key
        release = self._cluster.release
        if release is None or namespace != NAME or not pod.startswith(f"{NAME}-"):
            return super().get(key, default)
        release.instance.advance(self._world.now())
        return release.instance.log
