"""Shared answers: one call serves all who ask for the same thing."""

import asyncio
import math
from typing import Any

import pytest
from fakes import FakeClock, Script

from arcfleet.gateways.shared import Shared


async def test_all_who_wait_share_one_call():
    shared, call = Shared(FakeClock()), Script("answer")

    answers = await asyncio.gather(*(shared.get("key", call, 5) for _ in range(50)))

    assert answers == ["answer"] * 50
    assert len(call.calls) == 1


AGES = {
    "fresh": (5.0, 5.0, "old"),
    "too old": (5.1, 5.0, "new"),
    "for ever": (1e9, math.inf, "old"),
    "always anew": (0.1, 0.0, "new"),
}


@pytest.mark.parametrize(("passed", "max_age", "expected"), AGES.values(), ids=AGES)
async def test_an_answer_is_used_again_while_it_is_fresh(passed, max_age, expected):
    clock = FakeClock(100.0)
    shared, call = Shared(clock), Script("old", "new")
    first = await shared.get("key", call, max_age)

    clock.now += passed

    assert (first, await shared.get("key", call, max_age)) == ("old", expected)


async def test_an_answer_that_arrived_while_queueing_is_new_enough_for_any_age():
    clock = FakeClock()
    shared, calls = Shared(clock), []

    async def slow() -> str:
        calls.append(1)
        await asyncio.sleep(0)
        await clock.sleep(60)
        return "answer"

    await asyncio.gather(shared.get("key", slow, 0), shared.get("key", slow, 0))

    assert len(calls) == 1


async def test_different_keys_are_asked_apart():
    shared, call = Shared(FakeClock()), Script("a", "b")

    assert [await shared.get(key, call, 5) for key in ("x", "y", "x")] == ["a", "b", "a"]


async def test_none_is_an_answer_too():
    shared, call = Shared(FakeClock()), Script(None)

    assert [await shared.get("key", call, 5) for _ in range(2)] == [None, None]
    assert len(call.calls) == 1


class Slow(Script):
    """Answers that take their time."""

    def __init__(self, clock: FakeClock, *answers: Any) -> None:
        super().__init__(*answers)
        self.clock = clock

    async def __call__(self, *args: Any, **options: Any) -> Any:
        await asyncio.sleep(0)
        await self.clock.sleep(60)
        return await super().__call__(*args, **options)


async def test_a_failure_is_shared_by_all_who_queued_before_it_happened():
    clock = FakeClock()
    shared, call = Shared(clock), Slow(clock, ValueError("x"), "answer")

    answers = await asyncio.gather(*(shared.get("key", call, 5) for _ in range(50)), return_exceptions=True)

    assert {str(answer) for answer in answers} == {"x"}
    assert len(call.calls) == 1


async def test_who_comes_after_a_failure_asks_anew():
    clock = FakeClock()
    shared, call = Shared(clock), Slow(clock, ValueError("x"), "answer")
    with pytest.raises(ValueError, match="x"):
        await shared.get("key", call, 5)

    clock.now += 0.1

    assert await shared.get("key", call, math.inf) == "answer"
    assert len(call.calls) == 2


async def test_a_failure_does_not_outlive_a_later_answer():
    clock = FakeClock()
    shared, call = Shared(clock), Slow(clock, "old", ValueError("x"), "new")
    await shared.get("key", call, 5)
    clock.now += 10
    with pytest.raises(ValueError, match="x"):
        await shared.get("key", call, 5)
    clock.now += 1

    assert [await shared.get("key", call, 5) for _ in range(2)] == ["new", "new"]
    assert len(call.calls) == 3


async def test_a_failure_is_of_its_own_key_only():
    shared = Shared(FakeClock())

    answers = await asyncio.gather(
        shared.get("a", Script(ValueError("x")), 5), shared.get("b", Script("answer"), 5), return_exceptions=True
    )

    assert [str(answer) for answer in answers] == ["x", "answer"]


async def test_who_gives_up_waiting_leaves_the_others_their_turn():
    shared, entered = Shared(FakeClock()), asyncio.Event()

    async def stuck() -> str:
        entered.set()
        return await asyncio.Event().wait()

    first = asyncio.create_task(shared.get("key", stuck, 5))
    await entered.wait()
    second = asyncio.create_task(shared.get("key", Script("answer"), 5))
    first.cancel()

    assert await second == "answer"
    assert first.cancelled()


async def test_what_is_forgotten_is_asked_for_anew():
    shared, call = Shared(FakeClock()), Script("old", "new")
    first = await shared.get("key", call, math.inf)

    shared.forget("key", "another")

    assert (first, await shared.get("key", call, math.inf), await shared.get("key", call, math.inf)) == (
        "old", "new", "new",
    )  # fmt: skip


async def test_an_answer_that_was_on_its_way_when_it_was_forgotten_is_not_used_again():
    shared, call = Shared(FakeClock()), Script("old", "new")

    async def overtaken() -> str:
        shared.forget("key")
        return await call()

    first = await shared.get("key", overtaken, math.inf)

    assert (first, await shared.get("key", call, math.inf)) == ("old", "new")
