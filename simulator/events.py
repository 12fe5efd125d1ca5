"""Notifications about images: what they say, in the forms of Event Grid, of CloudEvents and of a registry's webhooks.

Sources: MicrosoftDocs, event-grid/event-schema-container-registry, container-registry-webhook-reference, and
event-grid/cloud-event-schema. That a connected registry's events are ImagePushed with its name in `connectedRegistry`
is inferred from the models of that event's data.
"""

import fnmatch
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.cloud import ConnectedRegistry, Registry, zulu

EVENT_GRID, CLOUD_EVENTS, WEBHOOK = "EventGridSchema", "CloudEventSchemaV1_0", "Webhook"
TYPES = {
    "push": "Microsoft.ContainerRegistry.ImagePushed",
    "delete": "Microsoft.ContainerRegistry.ImageDeleted",
    "chart_push": "Microsoft.ContainerRegistry.ChartPushed",
    "chart_delete": "Microsoft.ContainerRegistry.ChartDeleted",
}
MEDIA = {"push": "application/vnd.oci.image.manifest.v1+json", "chart_push": "application/vnd.acr.helm.chart"}
# Bytes of a manifest: nobody keeps any.
SIZE = 524


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to an image: `action` is a key of TYPES; `connected` is where, if not in the cloud."""

    action: str
    registry: Registry
    repository: str
    tag: str
    digest: str
    at: datetime
    connected: ConnectedRegistry | None = None

    @property
    def subject(self) -> str:
        """The image; a deleted one has no tag."""
        return self.repository if self.action.endswith("delete") else f"{self.repository}:{self.tag}"

    def data(self) -> dict[str, Any]:
        """Return what happened, as the body of a webhook and the `data` of an event."""
        target: dict[str, Any] = {"mediaType": MEDIA.get(self.action, MEDIA["push"]), "digest": self.digest}
        target["repository"] = self.repository
        method = "DELETE"
        if not self.action.endswith("delete"):
            method = "PUT"
            target |= {"size": SIZE, "length": SIZE, "tag": self.tag}
        host = self.registry.login_server
        request = {"id": str(uuid.uuid4()), "host": host, "method": method, "useragent": "simulator"}
        data: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "timestamp": zulu(self.at),
            "action": self.action,
            "target": target,
            "request": request,
        }
        if self.connected is not None:
            data["connectedRegistry"] = {"name": self.connected.name}
        return data


def message(schema: str, happening: Happening, data: dict[str, Any]) -> tuple[Any, dict[str, str]]:
    """Return body and headers of a notification; an event keeps its id over its deliveries."""
    kind, subject, at = TYPES[happening.action], happening.subject, zulu(happening.at)
    if schema == WEBHOOK:
        return data, {"Content-Type": "application/json"}
    if schema == CLOUD_EVENTS:
        event = {"specversion": "1.0", "type": kind, "source": happening.registry.id, "id": data["id"], "time": at}
        return event | {"subject": subject, "data": data}, {
            "Content-Type": "application/cloudevents+json; charset=utf-8"
        }
    event = {"id": data["id"], "topic": happening.registry.id, "subject": subject, "eventType": kind, "eventTime": at}
    return [event | {"data": data, "dataVersion": "1.0", "metadataVersion": "1"}], _grid("Notification")


def validation(topic: str, code: str, now: datetime) -> tuple[Any, dict[str, str]]:
    """Return Event Grid's question whether an endpoint wants its events."""
    event = {
        "id": str(uuid.uuid4()),
        "topic": topic,
        "subject": "",
        "data": {"validationCode": code},
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": zulu(now),
        "dataVersion": "1",
        "metadataVersion": "1",
    }
    return [event], _grid("SubscriptionValidation")


def ping(now: datetime) -> dict[str, Any]:
    """Return the body of a webhook's ping."""
    return {"id": str(uuid.uuid4()), "timestamp": zulu(now), "action": "ping"}


def wanted(patterns: list[str] | None, repository: str, tag: str, action: str) -> bool:
    """Say whether a connected registry's `notificationsList` names an image: `repository:tag:action`, `*` for any."""
    for pattern in patterns or []:
        parts = [*pattern.split(":"), "*", "*"][:3]
        if all(fnmatch.fnmatchcase(v, p or "*") for v, p in zip((repository, tag, action), parts, strict=True)):
            return True
    return False


def _grid(kind: str) -> dict[str, str]:
    return {"Content-Type": "application/json; charset=utf-8", "aeg-event-type": kind}
