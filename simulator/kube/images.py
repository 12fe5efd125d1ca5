"""Image references and pull secrets, as a kubelet reads them.

Sources: github.com/distribution/reference (normalised names), k8s.io/kubernetes pkg/credentialprovider (keys
of a dockerconfigjson, of which schemes and paths are cut off).
"""

import base64
import json
import re
from collections.abc import Iterator

from simulator.kube.pull import PullRequest
from simulator.kube.store import Object

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<repository>{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?"
)


def parse(image: str) -> PullRequest | None:
    """Return a request without credentials for an image as a pod spells it, None when it is no reference."""
    host, slash, rest = image.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, rest = "docker.io", image
    found = _REFERENCE.fullmatch(rest)
    if not found:
        return None
    repository = found["repository"]
    if host == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    return PullRequest(image, host, repository, found["digest"] or found["tag"] or "latest")


def image_id(request: PullRequest, digest: str) -> str:
    """Return the imageID of a running container: the name without tag, and the digest."""
    return f"{request.host}/{request.repository}@{digest}"


def credentials(secret: Object, host: str) -> Iterator[tuple[str, str]]:
    """Yield the username and password that a pull secret holds for a registry."""
    encoded = (secret.get("data") or {}).get(".dockerconfigjson")
    if not encoded:
        return
    auths = json.loads(base64.b64decode(encoded)).get("auths") or {}
    for key, entry in auths.items():
        if re.sub(r"^https?://", "", key).partition("/")[0] == host:
            yield _pair(entry)


def _pair(entry: Object) -> tuple[str, str]:
    if entry.get("username"):
        return entry["username"], entry.get("password", "")
    try:
        username, _, password = base64.b64decode(entry.get("auth", "")).decode().partition(":")
    except ValueError:
        return "", ""
    return username, password
