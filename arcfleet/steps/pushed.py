"""After a push: what the registry itself says of the tags that sites follow, and which sites these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from arcfleet.core.fleet.manifest import Fleet
from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason
from arcfleet.core.sync import affected
from arcfleet.errors import PermanentError
from arcfleet.ports import Gateways


@dataclass(frozen=True, slots=True)
class Affected:
    """The sites that follow a tag of a repository, and the digests that these tags have now."""

    sites: tuple[str, ...] = ()
    digests: Mapping[ImageRef, str] = field(default_factory=dict)


async def find_affected(gateways: Gateways, fleet: Fleet, registry: str, repository: str) -> Affected:
    """Return what follows a repository.

    A tag that the registry does not have is left out: nothing can be rolled out of it.

    Args:
        gateways: The outside world.
        fleet: The fleet.
        registry: The cloud registry's name, as a notification had it; one that is not the fleet's affects nothing.
        repository: The repository's name, as a notification had it.
    """
    ref = next((site.registry_ref for site in fleet.sites if site.registry.lower() == registry.lower()), None)
    if ref is None:
        return Affected()
    host = (await gateways.registries.registry(ref)).login_server
    users = affected.users(fleet, registry, repository, host)
    digests: dict[ImageRef, str] = {}
    for image in dict.fromkeys(image for images in users.values() for image in images):
        try:
            digests[image] = await gateways.images.digest(host, image)
        except PermanentError as error:
            if error.reason is not Reason.NOT_IN_CLOUD:
                raise
    sites = tuple(name for name, images in users.items() if digests.keys() & images)
    return Affected(sites, digests)
