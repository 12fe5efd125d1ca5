"""Reading YAML files: text to plain values, with the line and column of every one of them.

The safe subset of YAML only: no tags beyond the standard ones, no duplicate keys, no anchors, so that a small file
can't grow to a large value. Dates stay text. Every limit is met while the file is read, at a place that can be told;
libyaml does the scanning where PyYAML brings it (20 times faster than PyYAML's own scanner), with the same refusals.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml
from yaml.constructor import SafeConstructor
from yaml.reader import Reader
from yaml.resolver import Resolver

from arcfleet.core import leaks
from arcfleet.core.leaks import is_secret, quote
from arcfleet.errors import ManifestError

Path = leaks.Path
MAX_BYTES = 5_000_000
MAX_VALUES = 200_000
"""Keys, values, lists and maps of a file; a fleet of 500 sites has about 25,000."""
MAX_DEPTH = 50
MAX_KEYS = 1000
"""Of one map."""
MAX_DOCUMENTS = 1000
LONGEST_NUMBER = 100
"""Characters; a longer one can only be meant to be text, or to keep a converter busy."""

Mark = tuple[int, int, Any]
"""Line, column, and the marks of what is inside: a dict, a list, or None."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file's values and where they stand."""

    name: str
    value: Any
    mark: Mark | None = None
    size: int = 0
    """How many keys and values it holds."""

    def place(self, path: Path) -> str:
        """Return `name:line:column` of a path, or of its nearest parent that is written in the file."""
        if self.mark is None:
            return self.name
        here = self.mark
        for part in path:
            try:
                here = here[2][part]
            except (KeyError, IndexError, TypeError):
                break
        return f"{self.name}:{here[0]}:{here[1]}"

    def problem(self, path: Path, message: str) -> str:
        """Return one line of a problem list: place, path, message."""
        return f"{self.place(path)}  {show(path)}  {message}"


def show(path: Path) -> str:
    """Return a path as people write it, for example `sites[3].clusterIP`."""
    text = ""
    for part in path:
        word = _word(str(part))
        text += f"[{word}]" if isinstance(part, int) else f".{word}" if text else word
    return text


def _word(key: str) -> str:
    plain = key.isprintable() and len(key) <= LONGEST_NUMBER and not is_secret(key)
    return key if plain else quote(key)


def read(text: str, name: str, *, max_values: int = MAX_VALUES) -> Document:
    """Parse a file of one document.

    Args:
        text: The file's content.
        name: Its name, for messages.
        max_values: How many keys and values it may hold.

    Raises:
        ManifestError: It is no YAML of the kind accepted here, or not one document; says where.
    """
    reading = _Reading(text, name, max_values)
    document = reading.document()
    if document is None:
        raise ManifestError((f"{name}:1:1  the file is empty",))
    if reading.has_more():
        reading.refuse(reading.event, "the file holds more than one document")
    return document


def read_all(text: str, name: str) -> tuple[Document, ...]:
    """Parse a file of any number of documents, as `read` does with one."""
    reading = _Reading(text, name, MAX_VALUES)
    documents = []
    while document := reading.document():
        documents.append(document)
        if len(documents) > MAX_DOCUMENTS:
            reading.refuse(reading.event, f"the file holds more than {MAX_DOCUMENTS} documents")
    return tuple(documents)


_STR, _PREFIX = "tag:yaml.org,2002:str", "tag:yaml.org,2002:"
_SCALARS = frozenset(f"{_PREFIX}{kind}" for kind in ("null", "bool", "int", "float", "str"))


