"""Credentials: a password for the connection string, and one for the pull secret."""

from __future__ import annotations

from collections.abc import Sequence

from arcfleet.core.facts import SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import Login
from arcfleet.core.names import last_segment
from arcfleet.core.passwords import client_tokens, credentials, journal, rotation
from arcfleet.core.passwords.client_tokens import PullLogin
from arcfleet.core.passwords.credentials import Credential
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.planning import ensure
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from arcfleet.ports import Gateways
from arcfleet.steps.minting import mint
from arcfleet.steps.observe import LISTED, own_login


async def generate_credential(gateways: Gateways, site: Site, facts: SiteFacts) -> Credential:
    """Generate a password into the sync token's idle slot and return the connection string made of it.

    Raises:
        PermanentError: The sync token is disabled, the connected registry can't be reached by a string, or the answers
            were lost.
    """
    cr, extension = facts.connected_registry, facts.extension
    token = await gateways.registries.token(site.registry_ref, cr.sync_token_id, max_age=0)
    if token.status.lower() == "disabled":
        raise PermanentError(
            Reason.CREDENTIAL_UNUSABLE,
            f"sync token {token.name} is disabled",
            f"az acr token update --registry {site.registry} --name {token.name} --status enabled",
        )
    # Composed once before anything is minted: a string that can't be made must not cost a password.
    credentials.connection_string(cr, credentials.REHEARSED, parent_protocol=site.parent_protocol)
    key = journal.key(site.registry_ref, token.name)
    slot = credentials.idle_slot(token, extension, await gateways.journal.read(key))
    entry = Entry(slot, Phase.INTENDED, await gateways.registries.service_time())
    end = site.credentials.end(entry.at)
    minted, entry = await mint(gateways, site, cr.sync_token_id, key, entry, expires=end)
    made = credentials.connection_string(cr, minted.password, parent_protocol=site.parent_protocol)
    return Credential(made, key, entry)


async def note(gateways: Gateways, credential: Credential | PullLogin, phase: Phase) -> None:
    """Write how far a credential has come. A phase that began already keeps its time: an attempt may be repeated."""
    if credential.entry is None:
        return  # It was found, not made.
    known, entry = await gateways.journal.read(credential.key), credential.entry
    if known and (known.phase, known.slot, known.created) == (phase, entry.slot, entry.created):
        return
    now = await gateways.registries.service_time()
    await gateways.journal.write(credential.key, entry.to(phase, now))


async def client_login(
    gateways: Gateways, site: Site, facts: SiteFacts, missing: Sequence[tuple[str, str]]
) -> PullLogin:
    """Return the login for pull secrets: the user's own, else one that the site has, else one with a new password.

    Args:
        gateways: The outside world.
        site: The site.
        facts: What was observed of it.
        missing: The pull secrets to be written, as (namespace, name).

    Raises:
        PermanentError: There is no client token that could be meant, none of its slots is free, or another run is
            filling one.
    """
    own = await own_login(gateways, site)
    if own:
        return PullLogin(own)
    for (namespace, name), present in facts.pull_secrets.items():
        found = await gateways.kubernetes.login(site, namespace, name) if present else None
        if found:
            return PullLogin(found)
    token_id = client_token_id(site, facts)
    async with gateways.journal.alone(journal.key(site.registry_ref, last_segment(token_id))):
        made = await new_login(gateways, site, token_id, missing, held=False)
        # Before another site may look: what is only intended counts as lost.
        await note(gateways, made, Phase.DELIVERING)
    if made.replaces:
        # Pods that were refused it would be tried again minutes later only.
        await gateways.clock.sleep(rotation.REPLICATION)
    return made


async def new_login(
    gateways: Gateways, site: Site, token_id: str, secrets: Sequence[tuple[str, str]], *, held: bool
) -> PullLogin:
    """Make a client token's password in a slot that nobody uses, once the cluster has said that it takes the secrets.

    `held` tells whether the site's pull secrets may hold what was on its way when an earlier run ended.
    """
    registry, key = site.registry_ref, journal.key(site.registry_ref, last_segment(token_id))
    token = await gateways.registries.token(registry, token_id, max_age=0)
    entry = await gateways.journal.read(key)
    expires_after = site.credentials.expires_after
    shared = (entry is not None or expires_after is not None) and await sharing(gateways, site, token_id) > 1
    slot = client_tokens.free_slot(token, entry, held=held or shared)
    now = await gateways.registries.service_time()
    hindrance = client_tokens.claimed(token, entry, gateways.journal.owner, now) if shared else None
    if slot is None or hindrance:
        why = hindrance or client_tokens.taken(site, token, entry)
        raise PermanentError(why.reason, why.message, why.remedy)
    for namespace, name in secrets:
        rehearsed = Login(token.name, credentials.REHEARSED)
        await gateways.kubernetes.put_login(site, namespace, name, rehearsed, dry_run=True)
    retiring = not shared and client_tokens.replaces_ours(token, entry, slot)
    begun = await gateways.registries.service_time()
    intended = Entry(slot, Phase.INTENDED, begun, retiring=retiring, owner=gateways.journal.owner)
    # A password that no rotation may replace must not end either.
    expires = None if shared else site.credentials.end(intended.at)
    minted, made = await mint(gateways, site, token_id, key, intended, expires=expires)
    replaces = slot in {password.name for password in token.passwords}
    return PullLogin(Login(token.name, minted.password, made.mark), key, made, replaces)


async def sharing(gateways: Gateways, site: Site, token_id: str) -> int:
    """Return how many connected registries of the site's registry have a client token."""
    listed = await gateways.registries.connected_registries(site.registry_ref, max_age=LISTED)
    return sum(token_id.lower() in (held.lower() for held in cr.client_token_ids) for cr in listed.values())


async def write_pull_secrets(
    gateways: Gateways, site: Site, secrets: Sequence[tuple[str, str]], pull: PullLogin
) -> None:
    """Write a login for the site's address into pull secrets, given as (namespace, name)."""
    await note(gateways, pull, Phase.DELIVERING)
    for namespace, name in secrets:
        await gateways.kubernetes.put_login(site, namespace, name, pull.login)
    await note(gateways, pull, Phase.VERIFIED)


def client_token_id(site: Site, facts: SiteFacts) -> str:
    """Return the ARM id of the token that the site's workloads pull with.

    It must be among the connected registry's client tokens, else the registry refuses it. Without `clientToken` in the
    fleet file it is the connected registry's only one; with `ensure`, the one that is ensured.
    """
    cr = facts.connected_registry
    wanted = (ensure.client_token(site, cr) if site.ensure else site.client_token or "").lower()
    names = [last_segment(token) for token in cr.client_token_ids]
    matching = [token for token in cr.client_token_ids if not wanted or last_segment(token).lower() == wanted]
    if len(matching) == 1:
        return matching[0]
    listed = ", ".join(names) or "none"
    raise PermanentError(
        Reason.NO_CLIENT_TOKEN,
        f"connected registry {cr.name} has client tokens: {listed}; "
        + (f"{site.client_token} is not among them" if wanted else "which one is for this site is not clear"),
        f"az acr connected-registry update --name {cr.name} --registry {site.registry} --add-client-tokens …"
        + ("" if wanted else ", or name one as clientToken"),
    )
