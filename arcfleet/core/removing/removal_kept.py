"""What a removal leaves, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from arcfleet.core.fleet.manifest import Site
from arcfleet.core.removing.belongings import is_abandoned, own_registry, token_names, users_of
from arcfleet.core.removing.removals import Asked, Deletion, Found, Kind


def kept(site: Site, found: Found, asked: Asked, deletions: Iterable[Deletion]) -> Iterator[str]:
    """Yield what stays and why, a line each."""
    deletions = tuple(deletions)
    yield from _kept_in_cluster(site, found, asked, deletions)
    cr, gone = own_registry(site, found), {each.name.lower() for each in deletions if each.kind is Kind.TOKEN}
    if cr and not any(each.kind is Kind.CONNECTED_REGISTRY for each in deletions):
        yield "connected registry: the site has no ensure; --connected-registry deletes it"
    left = [name for name in token_names(site, cr) if name.lower() in found.contents.tokens.keys() - gone]
    if left and not site.ensure:
        yield "tokens and scope maps: the site has no ensure"
    for name in left if site.ensure else ():
        users = users_of(site, found.contents, name)
        yield f"token {name} and its scope map: {f'{users[0]} has it too' if users else 'not made by ensure'}"
    if site.ensure and site.ancestors and deletions:
        yield "repositories in the scope maps above: others may need them"
    if site.ensure and deletions:
        yield "dedicated data endpoint: it is the whole registry's"


def _kept_in_cluster(site: Site, found: Found, asked: Asked, deletions: tuple[Deletion, ...]) -> Iterator[str]:
    names = ", ".join(workload.name for workload in site.workloads)
    if not names or not (deletions or asked.workloads):
        return
    if is_abandoned(found):
        yield f"workloads {names}, pull secrets: the cluster is out of contact"
    elif not asked.workloads:
        ending = " with logins that end" if site.ensure else ""
        yield f"workloads {names}, pull secrets{ending}: --workloads removes what arcfleet applied"
    deleted = {each.held for each in deletions}
    for held in found.objects:
        if held not in deleted:
            yield f"{held}: {'it holds data' if held.is_applied_by_us else 'not applied by arcfleet alone'}"
    for held in found.pull_secrets:
        if held not in deleted:
            yield f"{held}: {'not written by arcfleet' if site.cluster_ip in held.hosts else 'holds no login of it'}"
        elif not (held.hosts == {site.cluster_ip} and held.is_all_ours):
            yield f"{held}, but for that login: others wrote it too"