class _Scalars(SafeConstructor, Resolver):
    """What a scalar means, without timestamps: a date in a label stays text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _SCALARS]
        for first, resolvers in Resolver.yaml_implicit_resolvers.items()
    }

    def __init__(self) -> None:
        SafeConstructor.__init__(self)
        Resolver.__init__(self)


_NUMBER = re.compile(r"[-+0-9_.:eE]+")
"""What any of YAML's numbers of base ten or sixty is made of."""
_SCALAR = _Scalars()
_SCANNER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Reading:
    """One pass over a file's events."""

    def __init__(self, text: str, name: str, max_values: int) -> None:
        self.name = name
        self.event: Any = None
        self._left = self._limit = max_values
        text = text.removeprefix("\ufeff")
        if len(text) > MAX_BYTES:
            raise ManifestError((f"{name}  the file is larger than {MAX_BYTES // 1_000_000} MB",))
        wrong = Reader.NON_PRINTABLE.search(text)
        if wrong:
            line, column = _line_and_column(text, wrong.start())
            character = f"U+{ord(wrong.group()):04X}"
            raise ManifestError((f"{name}:{line}:{column}  the character {character} is not accepted in YAML",))
        self._text, self._scanner = text, _SCANNER(text)
        self._next()

    def document(self) -> Document | None:
        """Return the next document; None where there is none."""
        if not self.has_more():
            return None
        before = self._left
        self._next()
        value, mark = self._node(0)
        self._next()
        return Document(self.name, value, mark, before - self._left)

    def has_more(self) -> bool:
        """Tell whether another document begins."""
        while not isinstance(self.event, yaml.DocumentStartEvent | yaml.StreamEndEvent):
            self._next()
        return isinstance(self.event, yaml.DocumentStartEvent)

    def refuse(self, event: Any, problem: str) -> NoReturn:
        """Raise ManifestError at an event's place."""
        mark = event.start_mark
        raise ManifestError((f"{self.name}:{mark.line + 1}:{mark.column + 1}  {problem}",))

    def _next(self) -> Any:
        try:
            self.event = self._scanner.get_event()
        except yaml.MarkedYAMLError as error:
            mark: Any = error.problem_mark or error.context_mark
            problem = error.problem or "is no YAML"
            if self._text[mark.index : mark.index + 1] == "\t":
                problem = "YAML is indented with spaces, not tabs"
            elif "cannot start any token" in problem:
                problem = "quote what begins with this character"
            raise ManifestError((f"{self.name}:{mark.line + 1}:{mark.column + 1}  {problem}",)) from None
        return self.event

    def _node(self, depth: int) -> tuple[Any, Mark]:
        """Return the value that the present event begins, and its mark."""
        event: Any = self.event
        self._left -= 1
        if self._left < 0:
            self.refuse(event, f"the file holds more than {self._limit:,} keys and values: that is no fleet of one run")
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            self.refuse(event, "anchors and aliases are not accepted: use defaults")
        start = event.start_mark
        line, column = start.line + 1, start.column + 1
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event), (line, column, None)
        kind = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
        if event.tag not in {None, "!", f"{_PREFIX}{kind}"}:
            self.refuse(event, f"the tag {quote(event.tag)} is not accepted here")
        if depth == MAX_DEPTH:
            self.refuse(event, f"the file nests deeper than {MAX_DEPTH} levels")
        value, marks = self._map(depth + 1) if kind == "map" else self._list(depth + 1)
        return value, (line, column, marks)

    def _list(self, depth: int) -> tuple[list[Any], list[Mark]]:
        values, marks = [], []
        while not isinstance(self._next(), yaml.SequenceEndEvent):
            value, mark = self._node(depth)
            values.append(value)
            marks.append(mark)
        return values, marks

    def _map(self, depth: int) -> tuple[dict[str, Any], dict[str, Mark]]:
        values: dict[str, Any] = {}
        marks: dict[str, Mark] = {}
        while not isinstance(self._next(), yaml.MappingEndEvent):
            event: Any = self.event
            key = self._key(event)
            if key in values:
                self.refuse(event, f"{_word(key)}  the key is given twice")
            if len(values) == MAX_KEYS:
                self.refuse(event, f"the map holds more than {MAX_KEYS} keys")
            self._next()
            values[key], marks[key] = self._node(depth)
        return values, marks

    def _key(self, event: Any) -> str:
        """Return a key: the text as it is written, whatever YAML would make of it."""
        if not isinstance(event, yaml.ScalarEvent):
            if isinstance(event, yaml.AliasEvent):
                self.refuse(event, "anchors and aliases are not accepted: use defaults")
            self.refuse(event, "a key must be text")
        if event.anchor:
            self.refuse(event, "anchors and aliases are not accepted: use defaults")
        self._left -= 1
        return str(event.value)

    def _scalar(self, event: Any) -> Any:
        """Return a scalar's value."""
        tag, text = event.tag, event.value
        if len(text) > LONGEST_NUMBER and event.implicit[0]:
            if _NUMBER.fullmatch(text):
                self.refuse(event, f"{quote(text)} is no number: quote it if it is text")
            return text
        if tag is None or tag == "!":
            tag = _SCALAR.resolve(yaml.ScalarNode, text, event.implicit)  # type: ignore[no-untyped-call]
        if tag == _STR:
            return text
        if tag not in _SCALARS:
            self.refuse(event, f"the tag {quote(tag)} is not accepted here")
        kind = tag.removeprefix(_PREFIX)
        try:
            return _meaning(tag, text)
        except (ValueError, KeyError, OverflowError):
            self.refuse(event, f"{quote(text)} is no {kind}: quote it if it is text")


def _meaning(tag: str, text: str) -> Any:
    """Return what a scalar of a tag means.

    Raises:
        ValueError, KeyError, OverflowError: It means nothing; PyYAML has no one error for that.
    """
    value = _SCALAR.yaml_constructors[tag](_SCALAR, yaml.ScalarNode(tag, text))
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError
    return value


def _line_and_column(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - before.rfind("\n")
