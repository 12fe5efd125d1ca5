"""Which passwords of a token are ours, by what the journal says of it."""

from __future__ import annotations

from arcfleet.core.facts import TokenFacts
from arcfleet.core.passwords.credentials import other_slot
from arcfleet.core.passwords.journal import Entry
from arcfleet.core.passwords.rotation import password


def own_slots(token: TokenFacts, entry: Entry | None) -> tuple[str, ...]:
    """Return the slots of a token whose passwords arcfleet made, or is to end since it replaced them.

    A slot that somebody else has made anew since is theirs.
    """
    if entry is None:
        return ()
    made, other = password(token, entry.slot), password(token, other_slot(entry.slot))
    found = []
    if made and made.created and made.created == entry.created:
        found.append(made.name)
    if other and other.created and (other.created == entry.retired or (entry.retiring and other.created <= entry.at)):
        found.append(other.name)
    return tuple(sorted(found))
