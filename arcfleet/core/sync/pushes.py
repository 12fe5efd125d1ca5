"""Notifications about images, as Azure sends them: a registry's webhooks, and Event Grid's in both of its forms.

What comes in was sent by somebody else. So only names that could be names are taken from it, and a notification is
never believed beyond "look at this repository": what its tags are now, the registry itself is asked.

Sources: MicrosoftDocs, container-registry-webhook-reference, event-grid/event-schema-container-registry,
event-grid/cloud-event-schema, event-grid/webhook-event-delivery.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arcfleet.core.leaks import quote
from arcfleet.core.names import CONNECTED_REGISTRY, DIGEST, REGISTRY, REPOSITORY, TAG, last_segment
from arcfleet.core.sync.announcements import LATEST

MAX_EVENTS = 5000
"""Of one delivery; Event Grid's own bound on a batch."""
SUFFIXES = ("azurecr.io", "azurecr.us", "azurecr.cn")
"""Of login servers, in the clouds that there are."""
LONGEST_NAME = 255
PUSHED = "Microsoft.ContainerRegistry.ImagePushed"
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


@dataclass(frozen=True, slots=True)
class Arrived:
    """Which connected registry an image has come to, and when, as it tells."""

    connected_registry: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Push:
    """An image was pushed to a cloud registry, or has come from it to a connected registry."""

    id: str
    registry: str
    host: str
    repository: str
    tag: str
    digest: str
    topic: str = ""
    """The registry's ARM id; a webhook does not tell it."""
    arrived: Arrived | None = None
    """Set where a connected registry tells of it."""

    def __str__(self) -> str:
        place = f" at {self.arrived.connected_registry}" if self.arrived else ""
        return f"{self.registry}/{self.repository}:{self.tag}{place}"


@dataclass(frozen=True, slots=True)
class Validation:
    """Event Grid asks whether its events are wanted: the answer is the code."""

    code: str


@dataclass(frozen=True, slots=True)
class Other:
    """Something that starts nothing, for example a deletion."""

    what: str


Notice = Push | Validation | Other


class NotUnderstoodError(ValueError):
    """A notification of a form that Azure does not send. The message is fit for a log."""


