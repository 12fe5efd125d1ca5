"""What is wrong with a fleet's files: pydantic's errors in the operator's words, in a list that never gets too long."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from arcfleet.core.fleet import manifest
from arcfleet.core.fleet.fields import LONGEST_TEXT, Model
from arcfleet.core.leaks import Path, quote
from arcfleet.errors import ManifestError

SHOWN = 100
"""Problems that are listed; nobody reads more at once."""
ENOUGH = 5000
"""Problems, repeated ones counted too, after which a file is not looked at any further."""
_WORDS = {
    "missing": "is missing",
    "dict_type": "should be a map of keys and values",
    "mapping_type": "should be a map of keys and values",
    "model_type": "should be a map of keys and values",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "string_too_short": "is empty",
    "string_too_long": f"is too long: {LONGEST_TEXT:,} characters at most",
}
"""pydantic's types of errors -> what they mean here; it words the others well enough."""


class Problems:
    """Problems as they are found, each kept once, in order."""

    def __init__(self) -> None:
        self._lines: dict[str, None] = {}
        self._seen = 0

    @property
    def enough(self) -> bool:
        """Whether looking on would help nobody."""
        return self._seen >= ENOUGH

    @property
    def listed(self) -> bool:
        """Whether as many are found as are listed."""
        return len(self._lines) >= SHOWN

    def add(self, *lines: str) -> None:
        """Add lines of the form `fleet.yaml:14:16  sites[1].clusterIP  what is wrong`."""
        self._seen += len(lines)
        self._lines.update(dict.fromkeys(lines))

    def raise_any(self) -> None:
        """Raise ManifestError with the first problems, if there are any."""
        if self._lines:
            lines = list(self._lines)
            raise ManifestError(tuple(lines[:SHOWN]), more=len(lines[SHOWN:]))


def told(error: ValidationError, *, suggest: bool = True) -> Iterable[tuple[Path, str]]:
    """Yield where each of pydantic's errors is, and what is wrong there; at most `ENOUGH`.

    Args:
        error: The errors of one validation.
        suggest: Look for a key that an unknown one may be meant to be, which takes a while.
    """
    for detail in error.errors(include_url=False, include_context=False)[:ENOUGH]:
        # A key that is wrong by itself is told at its own place.
        yield tuple(part for part in detail["loc"] if part != "[key]"), _message(detail, suggest)


def _message(detail: ErrorDetails, suggest: bool) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return f"is no key that arcfleet knows{_meant(str(detail['loc'][-1])) if suggest else ''}"
    if kind == "string_type":
        return _no_text(detail["input"])
    return _WORDS.get(kind) or detail["msg"].removeprefix("Value error, ").replace("Input should", "should")


def _no_text(given: Any) -> str:
    """Return the remedy for a value that should be text: YAML takes much for numbers and booleans."""
    if given is None:
        return "is empty"
    if isinstance(given, bool):
        return f"YAML reads this as the boolean {str(given).lower()}: put it in quotes"
    if isinstance(given, int | float):
        return f"YAML reads this as the number {quote(given)}: put it in quotes"
    return "should be text"


def _meant(key: str) -> str:
    # The key itself may be one of another place.
    near = [name for name in difflib.get_close_matches(key, _keys(), 2) if name != key] if len(key) <= 40 else []
    return f"; did you mean {near[0]}?" if near else ""


@cache
def _keys() -> tuple[str, ...]:
    """Return all keys of the file's models, in the same order in every process."""
    models: list[type[Model]] = [getattr(manifest, name) for name in manifest.__all__ if name not in {"Fleet", "Site"}]
    return tuple(sorted({field.alias or "" for model in models for field in model.model_fields.values()}))
