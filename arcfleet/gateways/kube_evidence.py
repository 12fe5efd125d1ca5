"""What a cluster shows of the connected registry in it, read over the Kubernetes client for a diagnosis.

What may not be read is said, not raised. The pods are found by their name, `connected-registry-…`, as the
troubleshooting article has them: the labels of the real chart are not documented.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any, TypeVar

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from arcfleet.core.evidence import CLAIM, NAMESPACE, ClaimFacts, EventFacts, ExtensionEvidence
from arcfleet.core.fleet.manifest import Site
from arcfleet.errors import FleetError
from arcfleet.gateways import translation
from arcfleet.gateways.kube_facts import pod_facts

T = TypeVar("T")
POD_PREFIX = "connected-registry-"
IMAGE = re.compile(r"/acr/connected-registry(?=[:@]|$)")
LOG_LINES = 60
EVENTS = 10
_NEVER = datetime.min.replace(tzinfo=UTC)
# A line of somebody else's log may hold anything: whatever is long and of a password's letters, and bearer tokens.
_RANDOM = re.compile(r"\b(?:eyJ[\w.-]{20,}|(?=[A-Za-z0-9+/]*\d)(?=[A-Za-z0-9+/]*[A-Z])[A-Za-z0-9+/]{40,}={0,2})")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+\S+", re.IGNORECASE)


async def read(api: client.ApiClient, site: Site, timeout: float) -> ExtensionEvidence:
    """Read pods, claim, log and warnings; each request times out after `timeout` seconds."""
    core: Any = client.CoreV1Api(api)
    options: dict[str, Any] = {"_request_timeout": timeout}
    unread: list[str] = []
    look = _Look(site, unread)
    pods, claim, events = await asyncio.gather(
        look.at("pods", core.list_namespaced_pod(NAMESPACE, **options)),
        look.at(f"claim {CLAIM}", core.read_namespaced_persistent_volume_claim(CLAIM, NAMESPACE, **options)),
        look.at("events", core.list_namespaced_event(NAMESPACE, field_selector="type=Warning", **options)),
    )
    ours = sorted((pod for pod in (pods.items if pods else ()) if _is_ours(pod)), key=_age, reverse=True)
    log = None
    if ours:
        name = ours[0].metadata.name
        log = await look.at(
            f"log of pod {name}", core.read_namespaced_pod_log(name, NAMESPACE, tail_lines=LOG_LINES, **options)
        )
    return ExtensionEvidence(
        pods=tuple(pod_facts(pod) for pod in ours),
        claim=ClaimFacts(claim.status.phase or "", claim.spec.storage_class_name) if claim else None,
        log=tuple(cleaned(line) for line in (log or "").splitlines() if line.strip()),
        events=tuple(_events(events.items if events else ())),
        unread=tuple(unread),
    )


class _Look:
    """Reads that may find nothing, and notes of those that were refused."""

    def __init__(self, site: Site, unread: list[str]) -> None:
        self._site, self._unread = site, unread

    async def at(self, what: str, reading: Awaitable[T]) -> T | None:
        """Return what a read answers; None where there is nothing, or where it is refused, which is noted."""
        try:
            with translation.kubernetes(self._site.name, what):
                try:
                    return await reading
                except ApiException as error:
                    # 404: it does not exist. 400: the container has not started, so it has no log.
                    if error.status in {400, 404}:
                        return None
                    raise
        except FleetError as error:
            self._unread.append(f"could not look: {error.message}")
            return None


def cleaned(line: str) -> str:
    """Return a line of a log, capped, without anything that looks like a credential."""
    return translation.clean(_RANDOM.sub("***", _BEARER.sub(r"\1 ***", line)))


def _is_ours(pod: Any) -> bool:
    if not pod.metadata.name.startswith(POD_PREFIX):
        return False
    # Other parts of the chart may be named alike; the registry itself is known by its image.
    return any(IMAGE.search(container.image or "") for container in pod.spec.containers)


def _age(pod: Any) -> tuple[bool, datetime]:
    return pod.metadata.deletion_timestamp is None, pod.metadata.creation_timestamp or _NEVER


def _events(items: Any) -> list[EventFacts]:
    found = [
        EventFacts(
            f"{item.involved_object.kind}/{item.involved_object.name}",
            item.reason or "",
            cleaned(item.message or ""),
            item.last_timestamp or item.event_time or item.first_timestamp,
        )
        for item in items
    ]
    return sorted(found, key=lambda event: event.seen or _NEVER, reverse=True)[:EVENTS]
