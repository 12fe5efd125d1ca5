"""Token passwords and the connection string that carries one to a site."""

import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from typing import Self

SLOTS = ("password1", "password2")

_ALPHABET = string.ascii_letters + string.digits + "+/"

# Every value ever generated in this process, for tests that look for leaks (`GET /control/secrets`).
_issued: list[str] = []


@dataclass(frozen=True, slots=True)
class Password:
    """One generated password: valid from a moment on, until it is replaced or expires."""

    value: str
    created: datetime
    valid_from: datetime
    expiry: datetime | None = None

    @classmethod
    def generate(cls, now: datetime, valid_from: datetime, expiry: datetime | None = None) -> Self:
        """Return a password of the recorded shape: 42 characters, `+ACR`, 6 more (acr_token.json)."""
        value = f"{_characters(42)}+ACR{_characters(6)}"
        _issued.append(value)
        return cls(value, now, valid_from, expiry)

    def valid(self, value: str, now: datetime) -> bool:
        """Say whether `value` is this password and it is valid now."""
        alive = self.valid_from <= now and (self.expiry is None or now < self.expiry)
        return alive and secrets.compare_digest(value.encode(), self.value.encode())


@dataclass(frozen=True, slots=True)
class ConnectionString:
    """What `az acr connected-registry get-settings` prints (azure-cli, connected_registry.py)."""

    registry: str
    token: str
    password: str
    gateway: str
    protocol: str
    identity: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `Key=value;…`; missing keys are empty, since a wrong string is an instance's problem."""
        pairs = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
        return cls(
            pairs.get("ConnectedRegistryName", ""),
            pairs.get("SyncTokenName", ""),
            pairs.get("SyncTokenPassword", ""),
            pairs.get("ParentGatewayEndpoint", ""),
            pairs.get("ParentEndpointProtocol", ""),
            pairs.get("ManagedIdentityClientId", ""),
        )

    def render(self) -> str:
        """Return the string, without a trailing semicolon."""
        secret = f"SyncTokenName={self.token};SyncTokenPassword={self.password}"
        who = f"ManagedIdentityClientId={self.identity}" if self.identity else secret
        where = f"ParentGatewayEndpoint={self.gateway};ParentEndpointProtocol={self.protocol}"
        return f"ConnectedRegistryName={self.registry};{who};{where}"


def issued() -> list[str]:
    """Return every password value generated so far."""
    return list(_issued)


def _characters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))
