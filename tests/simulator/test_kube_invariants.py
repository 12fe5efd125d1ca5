"""Whatever happens to a Deployment in whatever order, its rollouts keep their promises.

The promises are checked after every single write of the cluster, not only when a client looks.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kube_harness import HOST, NAME, PATH, apply, progressing, read, serving

from simulator.kube import PullAnswer
from simulator.kube.resources import BY_NAME

GOOD, OTHER, BAD = (f"{HOST}/hello-world:{tag}" for tag in ("v1", "v2", "bad"))
MERGE = "application/merge-patch+json"
QUIET = 200

bounds = st.sampled_from([(1, 0), (0, 1), (2, 1), ("25%", "25%"), ("100%", "0%"), (1, "50%")])
operations = st.lists(
    st.one_of(
        st.tuples(st.just("image"), st.sampled_from([GOOD, OTHER, BAD])),
        st.tuples(st.just("scale"), st.integers(0, 6)),
        st.tuples(st.just("pause"), st.booleans()),
        st.tuples(st.just("bounds"), bounds),
        st.tuples(st.just("kill"), st.integers(0, 5)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([0.01, 0.05, 0.5, 1.5, 8.0, 45.0])),
    ),
    max_size=12,
)


def resolved(value, total, rounded):
    return rounded(total * int(value[:-1]) / 100) if isinstance(value, str) else value


@dataclass
class Deployed:
    """One Deployment: what is wanted of it, and what has been promised since it was last complete."""

    site: Any
    image: str = GOOD
    replicas: int = 2
    paused: bool = False
    bounds: tuple[Any, Any] = ("25%", "25%")
    restarts: int = 0
    floor: int = 0
    ceiling: int = 0
    last: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def limits(self):
        """Return how many pods must work and how many there may be."""
        surge = resolved(self.bounds[0], self.replicas, math.ceil)
        unavailable = resolved(self.bounds[1], self.replicas, math.floor)
        if not surge and not unavailable:
            unavailable = 1
        return max(0, self.replicas - unavailable), self.replicas + surge

    async def change(self, name, value):
        if name == "wait":
            self.site.clock.step(value)
        elif name == "kill":
            names = sorted(pod["metadata"]["name"] for pod in self.working())
            if names:
                self.floor -= 1
                self.site.cluster.delete("pods", "default", names[value % len(names)])
        else:
            await self.want(name, value)
        self.settle()

    async def want(self, name, value):
        self.restarts += name == "restart"
        if name in {"image", "bounds"}:
            setattr(self, name, value)
        elif name == "scale":
            self.replicas = value
        elif name == "pause":
            self.paused = value
        least, most = self.limits
        self.floor, self.ceiling = min(self.floor, least), max(self.ceiling, most)
        await self.write()

    async def write(self):
        surge, unavailable = self.bounds
        strategy = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
        spec = {"replicas": self.replicas, "paused": self.paused, "strategy": strategy}
        await apply(self.site, self.image, progressDeadlineSeconds=60, **spec)
        annotations = {"kubectl.kubernetes.io/restartedAt": str(self.restarts)}
        body = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        if self.restarts:
            await self.site.send("PATCH", PATH, body, Content_Type=MERGE)

    def settle(self):
        """Once all that was wanted is there, the promises are those of the present wishes alone."""
        if self.is_complete():
            self.floor, self.ceiling = self.limits

    def is_complete(self):
        found = read(self.site)
        status = found["status"]
        counters = ("replicas", "updatedReplicas", "availableReplicas")
        seen = status.get("observedGeneration") == found["metadata"]["generation"]
        pods = self.working()
        if len(pods) != self.replicas or not all(map(is_ready, pods)):
            return False
        return seen and all(status.get(each, 0) == self.replicas for each in counters)

    def working(self):
        pods = self.site.cluster._store.items(BY_NAME["pods"])
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def on_event(self, event):
        """Note each promise that a write breaks."""
        if event.version <= self.last or event.object["metadata"]["resourceVersion"] != str(event.version):
            self.broken.append(f"version {event.version} after {self.last}")
        self.last = event.version
        if event.resource.name == "deployments" and event.type != "DELETED":
            observed = event.object.get("status", {}).get("observedGeneration", 0)
            if observed > event.object["metadata"]["generation"]:
                self.broken.append(f"observed {observed}")
        if event.resource.name == "pods" and sum(map(is_ready, self.working())) < self.floor:
            self.broken.append(f"fewer than {self.floor} ready")
        if event.resource.name == "replicasets":
            # As in Kubernetes the surge bounds what ReplicaSets ask for: one may make a pod before another deletes one.
            sets = self.site.cluster._store.items(BY_NAME["replicasets"])
            if sum(each["spec"]["replicas"] for each in sets) > self.ceiling:
                self.broken.append(f"more than {self.ceiling} asked for")


def is_ready(pod):
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions") or [])


@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(operations)
async def test_a_deployment_keeps_its_promises(steps):
    async with serving() as site:
        site.answers[BAD] = PullAnswer(error="not found")
        deployed = Deployed(site)
        deployed.ceiling = deployed.limits[1]
        stop = site.cluster._store.listen(deployed.on_event)
        await deployed.write()
        for name, value in steps:
            await deployed.change(name, value)
            assert deployed.broken == []

        await deployed.want("pause", False)
        site.clock.step(QUIET)
        assert deployed.broken == []
        if not deployed.is_complete():
            assert progressing(site) == ("False", "ProgressDeadlineExceeded")
            assert deployed.image == BAD
        else:
            images = {pod["spec"]["containers"][0]["image"] for pod in deployed.working()}
            assert images <= {deployed.image}
        assert read(site)["status"]["observedGeneration"] == read(site)["metadata"]["generation"]

        stop()
        site.cluster.delete("deployments", "default", NAME)
        site.clock.step(60)
        assert site.cluster.list("pods") == []
        assert site.cluster.list("replicasets") == []
