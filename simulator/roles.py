"""Who asks, and what their roles allow: Azure's role-based access control.

A role assignment holds at its scope and below. It allows an operation that matches one of its `actions` and none of
its `notActions`; `*` stands for any text; roles add up (MicrosoftDocs, role-based-access-control/role-definitions).
"""

import base64
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.http import Request


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role definition's permissions at one scope."""

    scope: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def covers(self, scope: str) -> bool:
        """Say whether the assignment holds at `scope`."""
        return within(scope, self.scope)

    def allows(self, action: str) -> bool:
        """Say whether the role has `action`, wherever it is assigned."""
        return _matches(action, self.actions) and not _matches(action, self.not_actions)

    def view(self) -> dict[str, list[str]]:
        """Return the permissions as `Microsoft.Authorization/permissions` shows them."""
        return {
            "actions": list(self.actions),
            "notActions": list(self.not_actions),
            "dataActions": list(self.data_actions),
            "notDataActions": list(self.not_data_actions),
        }


@dataclass(frozen=True, slots=True)
class Principal:
    """A service principal; `token` is a bearer token that stands for it beside those of the authority."""

    client_id: str
    object_id: str
    token: str | None = None
    assignments: tuple[Assignment, ...] = ()

    def may(self, action: str, scope: str) -> bool:
        """Say whether a role allows `action` at `scope`.

        Reads of a whole subscription are open to whoever has the right somewhere in it, and its index of resources to
        whoever has any role there; `arm.page` then leaves out what he may not see (general knowledge).
        """
        inside = [a for a in self.assignments if a.covers(scope) or (_whole(scope) and within(a.scope, scope))]
        if action.lower() in _INDEX and _whole(scope):
            return bool(inside) or scope == "/"
        reading = action.endswith("/read")
        return any(a.allows(action) for a in inside if reading or a.covers(scope))

    def knows(self, scope: str) -> bool:
        """Say whether any role holds at `scope`."""
        return any(a.covers(scope) for a in self.assignments)

    def permissions(self, scope: str) -> list[dict[str, list[str]]]:
        """Return what every role that holds at `scope` permits."""
        return [a.view() for a in self.assignments if a.covers(scope)]


EVERYTHING = Assignment("/", ("*",))


@dataclass(slots=True)
class Roles:
    """The principals of a world; one that names none lets everybody do everything."""

    principals: list[Principal] = field(default_factory=list)

    def of(self, request: Request) -> Principal:
        """Return who sends a request."""
        return self.bearer(request.headers.get("Authorization", "").removeprefix("Bearer "))

    def bearer(self, token: str) -> Principal:
        """Return whom a bearer token stands for: one that the world does not name has no role."""
        client = _client(token)
        for principal in self.principals:
            if token == principal.token or client == principal.client_id:
                return principal
        return self.client(client or str(uuid.uuid5(uuid.NAMESPACE_OID, token)))

    def client(self, client_id: str) -> Principal:
        """Return the principal with a client id; without one in the world its object id is derived."""
        for principal in self.principals:
            if principal.client_id == client_id:
                return principal
        assigned = () if self.principals else (EVERYTHING,)
        return Principal(client_id, object_id(client_id), assignments=assigned)


def roles_of(data: Mapping[str, Any]) -> Roles:
    """Return the principals of a checked world, with their roles."""
    return Roles([_principal(item) for item in data.get("principals", [])])


def _principal(item: Mapping[str, Any]) -> Principal:
    keys = ("actions", "notActions", "dataActions", "notDataActions")
    roles = item.get("roles", [])
    assigned = tuple(Assignment(role["scope"], *(tuple(role.get(key, ())) for key in keys)) for role in roles)
    client = item["clientId"]
    return Principal(client, item.get("objectId", object_id(client)), item.get("token"), assigned)


def object_id(client_id: str) -> str:
    """Return the object id of a principal of which only the client id is given."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, client_id))


def within(scope: str, outer: str) -> bool:
    """Say whether `scope` is `outer` or below it; ids are compared without case."""
    return f"{scope.rstrip('/')}/".lower().startswith(f"{outer.rstrip('/')}/".lower())


def operation(method: str, path: str) -> tuple[str, str]:
    """Return the operation that a request needs, and the scope at which it needs it.

    Source: the naming of the providers' operations (MicrosoftDocs, resource-provider-operations): the type's name with
    `read`, `write`, `delete`, or with the name of a POST and `action`. The scope of a list is its own path, but for a
    subscription's (seen in error messages of `az vm list`).
    """
    parts = [p for p in path.split("/") if p]
    at = max((i for i, p in enumerate(parts) if p.lower() == "providers"), default=None)
    if at is None or len(parts) <= at + 2:
        return _resource_manager(method, parts, at)
    kinds = parts[at + 2 :: 2]
    kind = "/".join([parts[at + 1], *kinds])
    if method == "POST":
        suffix = _POSTED.get(kinds[-1].lower(), "action")
        return f"{kind}/{suffix}", _join(parts[: -1 if len(kinds) > 1 else at])
    return f"{kind}/{_VERBS[method]}", _join(parts[:at] if len(parts) == 5 else parts)


def _resource_manager(method: str, parts: list[str], at: int | None) -> tuple[str, str]:
    """Return the operation of a request to ARM itself."""
    if at is not None:
        return f"Microsoft.Resources/subscriptions/providers/{_VERBS[method]}", _join(parts[:at])
    kind = "/".join(["Microsoft.Resources", *parts[::2]])
    return f"{kind}/{_VERBS[method]}", _join(parts if len(parts) % 2 == 0 else parts[:-1])


_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}
# POSTs that only read.
_POSTED = {"checknameavailability": "read"}
# What shows a caller where he is: the lists of subscriptions, groups and resources.
_INDEX = {
    "microsoft.resources/subscriptions/read",
    "microsoft.resources/subscriptions/resourcegroups/read",
    "microsoft.resources/subscriptions/resources/read",
}


def _whole(scope: str) -> bool:
    """Say whether a scope is a subscription, or all of them."""
    return len([part for part in scope.split("/") if part]) <= 2


def _join(parts: Iterable[str]) -> str:
    return "/" + "/".join(parts)


def _matches(action: str, patterns: Iterable[str]) -> bool:
    return any(re.fullmatch(re.escape(p).replace(r"\*", ".*"), action, re.IGNORECASE) for p in patterns)


def _client(token: str) -> str | None:
    """Return the `appid` of a token of the authority's, None when it is no such token."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return None
    return str(claims["appid"]) if isinstance(claims, dict) and "appid" in claims else None
