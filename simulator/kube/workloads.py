"""What the controllers of ReplicaSets, DaemonSets and StatefulSets share: an owner's pods, a template's revisions.

Follows k8s.io/kubernetes pkg/controller/controller_utils.go and pkg/controller/history.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from simulator.kube import rollout
from simulator.kube.resources import BY_NAME
from simulator.kube.store import Key, Object, Store, copy, key_of
from simulator.kube.times import parse
from simulator.kube.writes import DeleteOptions, Writes

_PODS, _REVISIONS = BY_NAME["pods"], BY_NAME["controllerrevisions"]
HASH = "controller-revision-hash"


def owner_reference(owner: Object) -> Object:
    """Return the reference that a controlled object carries to its controller."""
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"]}
    return reference | {"uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}


def is_owned(obj: Object, owner: Object) -> bool:
    """Return whether an object has this owner."""
    uid = owner["metadata"]["uid"]
    return any(each["uid"] == uid for each in obj["metadata"].get("ownerReferences") or [])


def owners_of(obj: Object, kind: str) -> list[Key]:
    """Return the keys of an object's owners of a kind."""
    metadata = obj["metadata"]
    owners = metadata.get("ownerReferences") or []
    return [(metadata["namespace"], each["name"]) for each in owners if each["kind"] == kind]


def pods_of(store: Store, owner: Object) -> list[Object]:
    """Return the pods of an owner, terminating ones too."""
    return [pod for pod in store.items(_PODS, owner["metadata"]["namespace"]) if is_owned(pod, owner)]


def new_pod(owner: Object, template: Object, name: str, labels: dict[str, str] | None = None) -> Object:
    """Return a pod of a template, not stored yet."""
    template = copy(template)
    metadata = {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        **{key: value for key, value in template["metadata"].items() if key in {"labels", "annotations"}},
        "ownerReferences": [owner_reference(owner)],
    }
    if labels:
        metadata["labels"] = (metadata.get("labels") or {}) | labels
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": template["spec"]}


def is_terminating(pod: Object) -> bool:
    """Return whether a pod is being deleted."""
    return "deletionTimestamp" in pod["metadata"]


def is_active(pod: Object) -> bool:
    """Return whether a pod counts as a replica."""
    return not is_terminating(pod) and pod["status"]["phase"] not in {"Succeeded", "Failed"}


def ready_since(pod: Object) -> str:
    """Return when a pod became ready, "" when it is not."""
    for condition in pod["status"].get("conditions") or []:
        if condition["type"] == "Ready" and condition["status"] == "True":
            return str(condition["lastTransitionTime"])
    return ""


def until_available(pod: Object, least: int, now: datetime) -> float | None:
    """Return in how many seconds a ready pod will have been so for `least`; None when it is not ready."""
    since = ready_since(pod)
    if not since:
        return None
    return max(0.0, least - (now - parse(since)).total_seconds()) if least else 0.0


def number(value: Any, total: int) -> int:
    """Return maxUnavailable or maxSurge as a number; a percentage is rounded up."""
    if isinstance(value, str) and value.endswith("%"):
        return -(-total * int(value[:-1]) // 100)
    return int(value)


class Revisions:
    """Keeps the ControllerRevisions of an owner: one for each template that it had."""

    def __init__(self, store: Store, writes: Writes) -> None:
        self._store = store
        self._writes = writes

    def all_of(self, owner: Object) -> list[Object]:
        """Return the revisions of an owner, the newest last."""
        namespace = owner["metadata"]["namespace"]
        found = [each for each in self._store.items(_REVISIONS, namespace) if is_owned(each, owner)]
        return sorted(found, key=lambda each: int(each["revision"]))

    def of_template(self, owner: Object) -> Object:
        """Return the revision of the current template, made or brought to the front if need be."""
        known = self.all_of(owner)
        data = {"spec": {"template": owner["spec"]["template"] | {"$patch": "replace"}}}
        highest = known[-1]["revision"] if known else 0
        found = next((each for each in known if each["data"] == data), None)
        if found is None:
            return self._writes.adopt(_REVISIONS, self._new(owner, data, highest + 1))
        if found["revision"] < highest:
            return self._writes.save(_REVISIONS, found | {"revision": highest + 1})
        return found

    def truncate(self, owner: Object, used: Sequence[str]) -> None:
        """Delete the oldest revisions beyond revisionHistoryLimit; those in use, by name, do not count."""
        idle = [each for each in self.all_of(owner) if each["metadata"]["name"] not in used]
        for each in idle[: max(0, len(idle) - owner["spec"]["revisionHistoryLimit"])]:
            self._writes.delete(_REVISIONS, key_of(each), DeleteOptions())

    def _new(self, owner: Object, data: Object, revision: int) -> Object:
        digest = rollout.template_hash(data)
        return {
            "kind": "ControllerRevision",
            "apiVersion": "apps/v1",
            "metadata": {
                "name": f"{owner['metadata']['name']}-{digest}",
                "namespace": owner["metadata"]["namespace"],
                "labels": (owner["spec"]["template"]["metadata"].get("labels") or {}) | {HASH: digest},
                "annotations": _inherited(owner),
                "ownerReferences": [owner_reference(owner)],
            },
            "data": data,
            "revision": revision,
        }


def template_of(revision: Object) -> Object:
    """Return the template that a revision remembers."""
    template: Object = revision["data"]["spec"]["template"]
    return {name: value for name, value in template.items() if name != "$patch"}


def _inherited(owner: Object) -> dict[str, str]:
    """Return the annotations that a revision takes over, for example its change-cause."""
    annotations = owner["metadata"].get("annotations") or {}
    return {name: value for name, value in annotations.items() if not name.startswith("kubectl.kubernetes.io/last-")}
