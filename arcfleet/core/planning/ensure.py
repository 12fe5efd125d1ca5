"""What a site with `ensure: true` needs in its cloud registry, and what of it is missing or differs.

As Microsoft's quickstart for connected registries does it: the dedicated data endpoint, a sync scope map and its token,
a client token and its scope map, the connected registry. Only what is missing or differs is written, and only what the
fleet file gives. Nothing is removed: what others added to a scope map may be theirs.

Sources: azure-cli's connected_registry.py (names, actions, defaults; what a nested registry may do, every ancestor must
be allowed) and its recorded requests; ConnectedRegistryUpdateParameters (what can be changed in place).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from arcfleet.core.differences import Difference
from arcfleet.core.durations import iso8601
from arcfleet.core.facts import ConnectedRegistryFacts, RegistryContents, RegistryFacts
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import ImageRef, last_segment
from arcfleet.core.planning import registry_settings, scope_actions
from arcfleet.core.planning.calls import Call, registry_call
from arcfleet.core.planning.registry_settings import ConnectedRegistrySpec
from arcfleet.core.reasons import Reason
from arcfleet.core.schedule import CONTINUOUS


class Kind(StrEnum):
    """What a change writes."""

    DATA_ENDPOINT = "data endpoint"
    SCOPE_MAP = "scope map"
    TOKEN = "registry token"  # noqa: S105 - a kind of resource
    CONNECTED_REGISTRY = "connected registry"


@dataclass(frozen=True, slots=True)
class Change:
    """One write to the cloud registry: what it is about, for people, and what the write needs."""

    kind: Kind
    call: Call
    subject: str
    name: str = ""
    actions: tuple[str, ...] = ()
    """A scope map's actions to add."""
    scope_map: str = ""
    """The name of a token's scope map."""
    spec: ConnectedRegistrySpec | None = None
    """A connected registry's properties to write."""
    properties: tuple[Difference, ...] = ()
    """What of a connected registry that exists is to be changed."""

    @property
    def because(self) -> str:
        """Its line in a plan."""
        if self.properties:
            return "; ".join(map(str, self.properties))
        if self.kind is not Kind.SCOPE_MAP:
            return self.subject
        return f"{self.subject}{f' {self.name}:' if self.creates else ': +'} {scope_actions.show(self.actions)}"

    @property
    def creates(self) -> bool:
        """Whether it makes something that does not exist."""
        return self.call.method == "PUT"

    @property
    def needs_sync(self) -> bool:
        """Whether the site has what this brings only after its next sync."""
        if self.kind is Kind.CONNECTED_REGISTRY:
            return self.spec is not None and self.spec.client_token_ids is not None
        return self.kind is Kind.SCOPE_MAP


def repositories(site: Site, images: Iterable[ImageRef]) -> tuple[str, ...]:
    """Return the repositories that a site needs: those that its settings name, and its workloads' images'."""
    named = site.connected_registry_settings.repositories
    return tuple(dict.fromkeys((*named, *(image.repository for image in images))))


def changes(site: Site, registry: RegistryFacts, held: RegistryContents, wanted: Sequence[str]) -> tuple[Change, ...]:
    """Return the writes that bring the cloud registry to what a site needs, in the order in which they must be made.

    Args:
        site: A site with `ensure`.
        registry: Its cloud registry.
        held: What that holds.
        wanted: The repositories that the site needs.
    """
    cr = held.connected.get(site.connected_registry.lower())
    mode = cr.mode if cr else site.connected_registry_settings.mode or registry_settings.READ_ONLY
    needed = (*scope_actions.of_mode(wanted, mode), *scope_actions.of_gateway(site.connected_registry))
    sync = sync_token(held, site.connected_registry)
    client = client_token(site, cr) if wanted else None
    found = [
        _data_endpoint(site, registry),
        _scope_map(site, held, sync, needed, "sync scope map"),
        *(
            _scope_map(site, held, sync_token(held, above), needed, f"sync scope map of {above}", above=True)
            for above in lineage(site, held)
        ),
        _token(site, held, sync, "sync token"),
    ]
    if client:
        found += [
            _scope_map(
                site, held, client, scope_actions.on_repositories(wanted, scope_actions.PULL), "client scope map"
            ),
            _token(site, held, client, "client token"),
        ]
    found.append(_connected_registry(site, cr, sync, client))
    return tuple(change for change in found if change)


def lineage(site: Site, held: RegistryContents) -> tuple[str, ...]:
    """Return the connected registries above a site's, its parent first: as Azure shows them, else as the file has them.

    A parent may be nested under one that is no site of the fleet.
    """
    children = (site.connected_registry, *site.ancestors)
    by_file = {child.lower(): parent for child, parent in zip(children, site.ancestors, strict=False)}
    found: dict[str, str] = {}
    name = site.connected_registry
    while True:
        cr = held.connected.get(name.lower())
        parent = cr.parent if cr else by_file.get(name.lower())
        if not parent or parent.lower() in found:
            return tuple(found.values())
        found[parent.lower()] = name = parent


def client_token(site: Site, cr: ConnectedRegistryFacts | None) -> str:
    """Return the name of the token that the site's workloads pull with.

    The file's `clientToken`; else the only one that the connected registry has; else one of the site's own.
    """
    if site.client_token:
        return site.client_token
    known = cr.client_token_ids if cr else ()
    return last_segment(known[0]) if len(known) == 1 else f"{site.connected_registry}-pull"


