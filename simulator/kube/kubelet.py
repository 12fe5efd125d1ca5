"""The kubelets: each pod that the scheduler put on a node is played there until it is deleted."""

import random

from simulator.kube.player import Node, Player
from simulator.kube.resources import BY_NAME
from simulator.kube.store import Event, Key, key_of

_PODS = BY_NAME["pods"]


class Kubelet:
    """Starts a player for each pod that the scheduler put on a node, and stops it when the pod is deleted."""

    def __init__(self, node: Node, chance: random.Random) -> None:
        self._node = node
        self._chance = chance
        self._players: dict[str, Player] = {}
        node.store.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.resource is not _PODS or not event.object["spec"].get("nodeName"):
            return
        uid = event.object["metadata"]["uid"]
        player = self._players.get(uid)
        if event.type == "DELETED":
            if player:
                self._players.pop(uid).halt()
        elif "deletionTimestamp" in event.object["metadata"]:
            if player:
                player.stop()
            elif not event.object["metadata"].get("deletionGracePeriodSeconds"):
                self._node.clock.after(0, lambda: self._forget(key_of(event.object)))
        elif player is None:
            address = f"10.244.0.{self._chance.randrange(2, 255)}"
            self._players[uid] = Player(self._node, event.object, address)

    def _forget(self, key: Key) -> None:
        if self._node.store.get(_PODS, key):
            self._node.writes.remove(_PODS, key)
