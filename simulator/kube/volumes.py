"""Storage: the default class of a claim, and its binding.

A claim whose class exists is bound a second later, as a dynamic provisioner does; one whose class does not
exist stays Pending with the event that the volume controller writes (k8s.io/kubernetes
pkg/controller/volume/persistentvolume).
"""

from simulator.clock import Clock
from simulator.kube.events import Recorder
from simulator.kube.resources import BY_NAME
from simulator.kube.store import Event, Key, Object, Store, key_of
from simulator.kube.worker import Worker
from simulator.kube.writes import Writes

_CLAIMS, _CLASSES = BY_NAME["persistentvolumeclaims"], BY_NAME["storageclasses"]
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_COMPONENT = "persistentvolume-controller"


class Volumes:
    """Binds claims."""

    def __init__(self, store: Store, writes: Writes, clock: Clock, recorder: Recorder) -> None:
        self._store = store
        self._writes = writes
        self._recorder = recorder
        self._worker = Worker(clock, self.sync, lag=1.0)
        writes.admission[_CLAIMS.name] = self._set_class
        store.listen(self._on_event)

    def resolve(self, name: str | None) -> str | None:
        """Return the named class, or the default one for None; None when there is none such."""
        if name is not None:
            return name if self._store.get(_CLASSES, ("", name)) else None
        for each in self._store.items(_CLASSES):
            if (each["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true":
                return str(each["metadata"]["name"])
        return None

    def _set_class(self, claim: Object) -> None:
        default = self.resolve(None)
        if default:
            claim["spec"].setdefault("storageClassName", default)

    def _on_event(self, event: Event) -> None:
        if event.resource is _CLAIMS and event.type == "ADDED":
            self._worker.add(key_of(event.object))
        elif event.resource is _CLASSES:
            for claim in self._store.items(_CLAIMS):
                self._worker.add(key_of(claim))

    def sync(self, key: Key) -> None:
        """Bind one claim if it can be."""
        claim = self._store.get(_CLAIMS, key)
        if claim is None or claim["status"]["phase"] == "Bound":
            return
        name = claim["spec"].get("storageClassName")
        if not name:
            words = "no persistent volumes available for this claim and no storage class is set"
            self._recorder.normal(claim, "FailedBinding", words, _COMPONENT)
            return
        if self.resolve(name) is None:
            words = f'storageclass.storage.k8s.io "{name}" not found'
            self._recorder.record(claim, "Warning", "ProvisioningFailed", words, {"component": _COMPONENT})
            return
        volume = f"pvc-{claim['metadata']['uid']}"
        capacity = {"storage": claim["spec"]["resources"]["requests"]["storage"]}
        status = {"phase": "Bound", "accessModes": claim["spec"]["accessModes"], "capacity": capacity}
        self._writes.save(_CLAIMS, claim | {"spec": claim["spec"] | {"volumeName": volume}, "status": status})
