"""The Kubernetes objects of a workload: the article's Deployment, or the user's own manifest with its images rewritten.

An image is one of the site's when its reference names no host, or the cloud registry's own: it is then pulled from
`<clusterIP>/<repository>`. Images of other registries stay as they are.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from arcfleet.core import leaks
from arcfleet.core.fleet import source
from arcfleet.core.fleet.manifest import Site, Workload
from arcfleet.core.fleet.problems import SHOWN
from arcfleet.core.names import ImageRef, has_host
from arcfleet.core.secret import Secret
from arcfleet.errors import ManifestError

FIELD_MANAGER = "arcfleet"
HASH_ANNOTATION = "arcfleet/applied-hash"
SEAL_ANNOTATION = "arcfleet/password"
"""Of a pull secret: which password of ours it holds; its slot and when it was made, never its value."""
KINDS: Mapping[str, tuple[str, str]] = {
    "ConfigMap": ("v1", "configmaps"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "Deployment": ("apps/v1", "deployments"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "Service": ("v1", "services"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "StatefulSet": ("apps/v1", "statefulsets"),
}
"""Kinds that a workload's manifest may hold -> their API version and resource."""
CONTROLLERS = ("Deployment", "DaemonSet", "StatefulSet")
"""Kinds that run pods; a workload is exactly one of them, with what it needs."""

Object = dict[str, Any]


def parse_manifest(text: str, name: str) -> tuple[Object, ...]:
    """Return the objects of a workload's manifest file.

    Args:
        text: One or more YAML documents.
        name: The file's name, for messages.

    Raises:
        ManifestError: It is no YAML, holds what looks like a secret, a kind that arcfleet does not roll out, or not
            exactly one that runs pods.
    """
    documents = source.read_all(text, name)
    leaking = [d.problem(path, why) for d in documents for path, why in leaks.found(d.value, keys=False)]
    if leaking:
        raise ManifestError(tuple(leaking[:SHOWN]), more=len(leaking[SHOWN:]))
    objects = tuple(document.value for document in documents if document.value is not None)
    problems = [f"{name}  document {i + 1}: {why}" for i, item in enumerate(objects) if (why := _refusal(item))]
    controllers = [item for item in objects if isinstance(item, dict) and item.get("kind") in CONTROLLERS]
    if not problems and len(controllers) != 1:
        kinds = f"{', '.join(CONTROLLERS[:-1])} or {CONTROLLERS[-1]}"
        problems.append(f"{name}  holds {len(controllers)} objects that run pods; a workload is exactly one {kinds}")
    if problems:
        raise ManifestError(tuple(problems))
    return objects


def _refusal(item: Any) -> str:
    if not isinstance(item, dict) or not isinstance(item.get("metadata"), dict) or not item["metadata"].get("name"):
        return "is no Kubernetes object with a metadata.name"
    kind = str(item.get("kind"))
    if kind not in KINDS:
        return f"kind {leaks.quote(kind)} is not rolled out by arcfleet; it takes {', '.join(KINDS)}"
    if item.get("apiVersion") != KINDS[kind][0]:
        return f"apiVersion {leaks.quote(item.get('apiVersion'))} of {kind} is not {KINDS[kind][0]}"
    if kind in CONTROLLERS and not _runs_pods(item):
        return f"is no {kind}: its annotations, containers or imagePullSecrets are not of the form that they have"
    return ""


def _runs_pods(item: Object) -> bool:
    """Tell whether the places that are read and changed here are maps and lists as Kubernetes has them."""
    pod: Any = item
    for key in ("spec", "template", "spec"):
        pod = pod.get(key) if isinstance(pod, dict) else None
    if not isinstance(pod, dict) or not pod.get("containers"):
        return False
    lists = [pod.get(key) or [] for key in ("containers", "initContainers", "imagePullSecrets")]
    if not all(isinstance(found, list) for found in lists):
        return False
    maps = [item["metadata"].get("annotations") or {}, *(entry for found in lists for entry in found)]
    return all(isinstance(entry, dict) for entry in maps)


