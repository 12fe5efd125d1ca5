"""The plan of a removal: what of a site is deleted, in which order, what is kept, and why.

What is deleted is what arcfleet made, or what the operator names:

- the extension of the site's name, if it is a connected registry's;
- with `ensure` the connected registry, and of tokens and scope maps those with the names that `ensure` gives, unless
  somebody else uses them; without it the connected registry, where it is asked for, and nothing else;
- passwords of other tokens that the journal shows to be ours;
- where it is asked for, objects in the cluster that arcfleet alone applied, but no volumes, and its login in pull
  secrets.

Order and side effects: az acr connected-registry delete --cleanup (azure-cli, connected_registry.py). What is gone
already is done, so a removal that was stopped anywhere is continued by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from arcfleet.core.facts import RegistryContents
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import EXTENSION_TYPE, last_segment
from arcfleet.core.passwords.journal import key
from arcfleet.core.passwords.own_passwords import own_slots
from arcfleet.core.planning import calls, ensure, scope_actions
from arcfleet.core.planning.calls import registry_call
from arcfleet.core.planning.plan import Disposition
from arcfleet.core.reasons import Reason
from arcfleet.core.removing.belongings import (
    is_abandoned,
    is_used,
    own_registry,
    pull_name,
    sync_name,
    token_names,
    users_of,
)
from arcfleet.core.removing.removal_kept import kept
from arcfleet.core.removing.removals import Asked, Deletion, Found, Held, Kind, Removal
from arcfleet.core.verdicts import arc

DISTURBING = {Kind.EXTENSION, Kind.ACTIVATION, Kind.CONNECTED_REGISTRY}
"""What must not happen to a connected registry while others sync through it."""
VOLUMES = "PersistentVolumeClaim"


def plan(site: Site, found: Found, asked: Asked) -> Removal:
    """Return the removal of a site.

    Args:
        site: The site.
        found: What of it is still there.
        asked: What is wanted besides what every removal removes.
    """
    in_cluster = () if is_abandoned(found) else (*_workloads(site, found), *_logins(site, found))
    doomed = tuple(_tokens(site, found.contents)) if site.ensure else ()
    ended = tuple(_passwords(site, found, asked, doomed))
    deletions = (
        *in_cluster,
        *_extension(site, found),
        *_activation(site, found),
        *ended,
        *_connected_registry(site, found, asked),
        *doomed,
    )
    deletions = (*deletions, *_journal(site, found, (*doomed, *ended)))
    stop = _stop(site, found, asked, deletions)
    return stop or Removal(deletions, tuple(kept(site, found, asked, deletions)))


def _stop(site: Site, found: Found, asked: Asked, deletions: Iterable[Deletion]) -> Removal | None:
    """Return why nothing is removed at a site, or None."""
    kinds = {each.kind for each in deletions}
    if found.extension and found.extension.extension_type.lower() != EXTENSION_TYPE:
        return _blocked(
            Reason.FOREIGN, "extension",
            f"extension {found.extension.name} is of type {found.extension.extension_type}: not arcfleet's to delete",
            "correct extension.name of the site",
        )  # fmt: skip
    if found.cluster and is_abandoned(found) and not asked.abandon_offline:
        finding = arc.judge(found.cluster)
        remedy = (
            "bring the cluster's Arc agents online, then remove again; only where it never comes back: "
            "--abandon-offline, with which Azure forgets the extension and what runs there goes on"
        )
        return Removal(finding=replace(finding, remedy=remedy), disposition=Disposition.DEFERRED)
    if asked.workloads and site.workloads and site.kube is None:
        return _blocked(
            Reason.NO_KUBERNETES_ACCESS, "workloads",
            f"site {site.name} has workloads, but no way to its Kubernetes API",
            "give the site kube: {context: …}, or remove it without --workloads",
        )  # fmt: skip
    below = _below(site, found.contents, every=Kind.CONNECTED_REGISTRY in kinds) if kinds & DISTURBING else []
    if below:
        return _blocked(
            Reason.HAS_CHILDREN, "connected registry",
            f"connected registries sync through {site.connected_registry}: {', '.join(below)}",
            "remove those first; a run that has them all removes them before it",
        )  # fmt: skip
    return None


def _blocked(reason: Reason, subject: str, message: str, remedy: str) -> Removal:
    return Removal(
        finding=Finding(Verdict.FAILED, reason, subject, message, remedy=remedy), disposition=Disposition.BLOCKED
    )


def _below(site: Site, contents: RegistryContents, *, every: bool) -> list[str]:
    """Return the connected registries right below a site's: every one, or those that are in use."""
    name = site.connected_registry.lower()
    return [
        child.name
        for child in contents.connected.values()
        if (child.parent or "").lower() == name and (every or is_used(child))
    ]


def _workloads(site: Site, found: Found) -> Iterator[Deletion]:
    for held in found.objects:
        if held.is_applied_by_us and held.kind != VOLUMES:
            yield Deletion(
                Kind.WORKLOAD, str(held), held.name, calls.deletion(site, held.kind, *_place(held)), held=held
            )


