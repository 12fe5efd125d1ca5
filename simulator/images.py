"""The control endpoint's images, and who is told of them: `/control/images` and `/control/subscriptions`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from simulator.build import push_image
from simulator.cloud import Registry
from simulator.events import CLOUD_EVENTS, EVENT_GRID, TYPES, WEBHOOK, Happening
from simulator.http import Request, Response, Router
from simulator.loader import CHOICES, KEYS, WorldError
from simulator.notifier import LOOPBACK, Subscription
from simulator.world import World

if TYPE_CHECKING:
    from simulator.app import Simulation


class ControlError(Exception):
    """A request to the control endpoint that makes no sense."""

    def __init__(self, *errors: str, status: int = 400) -> None:
        super().__init__("; ".join(errors))
        self.errors = list(errors)
        self.status = status


def register(simulation: "Simulation", router: Router) -> None:
    """Add the routes."""
    api = Images(simulation)
    router.add("POST", "/control/images", api.push)
    router.add("DELETE", "/control/images", api.delete)
    router.add("GET", "/control/subscriptions", api.list_subscriptions)
    router.add("POST", "/control/subscriptions", api.subscribe)
    router.add("DELETE", "/control/subscriptions/{name}", api.unsubscribe)
    router.add("POST", "/control/subscriptions/{name}/ping", api.ping)


class Images:
    """Handlers of images and subscriptions."""

    def __init__(self, simulation: "Simulation") -> None:
        self._simulation = simulation

    @property
    def _world(self) -> World:
        return self._simulation.world

    def push(self, request: Request, _params: dict[str, str]) -> Response:
        """Push an image, or a Helm chart, to a cloud registry."""
        body = body_of(request, "registry", "repository", "tag", "digest", "behaviour", "chart")
        registry, now = registry_of(self._world, body), self._world.now()
        registry.settle(now)
        if not body.get("repository"):
            raise ControlError("repository is missing")
        if body.get("behaviour", "run") not in CHOICES["behaviour"]:
            raise ControlError(f"behaviour: {body['behaviour']!r} is none of {CHOICES['behaviour']}")
        digest = push_image(registry, body, now).digest
        action = "chart_push" if body.get("chart") else "push"
        self._publish(action, registry, body, digest)
        return Response.json({"digest": digest})

    def delete(self, request: Request, _params: dict[str, str]) -> Response:
        """Delete an image from a cloud registry."""
        body = body_of(request, "registry", "repository", "tag", "chart")
        registry = registry_of(self._world, body)
        registry.settle(self._world.now())
        push = registry.remove(str(body.get("repository")), body.get("tag", "latest"))
        if push is None:
            raise ControlError("no such image", status=404)
        self._publish("chart_delete" if body.get("chart") else "delete", registry, body, push.digest)
        return Response.json({"digest": push.digest})

    def list_subscriptions(self, _request: Request, _params: dict[str, str]) -> Response:
        """List the subscriptions, with how many notifications they have got."""
        return Response.json([s.view() for s in self._world.notifier.subscriptions.values()])

    def subscribe(self, request: Request, _params: dict[str, str]) -> Response:
        """Add a subscription. Its handshake, if it has one, goes on after the answer."""
        body = body_of(request, *KEYS["eventSubscriptions"].split())
        subscription = subscription_of(self._world, body)
        self._world.notifier.subscribe(subscription)
        return Response.json(subscription.view())

    def unsubscribe(self, _request: Request, params: dict[str, str]) -> Response:
        """Forget a subscription."""
        del self._world.notifier.subscriptions[self._subscription(params).name.lower()]
        return Response.json({})

    def ping(self, _request: Request, params: dict[str, str]) -> Response:
        """Ping a webhook."""
        subscription = self._subscription(params)
        if subscription.schema != WEBHOOK:
            raise ControlError("only webhooks are pinged")
        self._world.notifier.ping(subscription)
        return Response.json({})

    def _publish(self, action: str, registry: Registry, body: dict[str, Any], digest: str) -> None:
        tag, now = body.get("tag", "latest"), self._world.now()
        self._world.notifier.publish(Happening(action, registry, body["repository"], tag, digest, now))

    def _subscription(self, params: dict[str, str]) -> Subscription:
        found = self._world.notifier.subscriptions.get(params["name"].lower())
        if found is None:
            raise ControlError(f"no subscription {params['name']!r}", status=404)
        return found


def subscriptions_of(world: World, data: Mapping[str, Any]) -> list[Subscription]:
    """Return the subscriptions of a world; WorldError when one is impossible."""
    try:
        return [subscription_of(world, item) for item in data.get("eventSubscriptions", [])]
    except ControlError as error:
        raise WorldError([f"world.eventSubscriptions: {e}" for e in error.errors]) from error


def subscription_of(world: World, body: Mapping[str, Any]) -> Subscription:
    """Return the subscription that a body describes; ControlError when it is an impossible one."""
    schema, actions = body.get("schema", EVENT_GRID), body.get("actions", list(TYPES))
    if schema not in (EVENT_GRID, CLOUD_EVENTS, WEBHOOK):
        raise ControlError(f"schema: {schema!r} is none of {EVENT_GRID}, {CLOUD_EVENTS}, {WEBHOOK}")
    if not isinstance(actions, list) or not set(actions) <= set(TYPES):
        raise ControlError(f"actions: each is one of {', '.join(TYPES)}")
    url = str(body.get("url", ""))
    if urlsplit(url).hostname not in LOOPBACK:
        raise ControlError(f"url: {url!r} is not on the loopback address")
    rest = {key: body[key] for key in ("scope", "headers") if key in body}
    name = str(body.get("name") or "subscription")
    return Subscription(name, registry_of(world, body), url, schema, tuple(actions), **rest)


def registry_of(world: World, body: Mapping[str, Any]) -> Registry:
    """Return the registry that a body names, by name or login server; ControlError 404 when there is none."""
    name = str(body.get("registry", "")).lower()
    registry = world.registries_by_host.get(name) or world.registries_by_host.get(f"{name}.azurecr.io")
    if registry is None:
        raise ControlError(f"no registry {name!r}", status=404)
    return registry


def body_of(request: Request, *known: str) -> dict[str, Any]:
    """Return the JSON object in the body; with `known` no other keys may be in it."""
    try:
        body = request.json()
    except ValueError as error:
        raise ControlError(f"no JSON: {error}") from error
    if not isinstance(body, dict):
        raise ControlError("the body must be a JSON object")
    if known and (unknown := sorted(set(body) - set(known))):
        raise ControlError(*(f"unknown key {key!r}" for key in unknown))
    return body
