"""Which sites of a fleet a push concerns: those with a workload that runs a tag of the repository, by its digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from arcfleet.core.fleet.manifest import Fleet, Site, Workload
from arcfleet.core.kube import workloads
from arcfleet.core.names import ImageRef
from arcfleet.core.sync.pushes import Arrived, Push


def users(fleet: Fleet, registry: str, repository: str, host: str) -> Mapping[str, tuple[ImageRef, ...]]:
    """Return by site the images of a repository that its workloads follow, sites without one left out.

    An image that is named by a digest never changes, and a workload with `pin: tag` meets a new image when its pods
    are next pulled: neither is rolled out because of a push.

    Args:
        fleet: The fleet.
        registry: The cloud registry's name.
        repository: The repository's.
        host: The registry's login server, which images in manifests may carry.
    """
    here = [site for site in fleet.sites if site.registry.lower() == registry.lower()]
    found = {site.name: _of_site(fleet, site, repository, host) for site in here}
    return {name: images for name, images in found.items() if images}


def _of_site(fleet: Fleet, site: Site, repository: str, host: str) -> tuple[ImageRef, ...]:
    pinned = [workload for workload in site.workloads if workload.pin == "digest"]
    named = _images(fleet, pinned, host)
    return tuple(dict.fromkeys(i for i in named if i.repository == repository and ":" not in i.reference))


def _images(fleet: Fleet, chosen: Iterable[Workload], host: str) -> list[ImageRef]:
    return [
        image
        for workload in chosen
        for image in workloads.images(workload, fleet.manifests.get(workload.manifest or "", ()), host)
    ]


def is_of(fleet: Fleet, push: Push) -> bool:
    """Tell whether a push is to a registry of a fleet; where its ARM id is told, that must be the registry's too."""
    ids = {_id(site) for site in fleet.sites if site.registry.lower() == push.registry.lower()}
    return bool(ids) and (not push.topic or push.topic.lower() in ids)


def concerns(fleet: Fleet, push: Push) -> bool:
    """Tell whether a site follows the tag that was pushed, or needs the image that has come to its registry."""
    if push.arrived:
        return _is_needed(fleet, push, push.arrived)
    found = users(fleet, push.registry, push.repository, push.host).values()
    return any(image.reference == push.tag for images in found for image in images)


def _is_needed(fleet: Fleet, push: Push, arrived: Arrived) -> bool:
    place = (push.registry.lower(), arrived.connected_registry.lower())
    there = [site for site in fleet.sites if (site.registry.lower(), site.connected_registry.lower()) == place]
    image = ImageRef(push.repository, push.tag)
    return any(image in _images(fleet, site.workloads, push.host) for site in there)


def _id(site: Site) -> str:
    return site.registry_ref.id.lower()
