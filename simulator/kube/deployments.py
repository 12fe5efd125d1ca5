"""The Deployment controller: ReplicaSets by template hash, rolling updates, history.

Follows k8s.io/kubernetes pkg/controller/deployment (`deployment_controller.go`, `rolling.go`, `recreate.go`,
`sync.go`). Each sync may stop after one step, as there, and what it wrote brings the next sync about.
"""

from collections.abc import Sequence

from simulator.clock import Clock
from simulator.kube import rollout
from simulator.kube.events import Recorder
from simulator.kube.resources import BY_NAME
from simulator.kube.rollout import Condition
from simulator.kube.store import Event, Key, Object, Store, copy, key_of
from simulator.kube.times import parse
from simulator.kube.worker import Worker
from simulator.kube.workloads import owner_reference
from simulator.kube.writes import DeleteOptions, Writes

_DEPLOYMENTS, _REPLICA_SETS, _PODS = (BY_NAME[name] for name in ("deployments", "replicasets", "pods"))
_COMPONENT = "deployment-controller"


class Deployments:
    """Keeps ReplicaSets as their Deployments want them, and the Deployments' status."""

    def __init__(
        self, store: Store, writes: Writes, clock: Clock, recorder: Recorder, *, counts_terminating: bool
    ) -> None:
        self._store = store
        self._counts_terminating = counts_terminating
        self._writes = writes
        self._clock = clock
        self._recorder = recorder
        self._worker = Worker(clock, self.sync)
        store.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        namespace = event.object["metadata"].get("namespace", "")
        if event.resource is _DEPLOYMENTS and event.type != "DELETED":
            self._worker.add(key_of(event.object))
        elif event.resource is _REPLICA_SETS:
            for owner in event.object["metadata"].get("ownerReferences") or []:
                self._worker.add((namespace, owner["name"]))

    def sync(self, key: Key) -> None:
        """Bring one Deployment a step nearer to what it wants."""
        deployment = self._store.get(_DEPLOYMENTS, key)
        if deployment is None:
            return
        owned = self._owned(deployment)
        if "deletionTimestamp" in deployment["metadata"]:
            self._write_status(deployment, owned)
            return
        deployment = self._mark_paused(deployment)
        if deployment["spec"].get("paused") or self._is_scaling(deployment, owned):
            self._scale(deployment, owned)
        elif deployment["spec"]["strategy"]["type"] == "Recreate":
            self._recreate(deployment, owned)
        else:
            self._roll(deployment, owned)

    def _owned(self, deployment: Object) -> list[Object]:
        uid = deployment["metadata"]["uid"]
        return [
            each
            for each in self._store.items(_REPLICA_SETS, deployment["metadata"]["namespace"])
            if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences") or [])
        ]

    def _is_scaling(self, deployment: Object, owned: Sequence[Object]) -> bool:
        desired = str(deployment["spec"]["replicas"])
        return any(
            each["spec"]["replicas"] > 0 and each["metadata"]["annotations"].get(rollout.DESIRED, desired) != desired
            for each in owned
        )

    def _mark_paused(self, deployment: Object) -> Object:
        """Say in the Progressing condition that the rollout is paused, or goes on (`checkPausedConditions`).

        Both count the deadline from now on.
        """
        paused = bool(deployment["spec"].get("paused"))
        current = rollout.condition(deployment.get("status", {}), "Progressing")
        reason = current["reason"] if current else ""
        if rollout.deadline(deployment) is None or reason == "ProgressDeadlineExceeded":
            return deployment
        if paused == (reason == "DeploymentPaused"):
            return deployment
        word = "paused" if paused else "resumed"
        changed = copy(deployment)
        condition = Condition("Progressing", "Unknown", f"Deployment{word.title()}", f"Deployment is {word}")
        rollout.set_condition(changed.setdefault("status", {}), condition, self._clock.now())
        return self._writes.save(_DEPLOYMENTS, changed)

    def _scale(self, deployment: Object, owned: list[Object]) -> None:
        """Follow a changed number of replicas without a rollout step (`scale` in sync.go)."""
        active = [each for each in owned if each["spec"]["replicas"] > 0]
        if len(active) > 1:
            for each, size in rollout.proportions(deployment, active):
                self._resize(deployment, each, size)
        else:
            latest = self._find_new(deployment, owned) or max(owned, key=rollout.revision, default=None)
            target = active[0] if active else latest
            if target is not None:
                self._resize(deployment, target, deployment["spec"]["replicas"])
        self._write_status(deployment, self._owned(deployment))

    def _roll(self, deployment: Object, owned: list[Object]) -> None:
        new = self._ensure_new(deployment, owned)
        if new is None:
            return
        deployment = self._store.get(_DEPLOYMENTS, key_of(deployment)) or deployment
        owned = self._owned(deployment)
        target = rollout.new_replicas(deployment, owned, new["spec"]["replicas"])
        if new["spec"]["replicas"] > deployment["spec"]["replicas"]:
            target = deployment["spec"]["replicas"]
        changed = self._resize(deployment, new, target)
        if not changed:
            self._scale_down_old(deployment, owned, new)
        owned = self._owned(deployment)
        if rollout.is_complete(deployment, deployment.get("status", {})):
            self._clean_up(deployment, owned, new)
        self._write_status(deployment, self._owned(deployment))

    def _recreate(self, deployment: Object, owned: list[Object]) -> None:
        """Old pods must be gone before the first new one is made."""
        found = self._find_new(deployment, owned)
        olds = [each for each in owned if each is not found]
        scaled = [self._resize(deployment, each, 0) for each in olds]
        busy = rollout.count(olds, "replicas") + rollout.count(olds, "terminatingReplicas")
        if not any(scaled) and not busy:
            new = self._ensure_new(deployment, owned)
            if new is None:
                return
            deployment = self._store.get(_DEPLOYMENTS, key_of(deployment)) or deployment
            self._resize(deployment, new, deployment["spec"]["replicas"])
        self._write_status(deployment, self._owned(deployment))

    def _find_new(self, deployment: Object, owned: Sequence[Object]) -> Object | None:
        template = deployment["spec"]["template"]
        return next((each for each in owned if rollout.bare_template(each) == template), None)

    def _ensure_new(self, deployment: Object, owned: Sequence[Object]) -> Object | None:
        """Return the ReplicaSet of the current template, making it if need be.

        None when a reused one's revision was raised: the sync ends there (bad_update_then_undo, 992 to 994).
        """
        found = self._find_new(deployment, owned)
        olds = [each for each in owned if each is not found]
        number = max(map(rollout.revision, olds), default=0) + 1
        if found is None:
            return self._create_new(deployment, owned, number)
        if self._annotated(deployment, found, number) is not found:
            return None
        words = f'Found new replica set "{found["metadata"]["name"]}"'
        self._note(deployment, rollout.revision(found), "FoundNewReplicaSet", words)
        return found

    def _annotated(self, deployment: Object, found: Object, number: int) -> Object:
        annotations = dict(found["metadata"]["annotations"])
        if rollout.revision(found) < number:
            history = [annotations.get(rollout.HISTORY, ""), annotations[rollout.REVISION]]
            annotations[rollout.HISTORY] = ",".join(part for part in history if part)
            annotations[rollout.REVISION] = str(number)
        changed = copy(found)
        changed["metadata"]["annotations"] = annotations
        ready = deployment["spec"].get("minReadySeconds", 0)
        if ready != changed["spec"].get("minReadySeconds", 0):
            changed["spec"]["minReadySeconds"] = ready
        return found if changed == found else self._writes.save(_REPLICA_SETS, changed)

    def _create_new(self, deployment: Object, owned: Sequence[Object], number: int) -> Object:
        made = self._replica_set(deployment, number)
        made["spec"]["replicas"] = rollout.new_replicas(deployment, owned, 0)
        made["metadata"]["annotations"] |= self._bounds(deployment)
        orphan = self._store.get(_REPLICA_SETS, key_of(made))
        if orphan is not None:
            owned_now = orphan["metadata"] | {"ownerReferences": made["metadata"]["ownerReferences"]}
            return self._writes.save(_REPLICA_SETS, orphan | {"metadata": owned_now})
        new = self._writes.adopt(_REPLICA_SETS, made)
        name, replicas = new["metadata"]["name"], new["spec"]["replicas"]
        if replicas:
            self._tell(deployment, f"Scaled up replica set {name} from 0 to {replicas}")
        self._note(deployment, number, "NewReplicaSetCreated", f'Created new replica set "{name}"')
        return new

    def _replica_set(self, deployment: Object, number: int) -> Object:
        metadata, spec = deployment["metadata"], deployment["spec"]
        digest = rollout.template_hash(spec["template"])
        own = {"pod-template-hash": digest}
        template = copy(spec["template"])
        template["metadata"]["labels"] = template["metadata"]["labels"] | own
        selector = copy(spec["selector"])
        selector["matchLabels"] = (selector.get("matchLabels") or {}) | own
        body = {"replicas": 0, "selector": selector, "template": template}
        if spec.get("minReadySeconds"):
            body["minReadySeconds"] = spec["minReadySeconds"]
        return {
            "kind": "ReplicaSet",
            "apiVersion": "apps/v1",
            "metadata": {
                "name": f"{metadata['name']}-{digest}",
                "namespace": metadata["namespace"],
                "labels": template["metadata"]["labels"],
                "annotations": _inherited(metadata) | {rollout.REVISION: str(number)},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": body,
        }

    def _bounds(self, deployment: Object) -> dict[str, str]:
        replicas = deployment["spec"]["replicas"]
        surge, _ = rollout.limits(deployment)
        return {rollout.DESIRED: str(replicas), rollout.MAXIMUM: str(replicas + surge)}

    def _resize(self, deployment: Object, replica_set: Object, replicas: int) -> bool:
        """Give a ReplicaSet another size; return whether it changed."""
        before: int = replica_set["spec"]["replicas"]
        changed = copy(replica_set)
        changed["spec"]["replicas"] = replicas
        changed["metadata"]["annotations"] |= self._bounds(deployment)
        if changed == replica_set:
            return False
        self._writes.save(_REPLICA_SETS, changed)
        if before != replicas:
            way = "up" if replicas > before else "down"
            name = replica_set["metadata"]["name"]
            self._tell(deployment, f"Scaled {way} replica set {name} from {before} to {replicas}")
        return before != replicas

    def _scale_down_old(self, deployment: Object, owned: Sequence[Object], new: Object) -> None:
        """Take old pods away: unhealthy ones first, then as many as availability allows."""
        olds = [each for each in owned if key_of(each) != key_of(new) and each["spec"]["replicas"] > 0]
        _, unavailable = rollout.limits(deployment)
        least = deployment["spec"]["replicas"] - unavailable
        missing = new["spec"]["replicas"] - rollout.count([new], "availableReplicas")
        room = rollout.wanted(owned) - least - missing
        spare = rollout.count(owned, "availableReplicas") - least
        for each in sorted(olds, key=rollout.revision):
            replicas = each["spec"]["replicas"]
            unhealthy = min(max(room, 0), replicas - min(replicas, rollout.count([each], "availableReplicas")))
            healthy = min(max(spare, 0), max(room, 0) - unhealthy, replicas - unhealthy)
            room, spare = room - unhealthy - healthy, spare - healthy
            if unhealthy + healthy > 0:
                self._resize(deployment, each, replicas - unhealthy - healthy)

    def _clean_up(self, deployment: Object, owned: Sequence[Object], new: Object) -> None:
        """Delete the oldest ReplicaSets beyond revisionHistoryLimit."""
        olds = [
            each
            for each in sorted(owned, key=rollout.revision)
            if key_of(each) != key_of(new) and not each["spec"]["replicas"] and not rollout.count([each], "replicas")
        ]
        for each in olds[: max(0, len(olds) - deployment["spec"]["revisionHistoryLimit"])]:
            self._writes.delete(_REPLICA_SETS, key_of(each), DeleteOptions())

    def _note(self, deployment: Object, number: int, reason: str, message: str) -> None:
        """Write the revision, and a first Progressing condition, without touching observedGeneration."""
        changed = copy(deployment)
        changed["metadata"].setdefault("annotations", {})[rollout.REVISION] = str(number)
        status = changed.setdefault("status", {})
        created = reason == "NewReplicaSetCreated"
        if rollout.deadline(deployment) and (created or not rollout.condition(status, "Progressing")):
            rollout.set_condition(status, Condition("Progressing", "True", reason, message), self._clock.now())
        self._writes.save(_DEPLOYMENTS, changed)

    def _write_status(self, deployment: Object, owned: Sequence[Object]) -> None:
        now = self._clock.now()
        current = self._store.get(_DEPLOYMENTS, key_of(deployment)) or deployment
        new = self._find_new(current, owned)
        status = rollout.status_of(current, owned, new, now)
        if not self._counts_terminating:
            del status["terminatingReplicas"]
        if not current["spec"].get("paused") and "deletionTimestamp" not in current["metadata"]:
            rollout.progress(current, status, new, now)
        if status == current.get("status"):
            self._wait_for_deadline(current, status)
        else:
            self._writes.save(_DEPLOYMENTS, current | {"status": status})

    def _wait_for_deadline(self, deployment: Object, status: Object) -> None:
        current, seconds = rollout.condition(status, "Progressing"), rollout.deadline(deployment)
        if current is None or seconds is None or current["reason"] in _SETTLED or deployment["spec"].get("paused"):
            return
        passed = (self._clock.now() - parse(current["lastUpdateTime"])).total_seconds()
        self._worker.add_after(key_of(deployment), seconds - passed + 0.3)

    def _tell(self, deployment: Object, message: str) -> None:
        self._recorder.normal(deployment, "ScalingReplicaSet", message, _COMPONENT)


_SETTLED = frozenset({"NewReplicaSetAvailable", "ProgressDeadlineExceeded"})


def _inherited(metadata: Object) -> dict[str, str]:
    """Return the annotations that a ReplicaSet takes over, for example the change-cause of a revision."""
    own = ("deployment.kubernetes.io/", "deprecated.deployment.", "kubectl.kubernetes.io/last-applied")
    annotations = metadata.get("annotations") or {}
    return {name: value for name, value in annotations.items() if not name.startswith(own)}
