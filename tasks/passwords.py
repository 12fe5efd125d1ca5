"""The user's own passwords in Prefect Secret blocks."""

from __future__ import annotations

from typing import Any

from prefect.blocks.system import Secret as SecretBlock

from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError
from arcfleet.gateways.passwords import PULL_SECRET, Use
from tasks.server import translated


async def block(name: str, use: Use = PULL_SECRET) -> Secret:
    """Return the value of a Prefect Secret block.

    Raises:
        PermanentError: There is no such block, or it holds no text.
    """
    try:
        with translated(f"block {name}"):
            found: Any = await SecretBlock.aload(name, validate=False)
    except ValueError:
        raise PermanentError(
            use.reason,
            f"Prefect has no Secret block {name}, for {use.words}",
            f"create a block of type Secret with the name {name} in Prefect's UI",
        ) from None
    value = found.get()
    if not isinstance(value, str) or not value:
        raise PermanentError(
            use.reason,
            f"Prefect's Secret block {name} holds no text, for {use.words}",
            "put the password into it",
        )
    return Secret(value)
