"""Rotation of the client token's password: find what the pull secrets hold, replace it, restart pods where asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from arcfleet.core.facts import SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube import workloads
from arcfleet.core.kube.workloads import Desired, Login
from arcfleet.core.names import last_segment
from arcfleet.core.passwords import client_tokens, journal, rotation
from arcfleet.core.passwords.client_tokens import Found, PullLogin
from arcfleet.core.passwords.rotation import Decision
from arcfleet.ports import Gateways
from arcfleet.steps.credentials import new_login, sharing
from arcfleet.steps.extension import OnChange
from arcfleet.steps.observe import Manifests
from arcfleet.steps.rollout import watch


async def decide(
    gateways: Gateways, site: Site, facts: SiteFacts, manifests: Manifests, *, asked: bool
) -> tuple[Decision, Found | None]:
    """Return what a rotation does about a site's pull secrets now, and what it found. Changes nothing."""
    found = await find(gateways, site, facts, manifests)
    now = await gateways.registries.service_time()
    return client_tokens.decide(site, facts, found, now, asked=asked), found


async def find(gateways: Gateways, site: Site, facts: SiteFacts, manifests: Manifests) -> Found | None:
    """Return the client token whose login is in the site's pull secrets, and those; None where there is none.

    A login of another name, or of the user's own, is somebody else's to rotate.
    """
    names = {last_segment(token_id): token_id for token_id in facts.connected_registry.client_token_ids}
    if not names or site.pull_secret_from:
        return None
    logins = await _logins(gateways, site, _wanted(site, facts, manifests))
    name = next((login.username for _, login in logins if login.username in names), None)
    if name is None:
        return None
    token = await gateways.registries.token(site.registry_ref, names[name], max_age=0)
    entry = await gateways.journal.read(journal.key(site.registry_ref, name))
    theirs = [(item, login) for item, login in logins if login.username == name]
    return Found(
        names[name],
        token,
        entry,
        tuple(item for item, _ in theirs),
        await sharing(gateways, site, names[name]),
        holding=_places(item for item, login in theirs if client_tokens.is_marked(login, token, entry)),
        unmarked=_places(item for item, login in theirs if not login.mark),
    )


def _places(items: Iterable[Desired]) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys((item.namespace, item.workload.pull_secret) for item in items))


def _wanted(site: Site, facts: SiteFacts, manifests: Manifests) -> Sequence[Desired]:
    # No digest is asked for: nothing is applied.
    server = facts.registry.login_server
    return [workloads.desired(site, w, manifests.get(w.manifest or "", ()), server, {}) for w in site.workloads]


async def _logins(gateways: Gateways, site: Site, wanted: Sequence[Desired]) -> list[tuple[Desired, Login]]:
    """Return each workload whose pull secret holds a login for the site's address, with that."""
    result = []
    for item in wanted:
        login = await gateways.kubernetes.login(site, item.namespace, item.workload.pull_secret)
        if login:
            result.append((item, login))
    return result


async def replace(gateways: Gateways, site: Site, found: Found) -> tuple[PullLogin, datetime]:
    """Make a password that the site's pull secrets are to hold, and wait until the cloud registry knows it everywhere.

    Where an earlier rotation was interrupted, and one of the secrets has its password already, that is the one.

    Returns:
        The login, and since when it works: the site knows it once it was in contact later than that.
    """
    key = journal.key(site.registry_ref, found.token.name)
    kept = await _kept(gateways, site, found)
    if kept and found.entry:
        return PullLogin(kept, key, found.entry), found.entry.at
    async with gateways.journal.alone(key):
        made = await new_login(gateways, site, found.token_id, found.secrets, held=found.held)
    await gateways.clock.sleep(rotation.REPLICATION)
    return made, await gateways.registries.service_time()


async def _kept(gateways: Gateways, site: Site, found: Found) -> Login | None:
    """Return the login that an interrupted rotation was writing, out of a pull secret that has it already."""
    for namespace, name in found.holding if found.goes_on else ():
        login = await gateways.kubernetes.login(site, namespace, name)
        if login and client_tokens.is_marked(login, found.token, found.entry):
            return login
    return None


async def restart(gateways: Gateways, site: Site, facts: SiteFacts, wanted: Desired, on_change: OnChange) -> None:
    """Replace a workload's pods and return once the new ones are as they should be.

    Raises:
        PermanentError: They fail, or are not ready within the workload's timeout.
    """
    now = await gateways.registries.service_time()
    await gateways.kubernetes.restart(site, wanted.kind, wanted.namespace, wanted.name, now)
    await watch(gateways, site, facts, wanted, on_change)
