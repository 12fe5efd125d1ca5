"""A fleet's file, or the files of a folder as one: their values joined, and where each of them is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from arcfleet.core.fleet.source import Document, Path, show
from arcfleet.errors import ManifestError

LISTS = ("registries", "groups", "sites", "sitesFrom")
"""Keys whose lists are joined, in the order of the files' names. Any other key may be given in one file only."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a fleet's files hold together."""

    value: Any
    main: Document
    """The file for what is written nowhere."""
    origins: Mapping[Path, tuple[Document, Path]] = field(default_factory=dict)
    """Path of a joined value -> its file and its path in there; empty where there is one file."""

    def locate(self, path: Path) -> tuple[Document, Path]:
        """Return the file that a path is written in, and the path in that file."""
        for end in (2, 1):
            if path[:end] in self.origins:
                document, start = self.origins[path[:end]]
                return document, (*start, *path[end:])
        return self.main, path

    def place(self, path: Path) -> str:
        """Return `name:line:column` of a path, or of its nearest parent that is written."""
        document, own = self.locate(path)
        return document.place(own)

    def show(self, path: Path) -> str:
        """Return a path as people write it, counted in its own file."""
        return show(self.locate(path)[1])

    def problem(self, path: Path, message: str) -> str:
        """Return one line of a problem list: place, path, message."""
        document, own = self.locate(path)
        return document.problem(own, message)


def join(documents: Sequence[Document]) -> Sources:
    """Return the files of a fleet as one; a single file as it is.

    Args:
        documents: At least one, in the order of their names.

    Raises:
        ManifestError: A file holds no map, or one holds what another has given.
    """
    if len(documents) == 1:
        return Sources(documents[0].value, documents[0])
    value: dict[str, Any] = {}
    origins: dict[Path, tuple[Document, Path]] = {}
    problems: list[str] = []
    for document in documents:
        if not isinstance(document.value, dict) or "kind" in document.value:
            problems.append(document.problem((), "is no part of a fleet: keep workload manifests in another folder"))
            continue
        for key, given in document.value.items():
            problems += _add(value, origins, document, key, given)
    if problems:
        raise ManifestError(tuple(problems))
    main, _ = origins.get(("apiVersion",)) or origins.get(("metadata",)) or (documents[0], ())
    return Sources(value, main, origins)


def _add(
    value: dict[str, Any], origins: dict[Path, tuple[Document, Path]], document: Document, key: str, given: Any
) -> list[str]:
    """Add one key of a file; return what speaks against it."""
    if key in LISTS:
        if not isinstance(given, list):
            return [document.problem((key,), "should be a list")]
        items = value.setdefault(key, [])
        for index, item in enumerate(given):
            origins[key, len(items)] = (document, (key, index))
            items.append(item)
        origins.setdefault((key,), (document, (key,)))
        return []
    if key in value:
        return [document.problem((key,), f"is given in {origins[key,][0].name} already")]
    value[key] = given
    origins[key,] = (document, (key,))
    return []
