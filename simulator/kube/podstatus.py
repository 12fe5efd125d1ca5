"""What a kubelet reports of a pod: containers' states and the pod's phase and conditions."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.kube.pull import Behaviour

Object = dict[str, Any]


@dataclass(slots=True)
class Container:
    """One container of a pod as its node sees it."""

    spec: Object
    init: bool = False
    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Object = field(default_factory=dict)
    ready: bool = False
    started: bool = False
    restarts: int = -1
    """Times started again; -1 before the first start."""
    image_id: str = ""
    pull_failures: int = 0
    pull_error: str = ""
    behaviour: Behaviour = "run"

    @property
    def name(self) -> str:
        """Return the container's name."""
        return str(self.spec["name"])

    @property
    def is_done(self) -> bool:
        """Return whether it ended well, as an init container must."""
        return bool(self.state.get("terminated", {}).get("exitCode", 1) == 0)

    def container_id(self, uid: str) -> str:
        """Return the runtime's id of the current start."""
        text = f"{uid}/{self.name}/{self.restarts}"
        return f"containerd://{hashlib.sha256(text.encode()).hexdigest()}"

    def status(self, uid: str) -> Object:
        """Return the entry in containerStatuses."""
        entry = {
            "name": self.name,
            "state": self.state,
            "lastState": self.last,
            "ready": self.is_done if self.init else self.ready,
            "restartCount": max(self.restarts, 0),
            "image": self.spec["image"],
            "imageID": self.image_id,
        }
        if self.restarts >= 0:
            entry["containerID"] = self.container_id(uid)
        return entry | {"started": self.started}


def status(pod: Object, containers: Sequence[Container], node_ip: str, pod_ip: str, now: str) -> Object:
    """Return a pod's status.

    Args:
        pod: The pod with its status so far.
        containers: Its init containers and containers.
        node_ip: Its node's address.
        pod_ip: Its own address, "" before its sandbox is made.
        now: The time, for what changes.
    """
    before = pod["status"]
    uid = pod["metadata"]["uid"]
    mains = [each for each in containers if not each.init]
    inits = [each for each in containers if each.init]
    new: Object = {"phase": _phase(inits, mains, pod["spec"]["restartPolicy"])}
    new["conditions"] = _conditions(before, inits, mains, bool(pod_ip), now)
    new |= {"hostIP": node_ip, "hostIPs": [{"ip": node_ip}]}
    if pod_ip:
        new |= {"podIP": pod_ip, "podIPs": [{"ip": pod_ip}]}
    new["startTime"] = before.get("startTime", now)
    if inits:
        new["initContainerStatuses"] = [each.status(uid) for each in inits]
    new["containerStatuses"] = [each.status(uid) for each in mains]
    return new | {"qosClass": before["qosClass"]}


def _phase(inits: Sequence[Container], mains: Sequence[Container], policy: str) -> str:
    ended = [each.state["terminated"] for each in mains if "terminated" in each.state]
    if policy != "Always" and len(ended) == len(mains):
        if all(each["exitCode"] == 0 for each in ended):
            return "Succeeded"
        if policy == "Never":
            return "Failed"
    begun = all(each.restarts >= 0 for each in mains)
    return "Running" if begun and all(each.is_done for each in inits) else "Pending"


def _conditions(
    before: Object, inits: Sequence[Container], mains: Sequence[Container], sandbox: bool, now: str
) -> list[Object]:
    pending = [each.name for each in inits if not each.is_done]
    unready = [each.name for each in mains if not each.ready]
    incomplete = ("ContainersNotInitialized", f"containers with incomplete status: [{' '.join(pending)}]")
    not_ready = ("ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    states = {
        "PodReadyToStartContainers": (sandbox, ("", "")),
        "Initialized": (not pending, incomplete),
        "Ready": (not unready, not_ready),
        "ContainersReady": (not unready, not_ready),
        "PodScheduled": (True, ("", "")),
    }
    known = {each["type"]: each for each in before.get("conditions") or []}
    return [_condition(known.get(kind), kind, holds, why, now) for kind, (holds, why) in states.items()]


def _condition(known: Object | None, kind: str, holds: bool, why: tuple[str, str], now: str) -> Object:
    value = "True" if holds else "False"
    changed = known["lastTransitionTime"] if known and known["status"] == value else now
    condition = {"type": kind, "status": value, "lastProbeTime": None, "lastTransitionTime": changed}
    if not holds and why[0]:
        condition |= {"reason": why[0], "message": why[1]}
    return condition