def _logins(site: Site, found: Found) -> Iterator[Deletion]:
    """Yield the pull secrets that arcfleet wrote the site's login into; one that holds nothing else goes as a whole."""
    for held in found.pull_secrets:
        if site.cluster_ip in held.hosts and held.is_written_by_us:
            whole = held.hosts == {site.cluster_ip} and held.is_all_ours
            subject = str(held) if whole else f"login for {site.cluster_ip} in {held}"
            call = calls.deletion(site, held.kind, *_place(held)) if whole else calls.logins(site, [_place(held)])[0]
            yield Deletion(Kind.LOGIN, subject, held.name, call, held=held)


def _place(held: Held) -> tuple[str, str]:
    return held.namespace, held.name


def _extension(site: Site, found: Found) -> Iterator[Deletion]:
    if found.extension is not None:
        forced = is_abandoned(found)
        subject = "extension (only Azure forgets it)" if forced else "extension"
        yield Deletion(Kind.EXTENSION, subject, call=calls.extension(site, "DELETE"), forced=forced)


def _activation(site: Site, found: Found) -> Iterator[Deletion]:
    cr = own_registry(site, found)
    if cr and is_used(cr):
        call = registry_call(site, "POST", f"connectedRegistries/{cr.name}/deactivate")
        yield Deletion(Kind.ACTIVATION, "activation", cr.name, call)


def _passwords(site: Site, found: Found, asked: Asked, doomed: Iterable[Deletion]) -> Iterator[Deletion]:
    """Yield the passwords of ours of tokens that stay: nobody uses them once registry and pull secrets are gone."""
    cr, gone = own_registry(site, found), {each.name.lower() for each in doomed if each.kind is Kind.TOKEN}
    sync = last_segment(cr.sync_token_id).lower() if cr else sync_name(site)
    for name in token_names(site, cr):
        token = found.contents.tokens.get(name.lower())
        slots = own_slots(token, found.entries.get(name.lower())) if token else ()
        is_sync = name.lower() == sync
        served = is_sync or asked.workloads
        if token and slots and served and name.lower() not in gone and not users_of(site, found.contents, name):
            call = registry_call(site, "PATCH", f"tokens/{token.name}")
            subject = f"{' and '.join(slots)} of the {'sync' if is_sync else 'client'} token"
            yield Deletion(Kind.PASSWORDS, subject, token.name, call, slots)


def _connected_registry(site: Site, found: Found, asked: Asked) -> Iterator[Deletion]:
    cr = own_registry(site, found)
    if cr and (site.ensure or asked.connected_registry):
        call = registry_call(site, "DELETE", f"connectedRegistries/{cr.name}")
        yield Deletion(Kind.CONNECTED_REGISTRY, "connected registry", cr.name, call)


def _tokens(site: Site, contents: RegistryContents) -> Iterator[Deletion]:
    """Yield the tokens and scope maps that `ensure` makes, and the gateway rights in the scope maps above."""
    cr = contents.connected.get(site.connected_registry.lower())
    sync, pull = sync_name(site), pull_name(site)
    if ensure.sync_token(contents, site.connected_registry).lower() == sync:
        yield from _token(site, contents, sync, "sync")
    gateway = {action.lower() for action in scope_actions.of_gateway(site.connected_registry)}
    for scope_map in contents.scope_maps.values():
        granted = tuple(action for action in scope_map.actions if action.lower() in gateway)
        if granted and scope_map.name.lower() != sync:
            call = registry_call(site, "PATCH", f"scopeMaps/{scope_map.name}")
            subject = f"rights in scope map {scope_map.name}"
            yield Deletion(Kind.RIGHTS, subject, scope_map.name, call, granted)
    if ensure.client_token(site, cr).lower() == pull.lower():
        yield from _token(site, contents, pull, "client")


def _token(site: Site, contents: RegistryContents, name: str, what: str) -> Iterator[Deletion]:
    """Yield a token and the scope map of its name, each only if nobody else uses it."""
    token, scope_map = contents.tokens.get(name.lower()), contents.scope_maps.get(name.lower())
    if token and not users_of(site, contents, name):
        call = registry_call(site, "DELETE", f"tokens/{token.name}")
        yield Deletion(Kind.TOKEN, f"{what} token", token.name, call)
    others = [
        each.name
        for each in contents.tokens.values()
        if last_segment(each.scope_map_id).lower() == name.lower() and each is not token
    ]
    if scope_map and not others and not users_of(site, contents, name):
        call = registry_call(site, "DELETE", f"scopeMaps/{scope_map.name}")
        yield Deletion(Kind.SCOPE_MAP, f"{what} scope map", scope_map.name, call)


def _journal(site: Site, found: Found, ended: Iterable[Deletion]) -> Iterator[Deletion]:
    """Yield the entries that are about nothing any more once passwords and tokens are gone."""
    gone = {each.name.lower() for each in ended if each.kind in {Kind.TOKEN, Kind.PASSWORDS}}
    for name, entry in found.entries.items():
        token = found.contents.tokens.get(name)
        left = token is not None and any(made.name == entry.slot for made in token.passwords)
        if name in gone or not left:
            yield Deletion(Kind.JOURNAL, "journal of passwords", key(site.registry_ref, name))
