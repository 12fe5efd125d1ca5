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
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class _Loader(yaml.SafeLoader):
    """SafeLoader without timestamps, so that a date in a label stays text."""


_Loader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str, name: str) -> Document:
    """Parse a fleet file.

    Args:
        text: The file's content.
        name: Its name, for messages.

    Raises:
        ManifestError: It is no YAML of the kind accepted here; says where.
    """
    if len(text) > MAX_BYTES:
        raise ManifestError((f"{name}  the file is larger than {MAX_BYTES // 1_000_000} MB",))
    loader = _Loader(text)
    try:
        _refuse_anchors(text, name)
        node = loader.get_single_node()
        if node is None:
            raise ManifestError((f"{name}:1:1  the file is empty",))
        document = Document(name, None)
        value = _construct(loader, node, (), document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ManifestError((f"{place}  {error.problem}",)) from None
    except yaml.YAMLError as error:
        raise ManifestError((f"{name}  {str(error).splitlines()[0]}",)) from None
    except RecursionError:
        raise ManifestError((f"{name}  the file nests too deeply",)) from None
    return Document(name, value, document.marks)


def _refuse_anchors(text: str, name: str) -> None:
    for token in yaml.scan(text):
        if isinstance(token, yaml.AnchorToken | yaml.AliasToken):
            line, column = token.start_mark.line + 1, token.start_mark.column + 1
            raise ManifestError((f"{name}:{line}:{column}  anchors and aliases are not accepted: use defaults",))


def _construct(loader: yaml.SafeLoader, node: yaml.Node, path: Path, document: Document) -> Any:
    document.marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(loader, item, (*path, i), document) for i, item in enumerate(node.value)]
    return loader.construct_object(node)


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode, path: Path, document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(getattr(key_node, "value", ""))
        if key in result:
            mark = key_node.start_mark
            raise ManifestError(
                (f"{document.name}:{mark.line + 1}:{mark.column + 1}  {show((*path, key))}  the key is given twice",)
            )
        result[key] = _construct(loader, value_node, (*path, key), document)
    return result
