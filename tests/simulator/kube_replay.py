"""Captured exchanges of a real API server sent again to the simulator, and how the answers differ."""

import json
import re
from collections.abc import Iterator
from typing import Any

from kube_harness import Site, capture, user
from replaying import MISSING, summary

from simulator.kube import UserSpec

RULES = [
    (["get", "create", "patch"], "", ["secrets"]),
    (["get", "list", "watch", "create", "patch"], "apps", ["deployments"]),
    (["get", "list"], "apps", ["replicasets"]),
    (["get", "list"], "", ["pods", "events"]),
]
USERS = {
    "admin": user("cluster-admin"),
    "view": UserSpec("lab-viewer", groups=("lab-viewers",), role="view"),
    "deployer": UserSpec(
        "lab-deployer",
        groups=("lab-deployers",),
        namespaces=("default",),
        rules=tuple({"verbs": verbs, "apiGroups": [group], "resources": names} for verbs, group, names in RULES),
    ),
    "nobody": UserSpec("lab-nobody"),
}
"""The users of the captures, with the rights that their reviews show."""

Difference = tuple[str, str, str]
"""The exchange, the place in its answer, and what stands there on both sides."""


def exchanges(name: str) -> list[tuple[str, Any]]:
    """Return (label, exchange) of a capture."""
    data = capture(name)
    if isinstance(data, dict) and "requests" in data:
        data = data["requests"]
    return list(data.items()) if isinstance(data, dict) else [(str(i), item) for i, item in enumerate(data)]


async def send(site: Site, request: Any, **headers: str) -> tuple[int, Any, Any]:
    """Send a captured request as its user."""
    name = request["user"]
    site.token = "" if name in {None, "anonymous"} else name
    if request.get("contentType"):
        headers["Content_Type"] = request["contentType"]
    headers.setdefault("User_Agent", "python-requests/2")
    return await site.send(request["method"], request["path"], request["body"], **headers)


def compare(label: str, recorded: Any, status: int, body: Any, headers: Any) -> Iterator[Difference]:
    """Yield how an answer differs from the captured one: status, headers, and the body to the last field."""
    names = ("Content-Type", "Warning", "Retry-After")
    pairs = [(f"header {name}", recorded["headers"].get(name), headers.get(name)) for name in names]
    for place, left, right in [("status", recorded["status"], status), *pairs]:
        if left != right:
            yield label, place, f"{left} | {right}"
    for place, left, right in differing(plain(recorded["body"]), plain(body)):
        yield label, place, f"{left} | {right}"


def differing(left: Any, right: Any, place: str = "") -> Iterator[tuple[str, str, str]]:
    """Walk over the places where two JSON values differ; lists of one length are compared item by item."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in left | right:
            yield from differing(left.get(key, MISSING), right.get(key, MISSING), f"{place}.{key}".lstrip("."))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, pair in enumerate(zip(left, right, strict=True)):
            yield from differing(*pair, f"{place}.{index}")
    elif left != right:
        yield place, summary(left, repr), summary(right, repr)


_RANDOM = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
    (r"20\d\d-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"(hello-world-deployment)-[a-z0-9]{6,10}(-[a-z0-9]{5})?(?![a-z0-9])", r"\1-X"),
    (r'("pod-template-hash": )"[a-z0-9]+"', r'\1"X"'),
    (r"(hello-world-deployment(-X)?)\.[0-9a-f]{14,16}\b", r"\1.E"),
    (r"containerd://[0-9a-f]{64}", "containerd://ID"),
    (r"10\.244\.\d+\.\d+", "IP"),
    (r"current: \d+", "current: N"),
    (r"too old resource version: \d+ \(\d+\)", "too old resource version: N (N)"),
    (r'("resourceVersion": )"\d+"', r'\1"N"'),
    (r'("continue": )"[\w-]+"', r'\1"TOKEN"'),
    (r'("serverAddress": )"[^"]+"', r'\1"ADDRESS"'),
    (r"\?hash=[0-9A-F]+", "?hash=H"),
)


def plain(body: Any) -> Any:
    """Return a body without what differs from run to run: uids, times, versions, hashes, what controllers own."""
    text = json.dumps(body)
    for pattern, word in _RANDOM:
        text = re.sub(pattern, word, text)
    return _ordered(json.loads(text))


def _ordered(value: Any) -> Any:
    """Return a value with those lists in order that have none, or whose order is chance."""
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: _ordered(item) for name, item in value.items()}
    if isinstance(found.get("conditions"), list):
        found["conditions"].sort(key=lambda each: each["type"])
    if "managedFields" in found:
        mine = [each for each in found.pop("managedFields") if not _OWN.match(each["manager"])]
        if mine:
            found["managedFields"] = sorted(mine, key=lambda each: (each["manager"], each["operation"]))
    if found.get("kind") in {"EventList", "ReplicaSetList"}:
        found["items"].sort(key=_position)
    return found


def _position(item: Any) -> str:
    """Return what tells the items of a list apart whose names are chance."""
    return json.dumps([item.get("reason"), item.get("message"), (item.get("spec") or {}).get("template")])


_OWN = re.compile(r"kube-|(kubernetes-)?service-cidr-controller$")
"""Managers that are part of a cluster: the simulator's write without ownership."""


def check(found: list[Difference], meant: dict[tuple[str, str], str]) -> None:
    """Fail for each difference that is not meant, and for each meant one that is not there any more.

    Args:
        found: The differences.
        meant: Reasons by (pattern of the exchange, pattern of the place).
    """
    left = dict.fromkeys(meant, 0)
    strange = []
    for label, place, words in found:
        key = next((k for k in meant if re.fullmatch(k[0], label) and re.fullmatch(k[1], place)), None)
        if key is None:
            strange.append(f"{label}: {place}: {words}")
        else:
            left[key] += 1
    assert not strange, "\n".join(strange)
    gone = [key for key, number in left.items() if not number]
    assert not gone, f"listed as meant, but not there: {gone}"
