"""Minting: every password is generated here, written down first, and no more often than can be answered for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from arcfleet.core.fleet.manifest import Site
from arcfleet.core.names import last_segment
from arcfleet.core.passwords.credentials import ATTEMPT, Minted
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.reasons import Reason
from arcfleet.errors import OutcomeUnknownError, PermanentError
from arcfleet.ports import Gateways

PAUSE, LONGEST_PAUSE = 10.0, 300.0
"""Seconds between a lost answer and the second request: what the service asks for, within these."""


async def mint(
    gateways: Gateways, site: Site, token_id: str, key: str, entry: Entry, *, expires: datetime | None
) -> tuple[Minted, Entry]:
    """Generate a password into an entry's slot, which nobody uses, and return it with the entry that it has now.

    The journal has the slot before the password exists, so that a run which is killed here leaves no doubt. Where the
    answer is lost, the journal has that too, and the slot is filled once more: whatever it holds, nobody was given it.

    Args:
        gateways: The outside world.
        site: Whose cloud registry the token is of.
        token_id: The token's ARM id.
        key: The journal's key of the token.
        entry: What is intended.
        expires: When the password is to end; None for never.

    Raises:
        PermanentError: `outcome_unknown`: twice no usable answer, within this attempt and the one before.
    """
    known = await gateways.journal.read(key)
    second = known is not None and known.is_lost(entry.slot) and entry.at - known.at < ATTEMPT
    entry = replace(entry, phase=Phase.UNKNOWN) if second else entry
    await gateways.journal.write(key, entry)

    async def lost() -> None:
        await gateways.journal.write(key, entry.to(Phase.UNKNOWN, await gateways.registries.service_time()))

    made = await generate(gateways, site, token_id, entry.slot, expires, lost=lost, tries=1 if second else 2)
    return made, replace(entry, phase=Phase.INTENDED, created=made.created)


async def generate(
    gateways: Gateways,
    site: Site,
    token_id: str,
    slot: str,
    expires: datetime | None,
    *,
    lost: Callable[[], Awaitable[None]],
    tries: int = 2,
) -> Minted:
    """Generate a password into a slot, so many times until it is known what became of it.

    Raises:
        PermanentError: It is known of none.
    """
    while True:
        try:
            return await gateways.registries.generate_password(site.registry_ref, token_id, slot, expires=expires)
        except OutcomeUnknownError as error:
            await lost()
            tries -= 1
            if not tries:
                raise _unknown(error, last_segment(token_id), slot) from None
            await gateways.clock.sleep(min(max(error.retry_after or 0.0, PAUSE), LONGEST_PAUSE))


def _unknown(error: OutcomeUnknownError, token: str, slot: str) -> PermanentError:
    return PermanentError(
        Reason.OUTCOME_UNKNOWN,
        f"whether {slot} of token {token} was generated is not known, twice: {error.message}",
        "nobody uses that slot, so no site is cut off: find out why Azure's answers don't arrive (proxy, firewall, "
        "its status page), then run the same command again; it goes on with that slot",
        error.evidence,
    )
