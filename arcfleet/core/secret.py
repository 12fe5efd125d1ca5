"""A value that nothing prints, formats, pickles or serialises by accident."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Text that only `reveal()` gives away.

    Unlike pydantic's SecretStr it also refuses to be pickled, so that no result store and no process
    boundary ever receives it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text. Call it only where the value leaves for its destination."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret stays in the memory of the process that made it")
