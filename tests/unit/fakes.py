"""Honest fakes of what unit tests can't have for real: time, and the outside world."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from arcfleet.core.passwords.credentials import Minted
from arcfleet.core.passwords.journal import Entry
from arcfleet.core.secret import Secret
from arcfleet.gateways.no_announcements import NoAnnouncements
from arcfleet.gateways.passwords import OwnPasswords
from arcfleet.ports import Gateways


class FakeClock:
    """Time whose sleep only adds to a number. Like real time it always moves on."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now = max(self.now + seconds, math.nextafter(self.now, math.inf))


class Script:
    """Answers of one port method, one per call; the last one stays. An exception is raised; calls are kept.

    `calls` holds the positional arguments, `options` the named ones, of each call.
    """

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[Any, ...]] = []
        self.options: list[dict[str, Any]] = []

    async def __call__(self, *args: Any, **options: Any) -> Any:
        self.calls.append(args)
        self.options.append(options)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


class FakeJournal:
    """A journal in memory; `phases` holds what was written, in order."""

    def __init__(self, **entries: Entry) -> None:
        self.owner = "this run"
        self.entries = dict(entries)
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.phases: list[tuple[str, str]] = []

    def alone(self, key: str) -> asyncio.Lock:
        return self.locks[key]

    async def forget(self, key: str) -> None:
        self.entries.pop(key, None)

    async def read(self, key: str) -> Entry | None:
        return self.entries.get(key)

    async def write(self, key: str, entry: Entry) -> None:
        self.entries[key] = entry
        self.phases.append((entry.phase, entry.slot))


class FakeTokens:
    """Registries that know tokens by id, and mint numbered passwords at `now`."""

    def __init__(self, tokens: Mapping[str, Any]) -> None:
        self.tokens = tokens
        self.minted: list[tuple[str, str]] = []
        self.ages: list[float] = []
        self.ends: list[datetime | None] = []
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    async def token(self, _registry: Any, token_id: str, *, max_age: float) -> Any:
        self.ages.append(max_age)
        return self.tokens[token_id]

    async def generate_password(
        self, _registry: Any, token_id: str, slot: str, *, expires: datetime | None = None
    ) -> Minted:
        self.minted.append((token_id, slot))
        self.ends.append(expires)
        return Minted(Secret(f"minted-{len(self.minted)}"), self.now)

    async def service_time(self) -> datetime:
        return self.now


def gateways(**ports: Any) -> Gateways:
    """Return gateways of the given ports; any other one is refused."""
    missing = {
        name: None
        for name in ("registries", "extensions", "subscriptions", "images", "kubernetes", "checks", "site_registries")
        if name not in ports
    }
    journal = ports.pop("journal", None) or FakeJournal()
    passwords = ports.pop("passwords", OwnPasswords())
    announcements = ports.pop("announcements", NoAnnouncements())
    clock = ports.pop("clock", FakeClock())
    return Gateways(passwords=passwords, clock=clock, journal=journal, announcements=announcements, **missing, **ports)


def port(**methods: Callable[..., Awaitable[Any]]) -> Any:
    """Return a port of these methods; a call of any other fails."""
    return SimpleNamespace(**methods)
