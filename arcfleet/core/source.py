"""Reading a fleet file: YAML text to plain values, with the line and column of every one of them.

The safe subset of YAML only: no tags beyond the standard ones, no duplicate keys, no anchors, so that a small file
can't grow to a large value. Dates stay text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from arcfleet.errors import ManifestError

MAX_BYTES = 5_000_000
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A fleet file's values and where they stand."""

    name: str
    value: Any
    marks: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Path) -> str:
        """Return `name:line:column` of a path, or of its nearest parent that is written in the file."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.marks:
                line, column = self.marks[path[:end]]
                return f"{self.name}:{line}:{column}"
        return self.name

    def problem(self, path: Path, message: str) -> str:
        """Return one line of a problem list: place, path, message."""
        return f"{self.place(path)}  {show(path)}  {message}"


def show(path: Path) -> str:
    """Return a path as people write it, for example `sites[3].clusterIP`."""
    text = ""
    for part in path:
        word = str(part) if str(part).isprintable() else repr(part)
        text += f"[{word}]" if isinstance(part, int) else f".{word}" if text else word
    return text


_SCALARS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str"))
_TAGS = {
    yaml.ScalarNode: _SCALARS,
    yaml.SequenceNode: frozenset({"tag:yaml.org,2002:seq"}),
    yaml.MappingNode: frozenset({"tag:yaml.org,2002:map"}),
}


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses anchors as it meets them, and without timestamps: a date in a label stays text."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it untyped.
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise _refusal(event, "anchors and aliases are not accepted: use defaults")
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in resolvers if tag in _SCALARS]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str, name: str) -> Document:
    """Parse a fleet file.

    Args:
        text: The file's content.
        name: Its name, for messages.

    Raises:
        ManifestError: It is no YAML of the kind accepted here, or not one document; says where.
    """
    documents = read_all(text, name)
    if not documents:
        raise ManifestError((f"{name}:1:1  the file is empty",))
    if len(documents) > 1:
        raise ManifestError((f"{documents[1].place(())}  the file holds more than one document",))
    return documents[0]


def read_all(text: str, name: str) -> tuple[Document, ...]:
    """Parse a file of any number of documents, as `read` does with one."""
    if len(text) > MAX_BYTES:
        raise ManifestError((f"{name}  the file is larger than {MAX_BYTES // 1_000_000} MB",))
    documents = []
    try:
        loader = _Loader(text)
        while loader.check_node():
            node, document = loader.get_node(), Document(name, None)
            assert node is not None  # check_node has said so
            value = _construct(loader, node, (), document)
            documents.append(Document(name, value, document.marks))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ManifestError((f"{place}  {error.problem}",)) from None
    except yaml.YAMLError as error:
        raise ManifestError((f"{name}  {str(error).splitlines()[0]}",)) from None
    except RecursionError:
        raise ManifestError((f"{name}  the file nests too deeply",)) from None
    return tuple(documents)


def _refusal(what: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=what.start_mark)


def _construct(loader: yaml.SafeLoader, node: yaml.Node, path: Path, document: Document) -> Any:
    document.marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if node.tag not in _TAGS[type(node)]:
        raise _refusal(node, f"the tag {node.tag} is not accepted here")
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(loader, item, (*path, i), document) for i, item in enumerate(node.value)]
    try:
        return loader.construct_object(node)
    except (ValueError, KeyError):
        kind = node.tag.rpartition(":")[2]
        raise _refusal(node, f"{node.value[:40]!r} is no {kind}: quote it if it is text") from None


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode, path: Path, document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _refusal(key_node, "a key must be text")
        key = str(key_node.value)
        if key in result:
            mark = key_node.start_mark
            raise ManifestError(
                (f"{document.name}:{mark.line + 1}:{mark.column + 1}  {show((*path, key))}  the key is given twice",)
            )
        result[key] = _construct(loader, value_node, (*path, key), document)
    return result
