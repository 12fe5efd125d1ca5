"""One pod on its node: its image is pulled, its containers run, and its status is reported.

No process runs. A registry answers through `pull`; the image says what its process would do: stay up, end
with 0, or end with 1. Reasons, messages and the order of events are the captured ones, which for pods are
themselves renderings of a kubelet's and containerd's words; back-offs are the kubelet's (10 s doubling to 300 s).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from simulator.clock import Clock, Handle
from simulator.kube import images, podstatus
from simulator.kube.events import Recorder
from simulator.kube.podstatus import Container
from simulator.kube.pull import Pull, PullAnswer, PullRequest
from simulator.kube.resources import BY_NAME
from simulator.kube.store import Object, Store, key_of
from simulator.kube.times import stamp
from simulator.kube.writes import Writes

_PODS, _NODES, _SECRETS, _CONFIG_MAPS = (BY_NAME[name] for name in ("pods", "nodes", "secrets", "configmaps"))
_SANDBOX = 0.3
_RUN = 0.7
"""Seconds that the process of an exit0 or crash image lives."""
_NOTICE = 0.5
_BACK_OFF_NOTICE = 1.5
_KILL = 0.4
_MAX_BACK_OFF = 300


@dataclass(frozen=True, slots=True)
class Timings:
    """How long a node takes, in seconds."""

    image_pull: float = 3.0
    container_start: float = 1.0


@dataclass(frozen=True, slots=True)
class Node:
    """What all pods of a cluster share on their nodes: the world around them, and the images already there."""

    store: Store
    writes: Writes
    clock: Clock
    recorder: Recorder
    pull: Pull
    timings: Timings
    images: dict[tuple[str, str], PullAnswer] = field(default_factory=dict)


class Player:
    """Plays one pod on its node."""

    def __init__(self, node: Node, pod: Object, address: str) -> None:
        self._node = node
        self._key = key_of(pod)
        self._pod = pod
        self._address = address
        self._has_sandbox = False
        self._stopping = False
        self._timers: set[Handle] = set()
        spec = pod["spec"]
        self._inits = [Container(each, init=True) for each in spec.get("initContainers") or []]
        self._mains = [Container(each) for each in spec["containers"]]
        if self._inits:
            for container in self._mains:
                container.state = {"waiting": {"reason": "PodInitializing"}}
        self._after(0.0, self._report)
        self._after(_SANDBOX, self._begin)

    def halt(self) -> None:
        """Do nothing more."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def stop(self) -> None:
        """End the containers, then take the pod away, as a kubelet does with grace period 0."""
        if self._stopping:
            return
        self._stopping = True
        self.halt()
        for container in self._mains:
            self._event(container, "Normal", "Killing", f"Stopping container {container.name}")
        self._after(_KILL, self._take_away)

    def _take_away(self) -> None:
        pod = self._node.store.get(_PODS, self._key)
        if pod is not None:
            metadata = pod["metadata"] | {"deletionTimestamp": self._now(), "deletionGracePeriodSeconds": 0}
            self._node.store.put(_PODS, pod | {"metadata": metadata})
            self._node.writes.remove(_PODS, self._key)

    def _after(self, seconds: float, step: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(handle)
            step()

        handle = self._node.clock.after(seconds, run)
        self._timers.add(handle)

    def _now(self) -> str:
        return stamp(self._node.clock.now())

    def _report(self) -> None:
        pod = self._node.store.get(_PODS, self._key)
        if pod is None:
            return
        address = self._address if self._has_sandbox else ""
        containers = [*self._inits, *self._mains]
        status = podstatus.status(pod, containers, self._node_ip(), address, self._now())
        self._node.writes.save(_PODS, pod | {"status": status})

    def _node_ip(self) -> str:
        node = self._node.store.get(_NODES, ("", self._pod["spec"]["nodeName"]))
        return str(node["status"]["addresses"][0]["address"]) if node else "127.0.0.1"

    def _event(self, container: Container | None, kind: str, reason: str, message: str) -> None:
        pod = self._node.store.get(_PODS, self._key) or self._pod
        source = {"component": "kubelet", "host": pod["spec"]["nodeName"]}
        self._node.recorder.record(pod, kind, reason, message, source, container=container.name if container else "")

    def _wait(self, container: Container, reason: str, message: str = "") -> None:
        container.state = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        container.ready = container.started = False
        self._report()

    def _begin(self) -> None:
        self._has_sandbox = True
        waiting = next((each for each in self._inits if not each.is_done), None)
        for container in [waiting] if waiting else self._mains:
            self._pull(container)

    def _pull(self, container: Container) -> None:
        image, policy = container.spec["image"], container.spec["imagePullPolicy"]
        request = images.parse(image)
        if request is None:
            self._bad_name(container, image)
            return
        present = self._node.images.get((self._pod["spec"]["nodeName"], image))
        if present and policy != "Always":
            self._event(container, "Normal", "Pulled", f'Container image "{image}" already present on machine')
            self._pulled(container, request, present)
        elif policy == "Never":
            words = f'Container image "{image}" is not present with pull policy of Never'
            self._event(container, "Warning", "ErrImageNeverPull", words)
            self._wait(container, "ErrImageNeverPull", words)
            self._after(_MAX_BACK_OFF, lambda: self._pull(container))
        else:
            self._event(container, "Normal", "Pulling", f'Pulling image "{image}"')
            # Layers that the node has are not sent again.
            seconds = min(self._node.timings.image_pull, 0.4) if present else self._node.timings.image_pull
            self._after(seconds, lambda: self._ask(container, request, seconds))

    def _bad_name(self, container: Container, image: str) -> None:
        why = f'couldn\'t parse image name "{image}": invalid reference format'
        words = f'Failed to apply default image tag "{image}": {why}'
        self._event(container, "Warning", "InspectFailed", words)
        self._event(container, "Warning", "Failed", "Error: InvalidImageName")
        self._wait(container, "InvalidImageName", words)

    def _ask(self, container: Container, request: PullRequest, seconds: float) -> None:
        answer = self._node.pull(self._with_credentials(request))
        image = request.image
        if answer.error is not None or answer.digest is None:
            error = answer.error or "unknown error"
            self._event(container, "Warning", "Failed", f'Failed to pull image "{image}": {error}')
            self._event(container, "Warning", "Failed", "Error: ErrImagePull")
            container.pull_error = error
            self._wait(container, "ErrImagePull", error)
            self._after(_BACK_OFF_NOTICE, lambda: self._back_off(container, image))
            return
        self._node.images[self._pod["spec"]["nodeName"], image] = answer
        took = f"{round(seconds * 1000)}ms"
        words = f'Successfully pulled image "{image}" in {took} ({took} including waiting). Image size: 13256 bytes.'
        self._event(container, "Normal", "Pulled", words)
        self._pulled(container, request, answer)

    def _with_credentials(self, request: PullRequest) -> PullRequest:
        namespace, missing = self._key[0], []
        found: list[tuple[str, str]] = []
        for reference in self._pod["spec"].get("imagePullSecrets") or []:
            secret = self._node.store.get(_SECRETS, (namespace, reference.get("name", "")))
            if secret is None:
                missing.append(reference.get("name", ""))
            else:
                found.extend(images.credentials(secret, request.host))
        if missing:
            words = f"Unable to retrieve some image pull secrets ({', '.join(missing)})"
            ending = "; attempting to pull the image may not succeed."
            self._event(None, "Warning", "FailedToRetrieveImagePullSecret", words + ending)
        return replace(request, username=found[0][0], password=found[0][1]) if found else request

    def _back_off(self, container: Container, image: str) -> None:
        words = f'Back-off pulling image "{image}"'
        self._event(container, "Normal", "BackOff", words)
        self._event(container, "Warning", "Failed", "Error: ImagePullBackOff")
        self._wait(container, "ImagePullBackOff", f"{words}: ErrImagePull: {container.pull_error}")
        seconds = min(10 * 2**container.pull_failures, _MAX_BACK_OFF)
        container.pull_failures += 1
        self._after(seconds, lambda: self._pull(container))

    def _pulled(self, container: Container, request: PullRequest, answer: PullAnswer) -> None:
        container.pull_failures = 0
        container.image_id = images.image_id(request, str(answer.digest))
        container.behaviour = answer.behaviour
        if problem := self._config_problem(container):
            self._event(container, "Warning", "Failed", f"Error: {problem}")
            self._wait(container, "CreateContainerConfigError", problem)
            self._after(_BACK_OFF_NOTICE * 10, lambda: self._pulled(container, request, answer))
            return
        self._event(container, "Normal", "Created", "Container created")
        self._after(self._node.timings.container_start, lambda: self._start(container))

    def _config_problem(self, container: Container) -> str:
        """Return which Secret or ConfigMap that the environment needs is missing."""
        references = [each.get("valueFrom") or {} for each in container.spec.get("env") or []]
        references += container.spec.get("envFrom") or []
        for reference in references:
            for name, kind in reference.items():
                resource = _SECRETS if name.startswith("secret") else _CONFIG_MAPS
                if not name.startswith(("secret", "configMap")) or kind.get("optional"):
                    continue
                if self._node.store.get(resource, (self._key[0], kind.get("name", ""))) is None:
                    return f'{resource.singular} "{kind.get("name", "")}" not found'
        return ""

    def _start(self, container: Container) -> None:
        self._event(container, "Normal", "Started", "Container started")
        container.restarts += 1
        container.state = {"running": {"startedAt": self._now()}}
        container.started = True
        delay = (container.spec.get("readinessProbe") or {}).get("initialDelaySeconds", 0)
        container.ready = not delay and not container.init
        self._report()
        if delay:
            self._after(delay, lambda: self._become_ready(container))
        if container.behaviour != "run" or container.init:
            self._after(_RUN, lambda: self._end(container))

    def _become_ready(self, container: Container) -> None:
        if "running" in container.state:
            container.ready = True
            self._report()

    def _end(self, container: Container) -> None:
        code = 1 if container.behaviour == "crash" else 0
        ended = {"exitCode": code, "reason": "Error" if code else "Completed"}
        ended |= {"startedAt": container.state["running"]["startedAt"], "finishedAt": self._now()}
        ended["containerID"] = container.container_id(self._pod["metadata"]["uid"])
        container.state = {"terminated": ended}
        container.ready = container.started = False
        self._report()
        policy = self._pod["spec"]["restartPolicy"]
        if container.init and not code:
            self._begin()
        elif policy == "Always" or (policy == "OnFailure" and code):
            self._after(_NOTICE, lambda: self._restart(container, ended))

    def _restart(self, container: Container, ended: Object) -> None:
        """Start again: the first time at once, then after a growing back-off."""
        container.last = {"terminated": ended}
        if container.restarts == 0:
            self._pull(container)
            return
        seconds = min(10 * 2 ** (container.restarts - 1), _MAX_BACK_OFF)
        namespace, name = self._key
        pod = f"{name}_{namespace}({self._pod['metadata']['uid']})"
        words = f"Back-off restarting failed container {container.name} in pod {pod}"
        self._event(container, "Warning", "BackOff", words)
        words = f"back-off {_go_seconds(seconds)} restarting failed container={container.name} pod={pod}"
        self._wait(container, "CrashLoopBackOff", words)
        self._after(seconds, lambda: self._pull(container))


def _go_seconds(seconds: int) -> str:
    """Return seconds as Go prints a duration: 10s, 1m20s, 5m0s."""
    return f"{seconds // 60}m{seconds % 60}s" if seconds >= 60 else f"{seconds}s"