def finding(site: Site, held: RegistryContents) -> Finding | None:
    """Return what of the connected registry nobody can change, or somebody switched off; None where nothing hinders."""
    cr, wanted = held.connected.get(site.connected_registry.lower()), site.connected_registry_settings
    parent = site.ancestors[0] if site.ancestors else None
    above = held.connected.get(parent.lower()) if parent else None
    if cr and cr.uses_managed_identity:
        return _blocked("signs in with a managed identity, which has no sync token", "take ensure off for this site")
    if cr and wanted.mode and wanted.mode.lower() != cr.mode.lower():
        return _blocked(f"mode: {cr.mode} -> {wanted.mode} can't be changed in place", _anew(site))
    if cr and (cr.parent or "").lower() != (parent or "").lower():
        was, now = cr.parent or "the cloud registry", parent or "the cloud registry"
        return _blocked(f"parent: {was} -> {now} can't be changed in place", _anew(site))
    if not cr and above and above.mode.lower() == "readonly" and wanted.mode == "ReadWrite":
        return _blocked(f"its parent {above.name} is ReadOnly, and so must it be", "give it the mode ReadOnly")
    return _disabled(site, held, cr)


def creation(site: Site, sync_token: str, client: str | None) -> ConnectedRegistrySpec:
    """Return what creates a site's connected registry, given the names of its sync token and client token."""
    return registry_settings.creation(
        site.connected_registry_settings,
        parent_id=_id(site, f"connectedRegistries/{site.ancestors[0]}") if site.ancestors else None,
        sync_token_id=_id(site, f"tokens/{sync_token}"),
        client_token_ids=(_id(site, f"tokens/{client}"),) if client else (),
    )


def sync_token(held: RegistryContents, connected_registry: str) -> str:
    """Return the name of a connected registry's sync token: the one it has, else its own name, as az gives it."""
    cr = held.connected.get(connected_registry.lower())
    return last_segment(cr.sync_token_id) if cr and cr.sync_token_id else connected_registry.lower()


def scope_map_of(held: RegistryContents, token: str) -> str:
    """Return the name of a token's scope map; one that is still to be made gets its token's name."""
    found = held.tokens.get(token.lower())
    return last_segment(found.scope_map_id) if found and found.scope_map_id else token


def _data_endpoint(site: Site, registry: RegistryFacts) -> Change | None:
    if registry.data_endpoint_enabled:
        return None
    return Change(Kind.DATA_ENDPOINT, registry_call(site, "PATCH", ""), "dedicated data endpoint: off -> on")


def _scope_map(
    site: Site, held: RegistryContents, token: str, wanted: Sequence[str], subject: str, *, above: bool = False
) -> Change | None:
    name = scope_map_of(held, token)
    existing = held.scope_maps.get(name.lower())
    lacking = scope_actions.missing(wanted, existing.actions if existing else ())
    if not lacking or name.startswith(scope_actions.SYSTEM):
        return None
    # What is above is made before anything below it is begun.
    call = registry_call(site, "PATCH" if existing or above else "PUT", f"scopeMaps/{name}")
    return Change(Kind.SCOPE_MAP, call, subject, name, actions=lacking)


def _token(site: Site, held: RegistryContents, name: str, what: str) -> Change | None:
    if name.lower() in held.tokens:
        return None
    call = registry_call(site, "PUT", f"tokens/{name}")
    return Change(Kind.TOKEN, call, f"{what} {name}", name, scope_map=scope_map_of(held, name))


def _connected_registry(site: Site, cr: ConnectedRegistryFacts | None, sync: str, client: str | None) -> Change | None:
    if cr is None:
        name, spec = site.connected_registry, creation(site, sync, client)
        subject = f"connected registry {name} ({_describe(site, spec)})"
        call = registry_call(site, "PUT", f"connectedRegistries/{name}")
        return Change(Kind.CONNECTED_REGISTRY, call, subject, name, spec=spec)
    client_id = _id(site, f"tokens/{client}") if client else None
    spec, found = registry_settings.update(site.connected_registry_settings, cr, client_id)
    call = registry_call(site, "PATCH", f"connectedRegistries/{cr.name}")
    subject = f"connected registry {cr.name}"
    return Change(Kind.CONNECTED_REGISTRY, call, subject, cr.name, spec=spec, properties=found) if found else None


def _describe(site: Site, spec: ConnectedRegistrySpec) -> str:
    often = "every minute" if spec.schedule == CONTINUOUS else str(spec.schedule)
    lasting = f" for {iso8601(spec.sync_window)}" if spec.sync_window else ""
    return f"{spec.mode}, {often}{lasting}" + (f", below {site.ancestors[0]}" if site.ancestors else "")


def _id(site: Site, path: str) -> str:
    return registry_call(site, "", path).target


def _disabled(site: Site, held: RegistryContents, cr: ConnectedRegistryFacts | None) -> Finding | None:
    """Return that a token is disabled: somebody meant it, so it is not for a program to enable it again."""
    sync, client = sync_token(held, site.connected_registry), client_token(site, cr)
    for name, what, reason in ((sync, "sync", Reason.CREDENTIAL_UNUSABLE), (client, "client", Reason.CLIENT_TOKEN)):
        token = held.tokens.get(name.lower())
        if token and token.status.lower() == "disabled":
            remedy = f"az acr token update --registry {site.registry} --name {token.name} --status enabled"
            return _blocked(f"{what} token {token.name} is disabled", remedy, reason)
    return None


def _anew(site: Site) -> str:
    return (
        f"write what it is into the fleet file, or delete it, to be made anew: az acr connected-registry delete "
        f"--registry {site.registry} --name {site.connected_registry}"
    )


def _blocked(message: str, remedy: str, reason: Reason = Reason.IMMUTABLE) -> Finding:
    return Finding(Verdict.FAILED, reason, "connected registry", message, remedy=remedy)
