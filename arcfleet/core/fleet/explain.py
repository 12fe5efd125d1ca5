"""Where every effective value of a site comes from: a file's line, or a default of arcfleet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from arcfleet.core.durations import duration_text
from arcfleet.core.fleet.fields import Model
from arcfleet.core.fleet.folder import Sources
from arcfleet.core.fleet.inventory import Layer
from arcfleet.core.fleet.layers import Draft, holds
from arcfleet.core.fleet.manifest import Site, SiteEntry
from arcfleet.core.fleet.source import show
from arcfleet.core.leaks import Path

DEFAULT = "default of arcfleet"


@dataclass(frozen=True, slots=True)
class Explained:
    """One effective value of a site."""

    path: Path
    """In the file's spelling, for example `("timeouts", "sync")`."""
    value: Any
    """As plain YAML has it; None where there is no value."""
    source: str
    """The layer that it comes from: `defaults`, `groups[1]`, `sites[3]`, `sitesFrom[0]`, or `default of arcfleet`."""
    place: str
    """`name:line:column`; empty for a default of arcfleet."""
    deleted: bool = False
    """A null at that place deleted what a layer below had given; the value is arcfleet's default, if there is one."""

    @property
    def key(self) -> str:
        """The path as people write it."""
        return show(self.path)


def explain(draft: Draft, site: Site, sources: Sources) -> tuple[Explained, ...]:
    """Return every effective value of a site with its origin, in the order of the models' keys.

    Args:
        draft: What the site was made of.
        site: The site.
        sources: Where its values are written.
    """
    traced = trace(draft.layers)
    lines = [_origin(path, value, traced, sources) for path, value in _leaves(site)]
    for path, place in traced.gone.items():
        if not any(line.path[: len(path)] == path for line in lines):
            after = [number for number, line in enumerate(lines) if line.path[: len(path) - 1] == path[:-1]]
            told = Explained(path, None, _source(place, sources), sources.place((*place, *path)), deleted=True)
            lines.insert(after[-1] + 1 if after else len(lines), told)
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class Trace:
    """What a merge of layers has left, by path; a list is one value."""

    layers: Mapping[Path, Mapping[str, Any]]
    held: Mapping[Path, Path]
    """Path of a value -> the place of the layer that holds it."""
    gone: Mapping[Path, Path]
    """Path of what is not there any more -> the place of the layer whose null deleted it."""


def trace(layers: Sequence[Layer]) -> Trace:
    """Follow a merge of layers, lowest first."""
    held: dict[Path, Path] = {}
    gone: dict[Path, Path] = {}

    def clear(table: dict[Path, Path], path: Path) -> bool:
        below = [key for key in table if key[: len(path)] == path]
        for key in below:
            del table[key]
        return bool(below)

    def lay(place: Path, path: Path, value: Any) -> None:
        if value is None:
            if clear(held, path):
                clear(gone, path)
                gone[path] = place
        elif isinstance(value, Mapping) and value:
            held.pop(path, None)
            for key, below in value.items():
                lay(place, (*path, key), below)
        else:
            clear(held, path)
            clear(gone, path)
            held[path] = place

    for place, layer in layers:
        for key, value in layer.items():
            lay(place, (key,), value)
    return Trace(dict(layers), held, gone)


def _origin(path: Path, value: Any, traced: Trace, sources: Sources) -> Explained:
    place = _nearest(traced.held, path)
    if place is not None and holds(traced.layers[place], path):
        return Explained(path, value, _source(place, sources), sources.place((*place, *path)))
    place = _nearest(traced.gone, path)
    if place is not None:
        return Explained(path, value, _source(place, sources), sources.place((*place, *path)), deleted=True)
    return Explained(path, value, DEFAULT, "")


def _nearest(table: Mapping[Path, Path], path: Path) -> Path | None:
    return next((table[path[:end]] for end in range(len(path), 0, -1) if path[:end] in table), None)


def _source(place: Path, sources: Sources) -> str:
    own = sources.locate(place)[1]
    return show(own[:2]) if len(own) > 1 and isinstance(own[1], int) else show(own[:1])


def _leaves(site: Site) -> Iterator[tuple[Path, Any]]:
    for name, field in SiteEntry.model_fields.items():
        yield from _below((field.alias or name,), getattr(site, name))


def _below(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """Yield the single values of a value, empty maps and lists as themselves."""
    if isinstance(value, Model):
        for name, field in type(value).model_fields.items():
            yield from _below((*path, field.alias or name), getattr(value, name))
    elif isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _below((*path, key), below)
    elif isinstance(value, tuple) and value:
        for index, below in enumerate(value):
            yield from _below((*path, index), below)
    else:
        yield path, _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, tuple):
        return []
    return {} if isinstance(value, Mapping) else value
