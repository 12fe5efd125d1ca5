"""The only wait loop: take a snapshot, judge it, tell what changed, look again; and doing so for several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from arcfleet.core.findings import Finding, Verdict, of_error
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError, TransientError
from arcfleet.ports import Clock

T = TypeVar("T")
R = TypeVar("R")
Look = Callable[[], Awaitable[Finding]]
"""Takes a snapshot and judges it."""


async def until_settled(
    look: Look,
    *,
    clock: Clock,
    deadline: float,
    delay: Callable[[float], float],
    on_change: Callable[[Finding], None],
) -> Finding:
    """Look until the finding is settled, and return it when it is healthy.

    Args:
        look: Takes a snapshot and judges it.
        clock: The world's time.
        deadline: Seconds after which a finding that is not settled is a failure.
        delay: From the seconds passed to the seconds until the next look.
        on_change: Called with the first finding and each that differs from the one before.

    Raises:
        PermanentError: The finding is a failure, or the deadline passed; carries the last finding's reason, evidence
            and remedy.
    """
    began, last = clock.monotonic(), None
    while True:
        try:
            finding = await look()
        except TransientError as error:
            # A look without an answer is no evidence; the next one may have it.
            finding = replace(of_error(error, "service"), verdict=Verdict.WAITING)
        if finding != last:
            on_change(finding)
            last = finding
        if finding.ok:
            return finding
        elapsed = clock.monotonic() - began
        if finding.settled:
            raise as_error(finding)
        if elapsed >= deadline:
            raise as_error(timed_out(finding, deadline))
        await clock.sleep(min(delay(elapsed), max(deadline - elapsed, 0.1)))


def timed_out(finding: Finding, deadline: float) -> Finding:
    """Return the failure that an unsettled finding becomes at its deadline. It keeps the reason: that is the cause."""
    unknown = finding.verdict is Verdict.UNKNOWN or finding.reason is Reason.OK
    reason = Reason.UNKNOWN_STATE if unknown else finding.reason
    message = f"still so after {deadline:.0f} s: {finding.message}"
    return replace(finding, verdict=Verdict.FAILED, reason=reason, message=message)


def as_error(finding: Finding) -> PermanentError:
    """Return the error that carries a finding."""
    message = f"{finding.subject}: {finding.message}"
    return PermanentError(finding.reason, message, finding.remedy, finding.evidence, finding.rule)


async def each(items: Iterable[T], width: int, one: Callable[[T], Awaitable[R]]) -> list[R]:
    """Return what `one` returns of each item, in the items' order; at most `width` are under way at once."""
    slots = asyncio.Semaphore(width)

    async def within(item: T) -> R:
        async with slots:
            return await one(item)

    return await asyncio.gather(*(within(item) for item in items))
