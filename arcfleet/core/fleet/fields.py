"""Types of the fleet file's values: each with its rule, the words of its refusal, and its JSON Schema.

The rules are those of the services (`core.names` says where they come from); a schema says as much of a rule as an
editor can check while somebody types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from croniter import croniter
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from arcfleet.core import names
from arcfleet.core.durations import parse_duration
from arcfleet.core.leaks import quote
from arcfleet.core.names import ImageRef

T = TypeVar("T")
LONGEST_TEXT = 2048
"""Characters of a value that has no rule of its own, a label's or a path's."""


class Model(BaseModel):
    """Base of all models: camelCase in the file, frozen, unknown keys refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule of a type, for `Annotated`: how a value is checked, and what JSON Schema can say of that."""

    check: Callable[[Any], Any]
    """Takes a value of the type and returns it; raises ValueError where it is against the rule."""
    schema: Mapping[str, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


def _named(pattern: re.Pattern[str], rule: str) -> Rule:
    """Return the rule of a text that matches a pattern throughout; `rule` is the pattern in words."""

    def check(text: str) -> str:
        # Backtracking over a text of megabytes takes hundreds of them.
        if len(text) > LONGEST_TEXT or not pattern.fullmatch(text):
            raise ValueError(f"{quote(text)} is not accepted: {rule}")
        return text

    return Rule(check, {"type": "string", "pattern": f"^(?:{pattern.pattern})$"})


def _between(low: timedelta, high: timedelta, rule: str) -> Rule:
    def check(value: timedelta) -> timedelta:
        if not low <= value <= high:
            raise ValueError(rule)
        return value

    return Rule(check, DURATION)


def _ipv4(text: str) -> str:
    if not names.is_ipv4(text):
        raise ValueError(f"{quote(text)} is not an IPv4 address: four numbers of 0 to 255, without leading zeros")
    return text


def _image(text: str) -> str:
    ImageRef.parse(text)
    return text


def _cron(text: str) -> str:
    if len(text) > LONGEST_TEXT or len(text.split()) != 5 or not croniter.is_valid(text):
        raise ValueError(f"{quote(text)} is no cron expression of five fields, for example '0 2 * * *'")
    return text


def _setting(value: Any) -> Any:
    """Render YAML's numbers and booleans as the strings that extension settings must be ("true", not true)."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _not_empty(items: tuple[T, ...]) -> tuple[T, ...]:
    if not items:
        raise ValueError("needs at least one entry")
    return items


OCTET = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
DURATION: Mapping[str, Any] = {"type": "string", "pattern": r"^\s*(\d+\s*[smhd]\s*)+$", "examples": ["90s", "1h30m"]}
CRON: Mapping[str, Any] = {"type": "string", "examples": ["0 2 * * *"]}
IMAGE: Mapping[str, Any] = {"type": "string", "examples": ["app/web:stable"]}

ConnectedRegistryName = Annotated[str, _named(names.CONNECTED_REGISTRY, "5 to 40 letters and digits, a letter first")]
RegistryName = Annotated[str, _named(names.REGISTRY, "5 to 50 letters and digits")]
ResourceGroup = Annotated[str, _named(names.RESOURCE_GROUP, "1 to 90 characters of A-Z a-z 0-9 - _ . ( )")]
ResourceName = Annotated[str, _named(names.RESOURCE, "1 to 63 characters of A-Z a-z 0-9 - _ .")]
Subscription = Annotated[str, _named(names.SUBSCRIPTION, "a subscription's id has letters, digits and - only")]
DnsLabel = Annotated[str, _named(names.DNS_LABEL, "1 to 63 of a-z 0-9 -, as Kubernetes names are")]
Repository = Annotated[str, _named(names.REPOSITORY, "a repository's name, in lower case, without a tag")]
Image = Annotated[str, Rule(_image, IMAGE)]
IPv4 = Annotated[str, Rule(_ipv4, {"type": "string", "pattern": rf"^{OCTET}(\.{OCTET}){{3}}$"})]
VariableName = Annotated[str, _named(names.VARIABLE, "a variable's name has letters, digits and _, no digit first")]
BlockName = Annotated[str, _named(names.BLOCK, "a block's name has a-z 0-9 and - only")]
Cron = Annotated[str, Rule(_cron, CRON)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]
Label = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration), WithJsonSchema(dict(DURATION))]
SyncWindow = Annotated[Duration, _between(timedelta(hours=1), timedelta(days=7), "Azure takes 1h to 7d")]
MessageTtl = Annotated[Duration, _between(timedelta(days=1), timedelta(days=90), "Azure takes 1d to 90d")]
Setting = Annotated[Label, BeforeValidator(_setting), WithJsonSchema({"type": ["string", "number", "boolean"]})]
NotEmpty = AfterValidator(_not_empty)
