"""The user's own passwords for pull secrets: an environment variable, a file, or a block of Prefect's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from arcfleet.core.fleet.site_parts import PullSecretFrom
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError

Blocks = Callable[[str], Awaitable[Secret]]
"""Returns the value of a Prefect Secret block, by its name."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a password is for, in the words of a message, and the reason of a finding where it can't be read."""

    words: str
    reason: Reason


PULL_SECRET = Use("the pull secret's password", Reason.PULL_PASSWORD)


class OwnPasswords:
    """`ports.Passwords`.

    Args:
        blocks: Reads Prefect Secret blocks; None where there is no Prefect: their values then can't be told.
    """

    def __init__(self, blocks: Blocks | None = None) -> None:
        self._blocks = blocks

    async def read(self, source: PullSecretFrom) -> Secret | None:
        """Return the password that a source holds now."""
        if source.env:
            return of_environment(source.env)
        if source.file:
            return await asyncio.to_thread(of_file, source.file)
        if source.prefect_secret and self._blocks:
            return await self._blocks(source.prefect_secret)
        return None


def of_environment(name: str, use: Use = PULL_SECRET) -> Secret:
    """Return the password that an environment variable holds.

    Raises:
        PermanentError: It holds none.
    """
    value = os.environ.get(name)
    if not value:
        message = f"environment variable {name}, for {use.words}, is not set or empty"
        raise PermanentError(use.reason, message, f"set {name} where arcfleet runs")
    return Secret(value)


def of_file(name: str, use: Use = PULL_SECRET) -> Secret:
    """Return the password that a file holds, without the newline at its end.

    Raises:
        PermanentError: It can't be read, or holds none.
    """
    remedy = "write the password, and nothing else, into that file"
    try:
        value = Path(name).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError) as error:
        # Not the error's text: one of decoding quotes what it read.
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise PermanentError(use.reason, f"file {name}, for {use.words}, can't be read: {why}", remedy) from None
    if not value:
        raise PermanentError(use.reason, f"file {name}, for {use.words}, is empty", remedy)
    return Secret(value)