def images(workload: Workload, manifest: Sequence[Object], login_server: str) -> tuple[ImageRef, ...]:
    """Return the images of the site's own registry that a workload needs, each once, in order."""
    if workload.image is not None:
        return (ImageRef.parse(workload.image),)
    found = [
        own for c in _containers(_deployment(manifest)) if (own := _own_image(str(c.get("image", "")), login_server))
    ]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Desired:
    """A workload as it is to be at one site: the objects to apply, the one that runs pods last."""

    workload: Workload
    objects: tuple[Object, ...]
    images: tuple[ImageRef, ...]
    """The images of the site's own registry that it needs, as the fleet file or the manifest names them."""
    digests: Mapping[ImageRef, str] = field(default_factory=dict)
    """The digests that images are pinned to."""

    @property
    def deployment(self) -> Object:
        """The Deployment, DaemonSet or StatefulSet."""
        return self.objects[-1]

    @property
    def kind(self) -> str:
        """Which of them it is."""
        return str(self.deployment["kind"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.deployment["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.deployment["metadata"]["namespace"])

    @property
    def hash(self) -> str:
        """The hash of all that is applied, pinned digests among it."""
        return str(self.deployment["metadata"]["annotations"][HASH_ANNOTATION])


def desired(
    site: Site, workload: Workload, manifest: Sequence[Object], login_server: str, digests: Mapping[ImageRef, str]
) -> Desired:
    """Return a workload as it is to be at a site.

    Args:
        site: The site; its address becomes the images' host.
        workload: What to run.
        manifest: The parsed manifest file of a workload that names one, else empty.
        login_server: The cloud registry's host, which own images may carry.
        digests: The cloud's digest of each image, where the workload is pinned by digest.
    """
    result = copy.deepcopy(list(manifest)) if workload.image is None else [_article_deployment(workload)]
    deployment, pinned = _deployment(result), digests if workload.pin == "digest" else {}
    for container in _containers(deployment):
        own = _own_image(str(container.get("image", "")), login_server)
        if own:
            container["image"] = site_image(site, own, pinned)
    pod = deployment["spec"]["template"]["spec"]
    secrets = pod["imagePullSecrets"] = pod.get("imagePullSecrets") or []
    if {"name": workload.pull_secret} not in secrets:
        secrets.append({"name": workload.pull_secret})
    for item in result:
        item["metadata"]["namespace"] = item["metadata"].get("namespace") or workload.namespace
    others = [item for item in result if item is not deployment]
    metadata = deployment["metadata"]
    metadata["annotations"] = {**(metadata.get("annotations") or {}), HASH_ANNOTATION: digest_of([*others, deployment])}
    return Desired(workload, (*others, deployment), images(workload, manifest, login_server), dict(pinned))


def site_image(site: Site, image: ImageRef, digests: Mapping[ImageRef, str]) -> str:
    """Return an image's reference at a site: by digest where it is known, else as it was written."""
    digest = digests.get(image)
    return f"{site.cluster_ip}/{image.repository}@{digest}" if digest else f"{site.cluster_ip}/{image}"


def digest_of(items: Sequence[Object]) -> str:
    """Return a short hash of objects, the same for the same content whatever the order of keys."""
    return hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password at a registry."""

    username: str
    password: Secret
    mark: str = ""
    """Which of the passwords that we made it is (`journal.Entry.mark`); empty for any other."""

    @property
    def seal(self) -> str:
        """The mark as a pull secret keeps it: with a piece of the login's hash, so that it speaks of no later login."""
        return f"{self.mark} {self._hash()}" if self.mark else ""

    def _hash(self) -> str:
        return hashlib.sha256(f"{self.username}:{self.password.reveal()}".encode()).hexdigest()[:12]

    def entry(self) -> Object:
        """Return the entry of a pull secret's `auths`, as `kubectl create secret docker-registry` writes it."""
        password = self.password.reveal()
        auth = base64.b64encode(f"{self.username}:{password}".encode()).decode()
        return {"username": self.username, "password": password, "auth": auth}

    def is_as(self, other: Login) -> bool:
        """Tell whether two logins are the same, in a time that tells nothing about their passwords."""
        mine, theirs = (f"{login.username}:{login.password.reveal()}".encode() for login in (self, other))
        return hmac.compare_digest(mine, theirs)

    @classmethod
    def of_entry(cls, entry: Object, seal: str = "") -> Login | None:
        """Read an entry of `auths`, which may hold user and password apart or in `auth` only, with its seal."""
        user, password = entry.get("username"), entry.get("password")
        if not (user and password):
            try:
                user, _, password = base64.b64decode(entry.get("auth") or "").decode().partition(":")
            except ValueError:
                return None
        if not (user and password):
            return None
        login = cls(str(user), Secret(str(password)), seal.rpartition(" ")[0])
        return login if login.seal == seal else replace(login, mark="")


def _article_deployment(workload: Workload) -> Object:
    labels = {"app": workload.name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload.name, "labels": dict(labels)},
        "spec": {
            "replicas": workload.replicas,
            "selector": {"matchLabels": dict(labels)},
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {"containers": [{"name": workload.name, "image": workload.image}]},
            },
        },
    }


def _deployment(items: Sequence[Object]) -> Object:
    return next(item for item in items if item["kind"] in CONTROLLERS)


def _containers(deployment: Object) -> Iterator[Object]:
    spec = deployment["spec"]["template"]["spec"]
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def _own_image(image: str, login_server: str) -> ImageRef | None:
    host, _, rest = image.partition("/")
    if has_host(image):
        if host.lower() != login_server.lower():
            return None
        image = rest
    try:
        return ImageRef.parse(image)
    except ValueError:
        return None
