"""A value that nothing prints, formats, pickles or serialises by accident."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn


class Secret:
    """Text that only `reveal()` gives away.

    Unlike pydantic's SecretStr it refuses to be pickled or copied, so that no result store and no process boundary ever
    receives it. The text is held by a closure and not by an attribute: what walks through attributes (`__getstate__`,
    `inspect.getmembers`, serialisers that know slots) meets a function. Two secrets are equal only if they are the same
    object, so that no comparison's time tells anything about the text.
    """

    __slots__ = ("_give",)

    def __init__(self, text: str) -> None:
        self._give: Callable[[], str] = lambda: text

    def reveal(self) -> str:
        """Return the text. Call it only where the value leaves for its destination."""
        return self._give()

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._give())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret stays in the memory of the process that made it")
