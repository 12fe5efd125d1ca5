"""The connection string by which the extension reaches the connected registry's parent: composed, parsed, checked.

`ConnectedRegistryName=…;SyncTokenName=…;SyncTokenPassword=…;ParentGatewayEndpoint=…;ParentEndpointProtocol=…`, without
a semicolon at its end. A string with a placeholder in it installs, and never comes online, so none leaves unchecked.

Source: `az acr connected-registry get-settings`, whose placeholders are written `<…>`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from arcfleet.core import names
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError

_PASSWORD = re.compile(r"(?!<)[!-:<-~]+")
"""Visible ASCII without a semicolon; Azure's are 52 of base64's characters and `+ACR`, which it does not promise."""
_HOST = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_RULES: dict[str, re.Pattern[str]] = {
    "ConnectedRegistryName": names.CONNECTED_REGISTRY,
    "SyncTokenName": names.RESOURCE,
    "SyncTokenPassword": _PASSWORD,
    "ParentGatewayEndpoint": _HOST,
    "ParentEndpointProtocol": re.compile(r"https?"),
}
"""The parts in az's order, and what each may be."""


@dataclass(frozen=True, slots=True)
class ConnectionString:
    """What a connection string says."""

    connected_registry: str
    token: str
    """The sync token's name."""
    password: Secret
    gateway: str
    """The parent's host, with a port where it needs one."""
    protocol: str
    """`https` or `http`."""

    def compose(self) -> Secret:
        """Return the string.

        Raises:
            PermanentError: A part is empty, a placeholder, or nothing that it may be.
        """
        values = (self.connected_registry, self.token, self.password.reveal(), self.gateway, self.protocol)
        parts = dict(zip(_RULES, values, strict=True))
        _check(parts)
        return Secret(";".join(f"{key}={value}" for key, value in parts.items()))


def parse(text: Secret) -> ConnectionString:
    """Return what a connection string says; its parts may come in any order.

    Raises:
        PermanentError: A part is missing, given twice, unknown, empty, a placeholder, or nothing that it may be.
    """
    parts: dict[str, str] = {}
    for part in text.reveal().split(";"):
        key, _, value = part.partition("=")
        if key not in _RULES or key in parts:
            # Not quoted: what is no key may be a piece of the password.
            raise _malformed("has a part that is none of its own, or is given twice")
        parts[key] = value
    if missing := [key for key in _RULES if key not in parts]:
        raise _malformed(f"lacks {', '.join(missing)}")
    _check(parts)
    registry, token, password, gateway, protocol = (parts[key] for key in _RULES)
    return ConnectionString(registry, token, Secret(password), gateway, protocol)


def check(text: Secret, connected_registry: str) -> None:
    """Look at a connection string before it is delivered.

    Raises:
        PermanentError: It is malformed, or of another connected registry.
    """
    found = parse(text).connected_registry
    if found.lower() != connected_registry.lower():
        raise _malformed(f"is of connected registry {found}, not {connected_registry}")


def _check(parts: dict[str, str]) -> None:
    for key, value in parts.items():
        if not _RULES[key].fullmatch(value):
            raise _malformed(f"has no {key}" if not value else f"has a {key} that is none")


def _malformed(what: str) -> PermanentError:
    return PermanentError(
        Reason.CREDENTIAL_UNUSABLE,
        f"the connection string {what}, so it is not delivered",
        "nothing was changed at the site; see what Azure shows of the connected registry: "
        "az acr connected-registry show --query parent",
    )
