"""What was asked of the simulator: counters by kind and an audit trail, without bodies and secrets."""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.http import Request

AUDIT_LENGTH = 200_000

_API_PREFIX = {"api": 2, "apis": 3}


@dataclass(slots=True)
class Entry:
    """One request; `status` is None if the connection was cut."""

    time: datetime
    method: str
    path: str
    kind: str
    site: str | None
    agent: str
    write: bool = False
    status: int | None = None

    def view(self) -> dict[str, Any]:
        """Return the entry for `GET /control/audit`."""
        view = {
            "time": self.time.isoformat(),
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "kind": self.kind,
            "userAgent": self.agent,
            "write": self.write,
        }
        return view | ({"site": self.site} if self.site else {})


@dataclass(slots=True)
class Ledger:
    """Counters since the last reset, and the last requests."""

    kinds: Counter[str] = field(default_factory=Counter)
    sites: dict[str, Counter[str]] = field(default_factory=dict)
    writes: int = 0
    unknown: int = 0
    audit: deque[Entry] = field(default_factory=lambda: deque(maxlen=AUDIT_LENGTH))

    def record(self, request: Request, kind: str, site: str | None, now: datetime, *, write: bool) -> Entry:
        """Count a request and return its entry, whose status the server fills in."""
        self.kinds[kind] += 1
        self.writes += write
        if site is not None:
            self.sites.setdefault(site, Counter())[kind] += 1
        agent = request.headers.get("User-Agent", "")
        entry = Entry(now, request.method, request.path, kind, site, agent, write)
        self.audit.append(entry)
        return entry

    def reset(self) -> None:
        """Begin the counters again; the audit trail stays."""
        self.kinds.clear()
        self.sites.clear()
        self.writes = self.unknown = 0

    def view(self) -> dict[str, Any]:
        """Return the counters for `GET /control/counters`."""
        return {
            "total": self.kinds.total(),
            "byKind": dict(sorted(self.kinds.items())),
            "writes": self.writes,
            "bySite": {site: dict(sorted(kinds.items())) for site, kinds in sorted(self.sites.items())},
            "unknownRoutes": self.unknown,
        }


def kube_kind(request: Request) -> str:
    """Return the kind of a Kubernetes request, for example `kube WATCH pods` or `kube GET pods/log`."""
    parts = [part for part in request.path.split("/") if part]
    rest = parts[_API_PREFIX.get(parts[0], len(parts)) :] if parts else []
    if not rest:
        return f"kube {request.method} discovery"
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    resource = "/".join([rest[0], *rest[2:3]])
    method = request.method
    if method == "GET" and request.query.get("watch") in ("1", "true", "True"):
        method = "WATCH"
    elif method == "GET" and len(rest) == 1:
        method = "LIST"
    return f"kube {method} {resource}"


def kube_writes(request: Request) -> bool:
    """Say whether a Kubernetes request changes something: a dry run or a review does not."""
    reviews = "reviews" in request.path and "authorization.k8s.io" in request.path
    return request.method not in ("GET", "HEAD") and "dryRun" not in request.query and not reviews


def registry_kind(request: Request) -> str:
    """Return the kind of a data-plane request, for example `registry HEAD manifests`."""
    parts = [part for part in request.path.split("/") if part]
    known = ("manifests", "tags", "_tags", "_catalog", "token", "exchange", "blobs")
    resource = next((part for part in reversed(parts) if part in known), "v2")
    return f"registry {request.method} {resource}"
