"""What of a workload differs from what we would apply: its content, an object that is gone, a field that others set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from arcfleet.core.differences import MISSING, Difference, Kind
from arcfleet.core.facts import Unread, WorkloadFacts
from arcfleet.core.kube import ownership
from arcfleet.core.kube.ownership import ABSENT, Changed
from arcfleet.core.kube.workloads import Desired, Object
from arcfleet.core.pulled import digest_of, place_of

HIDDEN = "another value"
"""Stands for what others wrote: it may be anything, a password too."""
Other = Mapping[str, Any] | Unread | None
"""An object as the API shows it; None where it does not exist."""


def differences(wanted: Desired, live: WorkloadFacts | None, others: Sequence[Other] = ()) -> tuple[Difference, ...]:
    """Return what of a workload is to be applied, and why; nothing where the cluster holds what we would apply.

    Args:
        wanted: The workload as it is to be.
        live: Its Deployment, DaemonSet or StatefulSet; None where it does not exist.
        others: The other objects of its manifest as the API shows them, in their order.
    """
    subject = f"workload {wanted.workload.name}"
    if live is None:
        return (Difference(Kind.WORKLOAD, subject, MISSING),)
    if not is_ours(wanted, live):
        moved = tuple(_moved(wanted, live))
        return moved or (Difference(Kind.WORKLOAD, subject, _other_content(live), "what the file says"),)
    found = [_changes(item, other, _named(subject, item)) for item, other in zip(wanted.objects, others, strict=False)]
    return (*_changes(wanted.deployment, live.live, subject), *chain.from_iterable(found))


def is_ours(wanted: Desired, live: WorkloadFacts | None) -> bool:
    """Tell whether it was we who applied this very content last, so that every field of it was ours."""
    return live is not None and live.applied_hash == wanted.hash


def unread(others: Sequence[Other]) -> tuple[str, ...]:
    """Return why objects of a workload could not be compared."""
    return tuple(found.why for found in others if isinstance(found, Unread))


def _named(subject: str, item: Object) -> str:
    return f"{subject}: {item['kind']} {item['metadata']['namespace']}/{item['metadata']['name']}"


def _other_content(live: WorkloadFacts) -> str:
    return "another content" if live.applied_hash else "not applied by arcfleet"


def _moved(wanted: Desired, live: WorkloadFacts) -> Iterator[Difference]:
    """Yield the images whose tag has another digest in the cloud than when they were applied."""
    for now, before in zip(_images(wanted.deployment), live.images, strict=False):
        if place_of(now) == place_of(before) and digest_of(now) and digest_of(before) not in {"", digest_of(now)}:
            yield Difference(Kind.DIGEST, f"image {_short(now)}", digest_of(before), digest_of(now))


def _changes(item: Object, live: Other, subject: str) -> Iterator[Difference]:
    if live is None:
        yield Difference(Kind.WORKLOAD, subject, MISSING)
    elif not isinstance(live, Unread):
        yield from (_of(change, subject) for change in ownership.changed(item, live))


def _of(change: Changed, subject: str) -> Difference:
    image = change.path.endswith(".image")
    kind = Kind.DIGEST if image else Kind.WORKLOAD
    wanted, found = str(change.wanted), str(change.found)
    if not image and not (isinstance(change.wanted, int) and isinstance(change.found, int)):
        wanted, found = "the manifest's", HIDDEN
    if change.found is ABSENT:
        found = "removed"
    return Difference(kind, f"{subject}: {change.path}", found, wanted, change.trace)


def _images(deployment: Object) -> list[str]:
    return [str(container.get("image", "")) for container in deployment["spec"]["template"]["spec"]["containers"]]


def _short(image: str) -> str:
    return place_of(image).partition("/")[2]
