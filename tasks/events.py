"""arcfleet's events, handed to Prefect: what automations react to."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from prefect.client.orchestration import PrefectClient
from prefect.events import emit_event
from prefect.events.schemas.events import Event as PrefectEvent
from prefect.events.schemas.events import RelatedResource, Resource
from prefect.exceptions import EventTooLarge
from prefect.logging import get_logger

from arcfleet.core.reporting.events import Event
from tasks.server import translated

ID, NAME, ROLE = "prefect.resource.id", "prefect.resource.name", "prefect.resource.role"


def emit(event: Event) -> None:
    """Tell Prefect of an event, and go on: a run does not fail because nobody heard of it, the log says so.

    Prefect adds the flow run, its deployment and its tags as related resources, and sends it in the background; where
    its server does not answer it says so in the log itself.
    """
    try:
        emit_event(str(event.event), payload=dict(event.payload), **_resources(event))
    except EventTooLarge as error:
        get_logger("arcfleet").warning("event %s was not sent: %s", event.event, error)


async def deliver(client: PrefectClient, event: Event, event_id: UUID | None = None) -> None:
    """Hand an event to Prefect and return once the server has taken it.

    Args:
        client: An open client.
        event: What happened.
        event_id: The same for the same event, so that Prefect takes one that is sent twice only once.

    Raises:
        TransientError: The server did not take it.
    """
    resources = _resources(event)
    made = PrefectEvent(
        event=str(event.event),
        resource=Resource.model_validate(resources["resource"]),
        related=[RelatedResource.model_validate(item) for item in resources["related"]],
        payload=dict(event.payload),
        id=event_id or uuid4(),
    )
    with translated(f"event {event.event}"):
        answer = await client.request("POST", "/events", json=[made.model_dump(mode="json")])
        answer.raise_for_status()


async def ask_health(client: PrefectClient) -> None:
    """Return if the Prefect server answers.

    Raises:
        TransientError: It does not.
    """
    with translated("health"):
        (await client.request("GET", "/health")).raise_for_status()


def _resources(event: Event) -> dict[str, Any]:
    related = [{ID: found, ROLE: role} for role, found in event.related.items()]
    return {"resource": {ID: event.resource, NAME: event.name}, "related": related}
