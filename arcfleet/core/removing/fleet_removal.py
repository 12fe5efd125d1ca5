"""The removals of a fleet's sites as one run carries them out, children first, and what each leaves of the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from arcfleet.core.facts import RegistryContents
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import RegistryRef
from arcfleet.core.planning import nesting
from arcfleet.core.planning.plan import Disposition
from arcfleet.core.removing import removal
from arcfleet.core.removing.removals import Asked, Deletion, Found, Kind, Removal


def combined(sites: Sequence[Site], found: Mapping[str, Found | Removal], asked: Asked) -> dict[str, Removal]:
    """Return the removals of sites, by name.

    Each is planned on what the ones before it leave of the registry; nothing above a site that stays is removed.

    Args:
        sites: The sites.
        found: By site: what of it is still there; or why that can't be told, as a removal that removes nothing.
        asked: What is wanted besides what every removal removes.
    """
    made: dict[str, Removal] = {}
    left: dict[RegistryRef, RegistryContents] = {}
    for site in reversed(nesting.parents_first(sites)):
        here = found[site.name]
        stays = next((name for name in nesting.children(site, sites) if made[name].finding), None)
        if stays:
            why = nesting.in_the_way(stays, made[stays].disposition, made[stays].finding)
            made[site.name] = Removal(finding=why, disposition=Disposition.BLOCKED)
        elif isinstance(here, Removal):
            made[site.name] = here
        else:
            contents = left.get(site.registry_ref, here.contents)
            made[site.name] = removal.plan(site, replace(here, contents=contents), asked)
            left[site.registry_ref] = applied(made[site.name].deletions, contents)
    return {site.name: made[site.name] for site in sites}


def applied(deletions: Iterable[Deletion], held: RegistryContents) -> RegistryContents:
    """Return what a registry holds after deletions."""
    for deletion in deletions:
        held = _after(deletion, held)
    return held


def _after(deletion: Deletion, held: RegistryContents) -> RegistryContents:
    name = deletion.name.lower()
    match deletion.kind:
        case Kind.ACTIVATION:
            idle = replace(held.connected[name], activation="Inactive", connection_state="Offline")
            return replace(held, connected={**held.connected, name: idle})
        case Kind.CONNECTED_REGISTRY:
            return replace(held, connected={key: cr for key, cr in held.connected.items() if key != name})
        case Kind.TOKEN:
            return replace(held, tokens={key: token for key, token in held.tokens.items() if key != name})
        case Kind.SCOPE_MAP:
            return replace(held, scope_maps={key: found for key, found in held.scope_maps.items() if key != name})
        case Kind.RIGHTS:
            before = held.scope_maps[name]
            left = replace(before, actions=tuple(each for each in before.actions if each not in deletion.parts))
            return replace(held, scope_maps={**held.scope_maps, name: left})
    return held
