"""Writes to a Prefect server whose database is busy: none holds up the others, none is lost."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES

from tasks import lane as lanes
from tasks.lane import Lane


class Server:
    """Keeps what is written, and refuses each of the given names so many times."""

    def __init__(self, **refusals: int) -> None:
        self.refusals, self.written, self.at_once = refusals, [], 0

    async def write(self, name: str, error: Exception = httpx.ReadError("busy")) -> None:  # noqa: B008 - not changed
        self.at_once += 1
        await asyncio.sleep(0)
        self.at_once -= 1
        assert (self.at_once, PREFECT_CLIENT_MAX_RETRIES.value()) == (0, 0)
        if self.refusals.get(name, 0):
            self.refusals[name] -= 1
            raise error
        self.written.append(name)


async def test_writes_go_one_after_the_other_and_one_that_is_refused_goes_behind_the_others():
    server = Server(a=2)

    async with lanes.opened() as lane:
        await asyncio.gather(*(lane.do(lambda name=name: server.write(name)) for name in "abc"))

    assert server.written == ["b", "c", "a"]


async def test_what_waiting_does_not_cure_is_told_at_once_and_the_lane_goes_on():
    server, refused = Server(a=1), ObjectAlreadyExists(http_exc=None)

    async with lanes.opened() as lane:
        with pytest.raises(ObjectAlreadyExists):
            await lane.do(lambda: server.write("a", refused))
        await lane.do(lambda: server.write("b"))

    assert server.written == ["b"]


async def test_a_server_that_stays_away_is_told_when_patience_ends():
    server, lane = Server(a=1000), Lane(patience=0.3)
    serving = asyncio.create_task(lane.serve())

    with pytest.raises(httpx.ReadError):
        await asyncio.wait_for(lane.do(lambda: server.write("a")), 10)

    serving.cancel()
    assert 2 <= 1000 - server.refusals["a"] <= 4


async def test_a_write_that_nobody_waits_for_any_more_is_not_done():
    server, lane = Server(), Lane()
    wanted = asyncio.create_task(lane.do(lambda: server.write("a")))
    await asyncio.sleep(0)
    wanted.cancel()
    serving = asyncio.create_task(lane.serve())

    await lane.do(lambda: server.write("b"))

    serving.cancel()
    assert server.written == ["b"]
