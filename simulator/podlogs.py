"""The log of the connected registry's pod, computed when somebody reads it."""

from typing import Any

from simulator.world import NAMESPACE, ConnectedCluster, World

Key = tuple[str, str]


class PodLogs(dict[Key, list[str]]):
    """Log lines by namespace and pod. Those of the connected registry come from its instance."""

    def __init__(self, world: World, cluster: ConnectedCluster) -> None:
        super().__init__()
        self._world = world
        self._cluster = cluster

    def __missing__(self, key: Key) -> list[str]:
        lines = self.get(key)
        if lines is None:
            raise KeyError(key)
        return list(lines)

    def get(self, key: Key, default: Any = None) -> Any:
        """Return a pod's lines."""
        namespace, pod = key
        release = self._cluster.release
        if release is None or namespace != NAMESPACE or not pod.startswith(f"{NAMESPACE}-"):
            return super().get(key, default)
        release.instance.advance(self._world.now())
        return release.instance.log
