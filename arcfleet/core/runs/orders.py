"""What people tell a run that is under way, and who holds a fleet: small records in Prefect's Variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

EXPIRY = timedelta(seconds=120)
"""After so long without a sign of life, a holder counts as dead."""


def lease_key(fleet: str) -> str:
    """Return the name of the Variable that says which run holds a fleet."""
    return _key("lease", fleet)


def orders_key(fleet: str) -> str:
    """Return the name of the Variable that says what a fleet's run was told."""
    return _key("orders", fleet)


def approval_key(fleet: str, gate: str) -> str:
    """Return the name of the Variable that keeps the approval of a gate, which is named by its key."""
    return _key("approval", f"{fleet}_{gate}")


def _key(kind: str, fleet: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "_", f"arcfleet_{kind}_{fleet}".lower())


@dataclass(frozen=True, slots=True)
class Orders:
    """What a run was told. A person may edit it in the Prefect UI, so whatever is unknown or ill-typed is left out."""

    run: str
    """Id of the flow run that is meant; another does not listen."""
    paused: bool = False
    aborted: bool = False
    retries: int = 0
    """How many times the failed sites were to be tried again."""
    skip: tuple[str, ...] = ()
    by: str = ""
    """Who spoke last."""

    def to_json(self) -> dict[str, Any]:
        """Return the orders as plain values."""
        return {**asdict(self), "skip": list(self.skip)}


def parse_orders(value: Any) -> Orders | None:
    """Return orders as a Variable holds them; None where it holds none."""
    if not isinstance(value, Mapping) or not isinstance(value.get("run"), str):
        return None
    skip = value.get("skip")
    retries = value.get("retries")
    return Orders(
        run=value["run"],
        paused=value.get("paused") is True,
        aborted=value.get("aborted") is True,
        retries=retries if isinstance(retries, int) else 0,
        skip=tuple(name for name in skip if isinstance(name, str)) if isinstance(skip, list) else (),
        by=str(value.get("by", "")),
    )


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a fleet."""

    run: str
    """Id of the flow run."""
    name: str
    """Its name."""
    host: str
    pid: int
    since: datetime
    renewed: datetime

    def to_json(self) -> dict[str, Any]:
        """Return the lease as plain values."""
        return {**asdict(self), "since": self.since.isoformat(), "renewed": self.renewed.isoformat()}

    def has_expired(self, now: datetime) -> bool:
        """Tell whether the holder was not heard of for too long."""
        return now - self.renewed > EXPIRY

    def __str__(self) -> str:
        return f"run {self.name}, begun {self.since:%Y-%m-%d %H:%M:%S}Z by process {self.pid} on {self.host}"


def parse_lease(value: Any) -> Lease | None:
    """Return a lease as a Variable holds it; None where it holds none, which is then anybody's."""
    try:
        return Lease(
            str(value["run"]), str(value["name"]), str(value["host"]), int(value["pid"]),
            datetime.fromisoformat(value["since"]), datetime.fromisoformat(value["renewed"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        return None
