"""What belongs to a site, by its names, and who else uses it."""

from __future__ import annotations

from arcfleet.core.facts import ConnectedRegistryFacts, RegistryContents
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import last_segment
from arcfleet.core.removing.removals import Found
from arcfleet.core.verdicts import arc


def is_abandoned(found: Found) -> bool:
    """Tell whether an extension is on a cluster that is out of contact, so that nothing can be done there."""
    return found.extension is not None and found.cluster is not None and not arc.judge(found.cluster).ok


def sync_name(site: Site) -> str:
    """Return the name that `ensure` gives a site's sync token, and its scope map, as az does."""
    return site.connected_registry.lower()


def pull_name(site: Site) -> str:
    """Return the name that `ensure` gives a site's client token, and its scope map."""
    return f"{site.connected_registry}-pull"


def token_names(site: Site, cr: ConnectedRegistryFacts | None) -> tuple[str, ...]:
    """Return the names of the tokens whose passwords arcfleet may have made for a site."""
    held = (last_segment(each) for each in (cr.sync_token_id, *cr.client_token_ids) if each) if cr else ()
    usual = (sync_name(site), pull_name(site), *([site.client_token] if site.client_token else []))
    return tuple({name.lower(): name for name in (*usual, *held)}.values())


def own_registry(site: Site, found: Found) -> ConnectedRegistryFacts | None:
    """Return the site's connected registry; None where it is gone."""
    return found.contents.connected.get(site.connected_registry.lower())


def is_used(cr: ConnectedRegistryFacts) -> bool:
    """Tell whether an instance has a connected registry, or had it and was not deactivated."""
    return cr.in_contact or cr.activation.lower() == "active"


def users_of(site: Site, contents: RegistryContents, token: str) -> list[str]:
    """Return the other connected registries that have a token, as sync token or as client token."""
    return [
        cr.name
        for cr in contents.connected.values()
        if cr.name.lower() != site.connected_registry.lower()
        and token.lower() in {last_segment(each).lower() for each in (cr.sync_token_id, *cr.client_token_ids)}
    ]
