"""Credentials: a password for the connection string, and one for the pull secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from arcfleet.core import credentials, ensure, journal
from arcfleet.core.credentials import Credential
from arcfleet.core.facts import SiteFacts
from arcfleet.core.journal import Entry, Phase
from arcfleet.core.manifest import Site
from arcfleet.core.names import last_segment
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.core.workloads import Login
from arcfleet.errors import PermanentError
from arcfleet.ports import Gateways


async def generate_credential(gateways: Gateways, site: Site, facts: SiteFacts) -> Credential:
    """Generate a password into the sync token's idle slot and return the connection string made of it.

    The journal has the slot before the password exists, so that a run which is killed here leaves no doubt.

    Raises:
        PermanentError: The sync token is disabled, or the connected registry can't be reached by a string.
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
    credentials.connection_string(cr, Secret("to-be-generated"), parent_protocol=site.parent_protocol)
    key = journal.key(site.registry_ref, token.name)
    slot = credentials.idle_slot(token, extension, await gateways.journal.read(key))
    entry = Entry(slot, Phase.INTENDED, await gateways.registries.service_time())
    await gateways.journal.write(key, entry)
    minted = await gateways.registries.generate_password(site.registry_ref, cr.sync_token_id, slot)
    made = credentials.connection_string(cr, minted.password, parent_protocol=site.parent_protocol)
    return Credential(made, key, replace(entry, created=minted.created))


async def note(gateways: Gateways, credential: Credential, phase: Phase) -> None:
    """Write how far a credential has come. A phase that began already keeps its time: an attempt may be repeated."""
    known, entry = await gateways.journal.read(credential.key), credential.entry
    if known and (known.phase, known.slot, known.created) == (phase, entry.slot, entry.created):
        return
    now = await gateways.registries.service_time()
    await gateways.journal.write(credential.key, entry.to(phase, now))


async def client_login(gateways: Gateways, site: Site, facts: SiteFacts, missing: Sequence[tuple[str, str]]) -> Login:
    """Return the login for pull secrets: one that the site has already, else one with a new password.

    A new password goes into an absent slot only: who uses the others can't be known. Nothing is minted before the
    cluster has said that it would take the secrets.

    Args:
        gateways: The outside world.
        site: The site.
        facts: What was observed of it.
        missing: The pull secrets to be written, as (namespace, name).

    Raises:
        PermanentError: There is no client token that could be meant, or both of its slots are taken.
    """
    for (namespace, name), present in facts.pull_secrets.items():
        found = await gateways.kubernetes.login(site, namespace, name) if present else None
        if found:
            return found
    token_id = client_token_id(site, facts)
    token = await gateways.registries.token(site.registry_ref, token_id, max_age=0)
    slot = credentials.absent_slot(token)
    if slot is None:
        raise PermanentError(
            Reason.CLIENT_TOKEN,
            f"both passwords of client token {token.name} are taken, and none is replaced while somebody may use it",
            f"create the pull secret yourself, or give the site a clientToken of its own: az acr token create "
            f"--registry {site.registry} …",
        )
    rehearsed = Login(token.name, Secret("to-be-generated"))
    for namespace, name in missing:
        await gateways.kubernetes.put_login(site, namespace, name, rehearsed, dry_run=True)
    minted = await gateways.registries.generate_password(site.registry_ref, token_id, slot)
    return Login(token.name, minted.password)


async def write_pull_secrets(gateways: Gateways, site: Site, missing: Sequence[tuple[str, str]], login: Login) -> None:
    """Write a login for the site's address into pull secrets, given as (namespace, name)."""
    for namespace, name in missing:
        await gateways.kubernetes.put_login(site, namespace, name, login)


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
