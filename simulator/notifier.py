"""Posts notifications to whoever has subscribed, on the loopback address only.

Event Grid asks first whether an endpoint wants its events, and delivers one that failed again (MicrosoftDocs,
event-grid/delivery-and-retry, webhook-event-delivery, end-point-validation-cloud-events-schema). A registry's webhook
is posted once: no source promises more.
"""

import asyncio
import fnmatch
import json
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from simulator import events
from simulator.cloud import Registry
from simulator.events import CLOUD_EVENTS, EVENT_GRID, WEBHOOK, Happening

if TYPE_CHECKING:
    from simulator.instance import Instance
    from simulator.world import World

# Simulated seconds before each further delivery, without Event Grid's small random part; none after 24 hours.
RETRIES = (10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200)
NEVER_AGAIN = {400, 401, 403, 413}
# Real seconds in which an endpoint must answer.
TIMEOUT = aiohttp.ClientTimeout(30)
ORIGIN = "eventgrid.azure.net"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(slots=True)
class Subscription:
    """Who wants to hear of what.

    Attributes:
        scope: Repository and tag with wildcards, as in a webhook's scope.
        state: Validating, Succeeded or Failed.
    """

    name: str
    registry: Registry
    url: str
    schema: str = EVENT_GRID
    actions: tuple[str, ...] = tuple(events.TYPES)
    scope: str = "*"
    headers: dict[str, str] = field(default_factory=dict)
    state: str = "Validating"
    delivered: int = 0
    failed: int = 0
    dropped: int = 0

    def wants(self, happening: Happening) -> bool:
        """Say whether it is about this."""
        image = f"{happening.repository}:{happening.tag}"
        within = any(fnmatch.fnmatchcase(image, p) for p in (self.scope, f"{self.scope}:*"))
        return self.registry is happening.registry and happening.action in self.actions and within

    def view(self) -> dict[str, Any]:
        """Return what `GET /control/subscriptions` shows; a header may be a secret."""
        keys = ("name", "url", "schema", "state", "delivered", "failed", "dropped")
        return {key: getattr(self, key) for key in keys}


class Notifier:
    """The subscriptions of a world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._running: set[asyncio.Task[None]] = set()
        self.subscriptions: dict[str, Subscription] = {}

    def subscribe(self, subscription: Subscription) -> None:
        """Add a subscription, or replace one; Event Grid's begin with a handshake."""
        self.subscriptions[subscription.name.lower()] = subscription
        self._start(self._validate(subscription))

    def ping(self, subscription: Subscription) -> None:
        """Post a webhook's ping."""
        body = events.ping(self._world.now())
        self._start(self._deliver(subscription, body, {"Content-Type": "application/json"}, 1))

    def publish(self, happening: Happening) -> None:
        """Tell everybody who wants to hear of it, and watch for its arrival at the sites that shall tell of that."""
        data = happening.data()
        for subscription in self.subscriptions.values():
            if subscription.state == "Succeeded" and subscription.wants(happening):
                self._start(self._deliver(subscription, *events.message(subscription.schema, happening, data), 1))
        if happening.connected is None and self.subscriptions and happening.action == "push":
            for instance in happening.registry.instances:
                held = instance.find(happening.repository, happening.tag, happening.at)
                if held is None or held.digest != happening.digest:
                    self._watch(instance, happening)

    def _watch(self, instance: "Instance", happening: Happening) -> None:
        """Look at each sync of a site whether an image has come; until another push takes its place."""
        resource, now = instance.resource, self._world.now()
        current = happening.registry.images.get(happening.repository, {}).get(happening.tag)
        if resource is None or not instance.running or current is None or current.digest != happening.digest:
            return
        if not events.wanted(resource.notifications, happening.repository, happening.tag, "push"):
            return
        instance.advance(now)
        found = instance.find(happening.repository, happening.tag, now)
        if found is not None and found.digest == happening.digest:
            here = (happening.repository, happening.tag, happening.digest, now, resource)
            self.publish(Happening("push", happening.registry, *here))
            return
        lag = self._world.timings.sync_lag
        wait = (instance.next - now).total_seconds() + lag
        self._world.clock.after(wait, lambda: self._watch(instance, happening))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _validate(self, subscription: Subscription) -> None:
        agreed = True
        if subscription.schema == CLOUD_EVENTS:
            headers = {"WebHook-Request-Origin": ORIGIN}
            status, given, _ = await _send("OPTIONS", subscription.url, None, subscription.headers | headers)
            agreed = status == 200 and given.get("webhook-allowed-origin", "") in ("*", ORIGIN)
        elif subscription.schema == EVENT_GRID:
            code = str(uuid.uuid4())
            body, headers = events.validation(subscription.registry.id, code, self._world.now())
            status, _, text = await _send("POST", subscription.url, body, subscription.headers | headers)
            agreed = status == 200 and _field(text, "validationResponse") == code
        subscription.state = "Succeeded" if agreed else "Failed"

    async def _deliver(self, subscription: Subscription, body: Any, headers: dict[str, str], attempt: int) -> None:
        """Deliver, and if that fails and it may be tried again, do so when simulated time has come."""
        more = {}
        if subscription.schema != WEBHOOK:
            more = {"aeg-subscription-name": subscription.name, "aeg-delivery-count": str(attempt - 1)}
        status, _, _ = await _send("POST", subscription.url, body, headers | more | subscription.headers)
        if 200 <= status <= 204:
            subscription.delivered += 1
            return
        subscription.failed += 1
        if subscription.schema == WEBHOOK or status in NEVER_AGAIN or attempt > len(RETRIES):
            subscription.dropped += 1
            return

        def again() -> None:
            self._start(self._deliver(subscription, body, headers, attempt + 1))

        self._world.clock.after(RETRIES[attempt - 1], again)


async def _send(method: str, url: str, body: Any, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """Send one request; the status is 0 where nobody answers. The answer's headers have names in lower case."""
    data = None if body is None else json.dumps(body).encode()
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.request(method, url, data=data, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, await answer.text(errors="replace")
    except (aiohttp.ClientError, TimeoutError, UnicodeError):
        return 0, {}, ""


def _field(text: str, name: str) -> Any:
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body.get(name) if isinstance(body, dict) else None