class _Incoming(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _Target(_Incoming):
    repository: str = Field(max_length=LONGEST_NAME)
    tag: str | None = None
    digest: str = Field(default="", max_length=LONGEST_NAME)


class _Request(_Incoming):
    host: str = Field(max_length=LONGEST_NAME)


class _Image(_Incoming):
    """A webhook's body, and the `data` of an event."""

    id: str = Field(min_length=1, max_length=LONGEST_NAME)
    action: str = Field(max_length=LONGEST_NAME)
    timestamp: Any = None
    target: _Target | None = None
    request: _Request | None = None
    connected_registry: Any = Field(default=None, alias="connectedRegistry")


class _Envelope(_Incoming):
    """What both of Event Grid's forms have: CloudEvents call the topic `source`, and the type `type`."""

    id: str = Field(min_length=1, max_length=LONGEST_NAME)
    kind: str = Field(max_length=LONGEST_NAME)
    topic: str = Field(max_length=1024)
    data: Any = None


def parse(body: bytes) -> tuple[Notice, ...]:
    """Return what a delivery says, in its order.

    Args:
        body: The request's body: one notification, or a list of them.

    Raises:
        NotUnderstoodError: It is no JSON, or one of its notifications has none of the forms that Azure sends.
    """
    try:
        value = json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise NotUnderstoodError("the body is no JSON") from None
    items = value if isinstance(value, list) else [value]
    if not 0 < len(items) <= MAX_EVENTS:
        raise NotUnderstoodError(f"the body holds {len(items)} notifications, not 1 to {MAX_EVENTS}")
    return tuple(_notice(item, f"notification {number}") for number, item in enumerate(items, 1))


def _notice(item: Any, place: str) -> Notice:
    try:
        return _read(item)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise NotUnderstoodError(f"{place}: {where}: {first['msg']}") from None
    except NotUnderstoodError as error:
        raise NotUnderstoodError(f"{place}: {error}") from None


def _read(item: Any) -> Notice:
    match item:
        case {"specversion": "1.0"}:
            return _event(item, {"kind": "type", "topic": "source"})
        case {"eventType": _}:
            return _event(item, {"kind": "eventType", "topic": "topic"})
        case {"action": _}:
            return _image(item)
    raise NotUnderstoodError("it is neither a webhook's body nor an event of Event Grid")


def _event(item: Mapping[str, Any], names: Mapping[str, str]) -> Notice:
    values = {key: item[name] for key, name in names.items() if name in item}
    event = _Envelope.model_validate({"id": item.get("id"), "data": item.get("data"), **values})
    if event.kind == VALIDATION:
        code = event.data.get("validationCode") if isinstance(event.data, dict) else None
        if not isinstance(code, str) or not 0 < len(code) <= LONGEST_NAME:
            raise NotUnderstoodError("the validation event has no validationCode")
        return Validation(code)
    if event.kind != PUSHED:
        return Other(f"{quote(event.kind)} starts nothing")
    found = _image(event.data if isinstance(event.data, dict) else {}, event.topic)
    if isinstance(found, Push) and last_segment(event.topic).lower() != found.registry.lower():
        raise NotUnderstoodError(f"its topic {quote(event.topic)} is not the registry {found.registry} of its data")
    return found


def _image(data: Mapping[str, Any], topic: str = "") -> Push | Other:
    image = _Image.model_validate(data)
    if image.action != "push":
        return Other(f"action {quote(image.action)} starts nothing")
    if image.connected_registry is None:
        return _push(image, topic)
    try:
        return _arrival(image, topic)
    except NotUnderstoodError as error:
        # Its form is assumed: if it has another one, that must not have the rest of a delivery refused.
        return Other(f"what a connected registry tells is left out: {error}")


def _arrival(image: _Image, topic: str) -> Push | Other:
    push = _push(image, topic)
    if isinstance(push, Other):
        return push
    name = image.connected_registry.get("name") if isinstance(image.connected_registry, dict) else None
    _check(isinstance(name, str) and CONNECTED_REGISTRY.fullmatch(name), "connectedRegistry.name", str(name))
    return replace(push, arrived=Arrived(str(name), _moment(image.timestamp)))


def _moment(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None or not 0 <= moment.timestamp() < LATEST:
        raise NotUnderstoodError(f"timestamp {quote(str(text))} is not of the form that Azure has")
    return moment


def _push(image: _Image, topic: str) -> Push | Other:
    if image.target is None or image.request is None:
        raise NotUnderstoodError("a push needs target and request")
    if not image.target.tag:
        return Other("a push without a tag starts nothing")
    registry = registry_of(image.request.host)
    _check(REPOSITORY.fullmatch(image.target.repository), "target.repository", image.target.repository)
    _check(TAG.fullmatch(image.target.tag), "target.tag", image.target.tag)
    _check(DIGEST.fullmatch(image.target.digest), "target.digest", image.target.digest)
    target = image.target
    return Push(image.id, registry, image.request.host, target.repository, image.target.tag, target.digest, topic)


def registry_of(host: str) -> str:
    """Return the name of the cloud registry with this login server.

    A login server is `<name>.azurecr.io`, or `<name>-<hash>.azurecr.io` where the registry was made with a domain
    name label; a name itself holds no hyphen.

    Raises:
        NotUnderstoodError: It is no login server of Azure's.
    """
    label, _, suffix = host.lower().partition(".")
    name, hyphen, scope = label.partition("-")
    _check(suffix in SUFFIXES and REGISTRY.fullmatch(name) and (not hyphen or scope.isalnum()), "request.host", host)
    return name


def _check(right: object, where: str, text: str) -> None:
    if not right:
        raise NotUnderstoodError(f"{where} {quote(text)} is not of the form that Azure has")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
