"""Who may start: never more than could fail within the bound."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.starting import Starts


async def run(starts: Starts, fails: list[bool]) -> tuple[int, int, int]:
    """Run sites that fail or not; return how many started, how many failed, and the most at once."""
    running = most = started = failed = 0

    async def one(fail: bool) -> None:
        nonlocal running, most, started, failed
        if not await starts.begin():
            return
        started, running = started + 1, running + 1
        most = max(most, running)
        await asyncio.sleep(0)
        running, failed = running - 1, failed + fail
        await starts.end(failed=fail)

    await asyncio.gather(*(one(fail) for fail in fails))
    return started, failed, most


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 10), st.integers(0, 5))
def test_failures_never_exceed_their_bound_by_more_than_one(fails, width, bound):
    started, failed, most = asyncio.run(run(Starts(width, bound), fails))

    assert failed <= bound + 1
    assert most <= min(width, bound + 1)
    assert failed > bound or started == len(fails)


@pytest.mark.parametrize("width", [1, 3])
def test_without_a_bound_every_site_starts(width):
    assert asyncio.run(run(Starts(width), [True] * 9)) == (9, 9, width)
