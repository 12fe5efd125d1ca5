"""Prefect automations as files: read, checked key by key, and brought to the server by their names.

A file holds one automation as `prefect automation inspect` shows it, but that an action names what it needs and no id:
`block: <type>/<name>` for a notification, `deployment: <flow>/<name>` for a run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, get_args
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.events.actions import ActionTypes
from prefect.events.schemas.automations import AutomationCore, TriggerTypes
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel, ValidationError
from rich.console import Console

from arcfleet.core.fleet import source
from arcfleet.core.fleet.problems import told
from arcfleet.core.fleet.source import Document
from arcfleet.core.leaks import quote
from arcfleet.errors import ManifestError
from tasks.server import translated

M = TypeVar("M", bound=BaseModel)
Place = tuple[str | int, ...]
Resolve = Callable[[str, str], UUID]
"""Returns the id of what an action names: its key, and the name."""
REFERENCES = {"block": "block_document_id", "deployment": "deployment_id"}
"""Key of an action in a file -> Prefect's own."""
ANY = UUID(int=0)
COMPARED = AutomationCore.model_fields.keys() - {"owner_resource"}
"""What a file decides; an owner only `prefect deploy` sets."""


class Change(StrEnum):
    """What became of an automation."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An automation as a file has it."""

    document: Document

    def references(self) -> Iterator[tuple[Place, str, str]]:
        """Yield what actions name: where it stands, its key, and the name."""
        for number, action in enumerate(self.document.value["actions"]):
            for key in REFERENCES.keys() & action:
                yield ("actions", number, key), key, str(action[key])

    def built(self, resolve: Resolve) -> AutomationCore:
        """Return the automation for Prefect.

        Raises:
            ManifestError: With the places of what Prefect does not take, keys that it does not know among them.
        """
        value = dict(self.document.value)
        value["trigger"] = self._part(("trigger",), value.get("trigger"), _by_type(TriggerTypes))
        value["actions"] = [
            self._part(("actions", number), _with_ids(action, resolve), _by_type(ActionTypes))
            for number, action in enumerate(value["actions"])
        ]
        return self._model((), value, AutomationCore)

    def _part(self, at: Place, value: Any, known: Mapping[str, type[BaseModel]]) -> BaseModel:
        kind = str(value.get("type")) if isinstance(value, dict) else ""
        if kind not in known:
            raise ManifestError((self.document.problem((*at, "type"), f"should be one of {', '.join(known)}"),))
        nested = enumerate(value.get("triggers") or ())
        inner = {"triggers": [self._part((*at, "triggers", number), item, known) for number, item in nested]}
        return self._model(at, value | (inner if "triggers" in value else {}), known[kind])

    def _model(self, at: Place, value: Mapping[str, Any], model: type[M]) -> M:
        # Prefect's models ignore what they do not know: a key that is misspelt would vanish.
        own = {name for name, key in REFERENCES.items() if key in model.model_fields}
        problems = [(*at, key) for key in value if key not in model.model_fields.keys() | own]
        if problems:
            raise ManifestError(
                tuple(self.document.problem(place, "is no key that Prefect knows") for place in problems)
            )
        try:
            return model.model_validate(value)
        except ValidationError as error:
            found = told(error, suggest=False)
            raise ManifestError(tuple(self.document.problem((*at, *loc), why) for loc, why in found)) from None


