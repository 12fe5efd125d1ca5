"""What a site's pods prove about an image: the kubelet's own pull is the best evidence there is (grade A)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from arcfleet.core.facts import ContainerFacts, WorkloadFacts
from arcfleet.core.names import ImageRef
from arcfleet.core.pulled import digest_of, place_of
from arcfleet.core.sync.announcements import Announced
from arcfleet.core.verdicts.pods import PULL_STATES, pull_rule


class Served(StrEnum):
    """What a site's registry answered to who asked it for an image."""

    DIGEST = "digest"
    """A manifest; its digest says which."""
    MISSING = "missing"
    """404: it has no such image."""
    REFUSED = "refused"
    """401 or 403: it does not say."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a site's registry, and who heard it."""

    served: Served
    digest: str = ""
    heard: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """All that is known about one image's way to a site.

    `digest` is the cloud's, None where the cloud has no such image, "" where it was not asked; `pushed` is when its tag
    was pushed, None where that is not known; `site` is what the site's registry answered, None where nobody asked;
    `notified` is what the site's connected registry announced of it, None where it did not.
    """

    image: ImageRef
    digest: str | None = ""
    pushed: datetime | None = None
    site: Answer | None = None
    notified: Announced | None = None


def answer(
    address: str, image: ImageRef, digest: str, workloads: Iterable[WorkloadFacts | None], *, pulled_by_tag: bool
) -> Answer | None:
    """Return what the pods of a site heard of its registry about an image; None where none asked it.

    Args:
        address: The site's own registry.
        image: The image.
        digest: The cloud's digest of it.
        workloads: The site's workloads with their pods.
        pulled_by_tag: The pods name its tag: then another digest that they run is what the site served.
    """
    place = f"{address}/{image.repository}"
    pods = [pod for workload in workloads if workload for pod in workload.pods]
    containers = [(pod.name, c) for pod in pods for c in pod.containers if place_of(c.image) == place]
    runs = {digest_of(c.image_id): name for name, c in containers if _runs(c, place)}
    if digest in runs:
        return Answer(Served.DIGEST, digest, f"pod {runs[digest]} runs it")
    for name, container in containers:
        # Only the digest that is meant, or the tag, was asked for; an older one's failure says nothing about it.
        if digest_of(container.image) in {"", digest} and container.waiting_reason in PULL_STATES:
            served = {"P4": Served.MISSING, "P5": Served.REFUSED}.get(pull_rule(container.waiting_message))
            if served:
                return Answer(served, "", f"kubelet of pod {name}: {container.waiting_message}")
    older = next(((found, name) for found, name in runs.items() if found), None)
    return Answer(Served.DIGEST, older[0], f"pod {older[1]} runs it") if older and pulled_by_tag else None


def _runs(container: ContainerFacts, place: str) -> bool:
    return container.ready and place_of(container.image_id) == place
