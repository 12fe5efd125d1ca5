"""The user's own passwords for pull secrets: an environment variable, a file, or a block of Prefect's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.core.site_parts import PullSecretFrom
from arcfleet.errors import PermanentError

Blocks = Callable[[str], Awaitable[Secret]]
"""Returns the value of a Prefect Secret block, by its name."""


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
            return _of_environment(source.env)
        if source.file:
            return await asyncio.to_thread(_of_file, source.file)
        if source.prefect_secret and self._blocks:
            return await self._blocks(source.prefect_secret)
        return None


def _of_environment(name: str) -> Secret:
    value = os.environ.get(name)
    if not value:
        raise PermanentError(
            Reason.PULL_PASSWORD,
            f"environment variable {name}, for the pull secret's password, is not set or empty",
            f"set {name} where arcfleet runs",
        )
    return Secret(value)


def _of_file(name: str) -> Secret:
    remedy = "write the password, and nothing else, into that file"
    try:
        value = Path(name).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError) as error:
        # Not the error's text: one of decoding quotes what it read.
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise PermanentError(
            Reason.PULL_PASSWORD, f"file {name}, for the pull secret's password, can't be read: {why}", remedy
        ) from None
    if not value:
        raise PermanentError(Reason.PULL_PASSWORD, f"file {name}, for the pull secret's password, is empty", remedy)
    return Secret(value)