def read(paths: Sequence[Path]) -> tuple[Wanted, ...]:
    """Return the automations of files, and of the *.yaml files of folders. Prefect is not asked.

    Raises:
        ManifestError: With the first problem of each file.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    found, problems = [], list[str]()
    for file in files:
        try:
            found.append(_read(file))
        except ManifestError as error:
            problems += error.problems
    if not files:
        problems.append(f"{', '.join(map(str, paths))}  holds no file that ends in .yaml")
    if problems:
        raise ManifestError(tuple(problems))
    return tuple(found)


def _read(file: Path) -> Wanted:
    try:
        document = source.read(file.read_text(encoding="utf-8"), file.name)
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(
            (f"{file}  can't be read: {getattr(error, 'strerror', None) or 'no UTF-8 text'}",)
        ) from None
    value = document.value
    if not isinstance(value, dict) or not isinstance(value.get("actions"), list):
        raise ManifestError(
            (document.problem(("actions",), "an automation needs name, trigger and a list of actions"),)
        )
    wanted = Wanted(document)
    if not all(isinstance(action, dict) for action in value["actions"]):
        raise ManifestError((document.problem(("actions",), "each of them is a map with a type"),))
    wanted.built(lambda _key, _name: ANY)
    return wanted


async def apply(wanted: Sequence[Wanted]) -> list[tuple[str, Change]]:
    """Bring automations to the Prefect server, those of the same name in place, and say what became of each.

    Whether one is enabled stays as somebody has set it in the UI, unless the file says it.

    Raises:
        ManifestError: Something that an action names is not there. Nothing was changed then.
        TransientError: The Prefect server does not answer.
    """
    async with get_client() as client:
        with translated("automations"):
            ids, problems = await _ids(client, wanted)
            if problems:
                raise ManifestError(tuple(problems))
            built = [(item, item.built(lambda key, name: ids[key, name])) for item in wanted]
            return [(made.name, await _bring(client, item, made)) for item, made in built]


async def _ids(client: PrefectClient, wanted: Sequence[Wanted]) -> tuple[Mapping[tuple[str, str], UUID], Sequence[str]]:
    """Return the ids of all that is named, and where something is named that is not there."""
    ids: dict[tuple[str, str], UUID] = {}
    problems = []
    for item in wanted:
        for place, key, name in item.references():
            try:
                ids[key, name] = await FIND[key](client, name)
            except (ObjectNotFound, ValueError):
                problems.append(item.document.problem(place, f"Prefect has no {key} {quote(name)}; {REMEDIES[key]}"))
    return ids, problems


async def _block(client: PrefectClient, name: str) -> UUID:
    kind, _, called = name.partition("/")
    return (await client.read_block_document_by_name(called, kind, include_secrets=False)).id


async def _deployment(client: PrefectClient, name: str) -> UUID:
    return (await client.read_deployment_by_name(name)).id


FIND: Mapping[str, Callable[[PrefectClient, str], Awaitable[UUID]]] = {"block": _block, "deployment": _deployment}
REMEDIES = {
    "block": "create it in Prefect's UI under Blocks, or name another one as type/name (prefect block ls)",
    "deployment": "prefect --no-prompt deploy --all; name it as flow/deployment",
}


async def _bring(client: PrefectClient, item: Wanted, made: AutomationCore) -> Change:
    found = await client.read_automations_by_name(made.name)
    if not found:
        await client.create_automation(made)
        return Change.CREATED
    there = found[0]
    if "enabled" not in item.document.value:
        made.enabled = there.enabled
    if all(getattr(made, name) == getattr(there, name) for name in COMPARED):
        return Change.UNCHANGED
    await client.update_automation(found[0].id, made)
    return Change.CHANGED


def print_changes(console: Console, changes: Sequence[tuple[str, Change]]) -> None:
    """Print what became of each automation."""
    signs = {Change.CREATED: "+", Change.CHANGED: "~", Change.UNCHANGED: " "}
    for name, change in changes:
        console.print(f"{signs[change]} {change:<10} {name}", markup=False)
    if {change for _, change in changes} == {Change.UNCHANGED}:
        console.print("nothing to do: they are there already")


def _with_ids(action: Mapping[str, Any], resolve: Resolve) -> Mapping[str, Any]:
    """Return an action with Prefect's ids in place of names."""
    named = {REFERENCES[key]: resolve(key, str(action[key])) for key in REFERENCES.keys() & action}
    return {key: value for key, value in action.items() if key not in REFERENCES} | named


def _by_type(union: Any) -> Mapping[str, type[BaseModel]]:
    """Return the models of a union by their type, as files name it."""
    models = [part for part in _parts(union) if isinstance(part, type) and issubclass(part, BaseModel)]
    return {model.model_fields["type"].default: model for model in models}


def _parts(union: Any) -> Iterator[Any]:
    yield union
    for part in get_args(union):
        yield from _parts(part)
