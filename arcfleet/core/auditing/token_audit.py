"""What of a site's sync token and client tokens is not as it must be. No value of a password is ever seen.

Azure keeps when a password was made, but not by whom: a token's `systemData` does not move with its passwords.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from arcfleet.core.differences import MISSING, Difference, Kind
from arcfleet.core.facts import UNTRACED, RegistryContents, SiteFacts, TokenFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import last_segment
from arcfleet.core.passwords.credentials import MARGIN
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.planning import ensure


@dataclass(frozen=True, slots=True)
class Tokens:
    """What tokens are judged by."""

    contents: RegistryContents
    """What the cloud registry holds."""
    now: datetime
    """The service's time."""
    entry: Entry | None = None
    """What the journal says of the sync token; None where it says nothing, or can't be read here."""


def differences(site: Site, facts: SiteFacts, seen: Tokens, *, needs_client: bool) -> tuple[Difference, ...]:
    """Return what of the tokens differs.

    Args:
        site: The site.
        facts: What was observed of it.
        seen: The tokens.
        needs_client: The site has workloads that pull.
    """
    client = tuple(_client(site, facts, seen)) if needs_client else ()
    return (*_sync(site, facts, seen), *client)


def _sync(site: Site, facts: SiteFacts, seen: Tokens) -> Iterator[Difference]:
    cr = facts.connected_registry
    if cr.uses_managed_identity:
        return
    token = seen.contents.tokens.get(last_segment(cr.sync_token_id).lower())
    if token is None:
        if not site.ensure:
            name, remedy = last_segment(cr.sync_token_id), f"az acr token create --registry {site.registry} …"
            yield Difference(Kind.SYNC_TOKEN, f"sync token {name}", MISSING, remedy=remedy)
        return
    subject = f"sync token {token.name}"
    yield from _disabled(site, token, Kind.SYNC_TOKEN, subject)
    if facts.extension is None:
        return  # Nothing uses a password yet.
    if not _valid(token, seen.now):
        remedy = "" if facts.refusal else f"arcfleet rotate FLEET --site {site.name} --now"
        yield Difference(Kind.SYNC_TOKEN, subject, "no password that is valid", "one that is", UNTRACED, remedy)
    else:
        yield from _replaced(site, facts, token, seen)


def _replaced(site: Site, facts: SiteFacts, token: TokenFacts, seen: Tokens) -> Iterator[Difference]:
    """Yield the password that the extension was given, where it is no more: another was made in its slot since.

    The journal knows which slot that was. Without it, it is certain only where no slot holds a password that is as old
    as the extension's last change.
    """
    changed = facts.extension.last_modified if facts.extension else None
    if changed is None:
        return
    entry, made = seen.entry, {password.name: password.created for password in token.passwords}
    if entry and entry.phase in {Phase.DELIVERED, Phase.VERIFIED}:
        now = made.get(entry.slot)
        gone = now != entry.created and not (now and now < changed)
        slot = entry.slot
    else:
        now = max((created for created in made.values() if created), default=None)
        gone = bool(made) and all(created and created > changed + MARGIN for created in made.values())
        slot = "passwords" if len(made) > 1 else next(iter(made), "")
    if gone:
        found = f"made anew {now:%Y-%m-%d %H:%MZ}" if now else "removed"
        remedy = "" if facts.refusal else f"arcfleet rotate FLEET --site {site.name} --now"
        what = f"sync token {token.name}: {slot}"
        yield Difference(Kind.SYNC_TOKEN, what, found, "what the extension was given", UNTRACED, remedy)


def _client(site: Site, facts: SiteFacts, seen: Tokens) -> Iterator[Difference]:
    cr = facts.connected_registry
    if site.pull_secret_from and site.pull_secret_from.existing:
        return  # Whose login that is, is others' to say.
    assigned = {last_segment(token_id).lower(): last_segment(token_id) for token_id in cr.client_token_ids}
    own = site.pull_secret_from.username if site.pull_secret_from else site.client_token
    names = [own] if own else [ensure.client_token(site, cr)] if site.ensure else list(assigned.values())
    add = f"az acr connected-registry update --registry {site.registry} --name {cr.name} --add-client-tokens"
    if not names:
        yield Difference(Kind.CLIENT_TOKEN, "client token", "none assigned", "one", cr.trace, f"{add} …")
    for name in filter(None, names):
        token, subject = seen.contents.tokens.get(name.lower()), f"client token {name}"
        if name.lower() not in assigned and not site.ensure:
            yield Difference(Kind.CLIENT_TOKEN, subject, "not assigned", "assigned", cr.trace, f"{add} {name}")
        if token is None:
            if not site.ensure:
                remedy = f"az acr token create --registry {site.registry} --name {name} …"
                yield Difference(Kind.CLIENT_TOKEN, subject, MISSING, remedy=remedy)
            continue
        yield from _disabled(site, token, Kind.CLIENT_TOKEN, subject)
        if any(facts.pull_secrets.values()) and not _valid(token, seen.now):
            remedy = f"arcfleet rotate FLEET --site {site.name} --now"
            yield Difference(Kind.CLIENT_TOKEN, subject, "no password that is valid", "one that is", UNTRACED, remedy)


def _disabled(site: Site, token: TokenFacts, kind: Kind, subject: str) -> Iterator[Difference]:
    if token.status.lower() == "disabled":
        # Somebody meant it, so it is not for a program to enable it again.
        remedy = f"az acr token update --registry {site.registry} --name {token.name} --status enabled"
        yield Difference(kind, subject, "disabled", "enabled", token.trace, remedy)


def _valid(token: TokenFacts, now: datetime) -> bool:
    return any(password.expires is None or password.expires > now for password in token.passwords)
