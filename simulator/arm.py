"""The envelope of Azure Resource Manager around the resource providers.

Ids are compared without case and any api-version is accepted, as az and the SDKs differ in both. Texts come from the
recordings where they hold one; those marked as ours do not.
"""

import base64
import hashlib
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.http import Request, Response, Route, Router
from simulator.roles import operation
from simulator.world import World

# What a subscription may still do when no bucket is simulated; recorded in September 2026.
UNLIMITED = {"reads": 1099, "writes": 799, "deletes": 799}
GLOBAL = {"reads": 16499, "writes": 11999, "deletes": 11999}
LINKS = {"Azure-AsyncOperation", "Location"}
LIMITS = {"reads": "armReads", "writes": "armWrites", "deletes": "armDeletes"}
PERMISSIONS = "microsoft.authorization/permissions/read"


class ArmError(Exception):
    """An error answer: status, code and message, and what else the envelope carries."""

    def __init__(self, status: int, code: str, message: str, /, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.payload = {"error": {"code": code, "message": message, **extra.pop("error", {})}, **extra}
        self.headers: dict[str, str] = {}


@dataclass(slots=True)
class Bucket:
    """A token bucket: `size` at most, `refill` a second (learn.microsoft.com, request limits)."""

    size: float
    refill: float
    level: float
    at: datetime

    def take(self, now: datetime) -> float:
        """Take one token. Return 0, or the seconds until there is one."""
        self.level = min(self.size, self.level + (now - self.at).total_seconds() * self.refill)
        self.at = now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.refill if self.refill else 3600.0


class Arm:
    """Answers every request under `/subscriptions`.

    Args:
        world: The state.
        register: Functions that add the routes of one resource provider each.
    """

    def __init__(self, world: World, *register: Callable[[World, Router], None]) -> None:
        self._world = world
        self._buckets: dict[tuple[str, str, str], Bucket] = {}
        self._router = Router()
        for add in register:
            add(world, self._router)

    def route(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """Return the route of a request and its parameters, or None."""
        return self._router.match(request.method, request.path)

    def handle(self, request: Request, found: tuple[Route, dict[str, str]] | None) -> Response:
        """Answer one request in ARM's envelope."""
        headers: dict[str, str] = {}
        try:
            headers = self._admit(request)
            response = self._answer(request, found)
        except ArmError as error:
            headers = {**headers, **error.headers}
            response = Response.json(error.payload, error.status)
        now = self._world.now()
        for name in LINKS & response.headers.keys():
            if response.headers[name].startswith(request.base_url):
                response.headers[name] += _signature(response.headers[name], now)
        response.headers = {**_identifiers(request, now), **headers, **response.headers}
        return response

    def _answer(self, request: Request, found: tuple[Route, dict[str, str]] | None) -> Response:
        if found is None:
            methods = self._router.methods(request.path)
            if methods:
                raise ArmError(405, "MethodNotAllowed", f"The method {request.method} is not allowed here.")
            raise ArmError(404, "NotFound", f"No simulated resource answers {request.path}.")
        route, params = found
        self._check_subscription(params.get("subscription"))
        self._authorize(request)
        self._check_group(params.get("subscription"), params.get("group"))
        response = route.handler(request, params)
        if not isinstance(response, Response):
            raise TypeError(f"{route.kind} is answered by a coroutine")
        return response

    def _check_subscription(self, subscription: str | None) -> None:
        """Raise ARM's own 404 for a subscription that is not there (general knowledge)."""
        if subscription is not None and subscription.lower() not in self._world.subscriptions:
            message = f"The subscription '{subscription}' could not be found."
            raise ArmError(404, "SubscriptionNotFound", message)

    def _check_group(self, subscription: str | None, group: str | None) -> None:
        """Raise ARM's own 404 for a group that is not there (general knowledge)."""
        if subscription is None or group is None:
            return
        if (subscription.lower(), group.lower()) not in self._world.groups:
            message = f"Resource group '{group}' could not be found."
            raise ArmError(404, "ResourceGroupNotFound", message)

    def _authorize(self, request: Request) -> None:
        """Raise ARM's 403 unless the caller's roles allow the request (known words of many an error report)."""
        caller = self._world.roles.of(request)
        action, scope = operation(request.method, request.path)
        # Everybody may ask what he may do (inferred: the answer is then empty).
        if action.lower() == PERMISSIONS or caller.may(action, scope):
            return
        raise ArmError(
            403,
            "AuthorizationFailed",
            f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have authorization to "
            f"perform action '{action}' over scope '{scope}' or the scope is invalid. "
            "If access was recently granted, please refresh your credentials.",
        )

    def _admit(self, request: Request) -> dict[str, str]:
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            raise _unauthenticated(self._world.tenant)
        if api_version(request) is None:
            raise ArmError(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        return self._throttle(request)

    def _throttle(self, request: Request) -> dict[str, str]:
        kind = _limit_kind(request.method)
        limit = self._world.limits.get(LIMITS[kind])
        if limit is None:
            return _remaining(kind, UNLIMITED[kind])
        key = (_subscription(request.path), _principal(request), kind)
        now = self._world.now()
        bucket = self._buckets.setdefault(key, Bucket(limit[0], limit[1], limit[0], now))
        wait = bucket.take(now)
        if wait:
            error = ArmError(429, "TooManyRequests", "The limit of requests is reached: try again later.")
            error.headers = {**_remaining(kind, 0), "Retry-After": str(max(1, math.ceil(wait)))}
            raise error
        return _remaining(kind, int(bucket.level))


def api_version(request: Request) -> str | None:
    """Return the api-version, whatever the case of its name (extension operations spell it api-Version)."""
    for name, value in request.query.items():
        if name.lower() == "api-version" and value:
            return value
    return None


def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request's body; ArmError 400 when there is none."""
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid and could not be read.")
    return body


def properties_of(request: Request) -> dict[str, Any]:
    """Return `properties` of a request's body, empty when it has none."""
    properties = body_of(request).get("properties") or {}
    if not isinstance(properties, dict):
        raise ArmError(400, "InvalidRequestContent", "The property 'properties' must be an object.")
    return properties


def page(world: World, items: list[dict[str, Any]], request: Request, **last: None) -> Response:
    """Return one page of what the caller may see of a list: `value` and an absolute `nextLink`, if more follow.

    `last` is what the last page has besides; some providers write `nextLink` there, as null.
    """
    if world.roles.principals:
        caller = world.roles.of(request)
        items = [item for item in items if caller.may(*operation("GET", item["id"]))]
    token = request.query.get("$skiptoken", "0")
    start = int(token) if token.isdecimal() else 0
    end = start + world.page_size
    payload: dict[str, Any] = {"value": items[start:end], **last}
    if end < len(items):
        link = f"{request.base_url}{request.path}?api-version={api_version(request)}&$skiptoken={end}"
        payload["nextLink"] = link
    return Response.json(payload)


def not_found(kind: str, name: str, group: str) -> ArmError:
    """Return ARM's own 404 for a top-level resource (general knowledge of its text)."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def _unauthenticated(tenant: str) -> ArmError:
    text = "Authentication failed. The 'Authorization' header is missing."
    error = ArmError(401, "AuthenticationFailed", text)
    error.headers = {
        "WWW-Authenticate": f'Bearer authorization_uri="https://login.windows.net/{tenant}", '
        f'error="invalid_token", error_description="{text}"'
    }
    return error


def _signature(url: str, now: datetime) -> str:
    """Return what ARM adds to a link to an operation (recorded, arc_extension_install.json seq 23): nobody checks it.

    A client must neither rebuild such a link nor find it short: the certificate alone has 2.6 kB.
    """
    ticks = (now - datetime.min.replace(tzinfo=UTC)) // timedelta(microseconds=1) * 10
    signature, digest = _random(f"{url}&{ticks}", 256), _random(url, 32)
    return f"&t={ticks}&c={_CERTIFICATE}&s={signature}&h={digest}"


def _random(seed: str, size: int) -> str:
    return base64.urlsafe_b64encode(hashlib.shake_256(seed.encode()).digest(size)).rstrip(b"=").decode()


_CERTIFICATE = _random("certificate", 1950)


def _identifiers(request: Request, now: datetime) -> dict[str, str]:
    identifier = str(uuid.uuid4())
    headers = {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "x-ms-request-id": identifier,
        "x-ms-correlation-request-id": request.headers.get("x-ms-correlation-request-id", identifier),
        "x-ms-routing-request-id": f"SIMULATOR:{now:%Y%m%dT%H%M%SZ}:{identifier}",
    }
    client = request.headers.get("x-ms-client-request-id")
    return headers | ({"x-ms-client-request-id": client} if client else {})


def _remaining(kind: str, left: int) -> dict[str, str]:
    prefix = "x-ms-ratelimit-remaining-subscription"
    return {f"{prefix}-{kind}": str(left), f"{prefix}-global-{kind}": str(GLOBAL[kind])}


def _limit_kind(method: str) -> str:
    if method in ("GET", "HEAD"):
        return "reads"
    return "deletes" if method == "DELETE" else "writes"


def _subscription(path: str) -> str:
    parts = path.split("/")
    return parts[2].lower() if len(parts) > 2 else ""


def _principal(request: Request) -> str:
    return hashlib.sha256(request.headers.get("Authorization", "").encode()).hexdigest()
