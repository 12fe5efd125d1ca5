"""Sites of a wave handed to Prefect workers in batches, under the budget of the run that hands them over."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Outcome, Trail
from arcfleet.errors import PermanentError
from tasks.batches import hand_over

if TYPE_CHECKING:
    from flows.engine import Engine

MARGIN = 3600.0
"""Seconds besides `timeouts.site` that a batch may take: to be taken by a worker, and for sync windows."""


def work(engine: Engine, wave: str, sites: Sequence[str]) -> Iterator[Coroutine[Any, Any, None]]:
    """Return the work on some sites, a batch each."""
    size = engine.fleet.rollout.batch
    return (_batch(engine, wave, sites[at : at + size]) for at in range(0, len(sites), size))


async def _batch(engine: Engine, wave: str, sites: Sequence[str]) -> None:
    """Have a worker bring some sites to their end; a batch that comes to none is the failure of its sites."""
    waiting = partial(engine.tell_wave, wave)
    work = asyncio.ensure_future(hand_over(engine.path, sites, wave, engine.began, waiting))
    engine.running |= dict.fromkeys(sites, work)
    longest = max(engine.sites[name].timeouts.site.total_seconds() for name in sites)
    try:
        await engine.time.first_of(work, longest + MARGIN)
        late = not work.done()
    finally:
        work.cancel()
    (found,) = await asyncio.gather(work, return_exceptions=True)
    if isinstance(found, asyncio.CancelledError):
        found = _late() if late else engine.control.error()
    by_name: dict[str, Outcome] = {} if isinstance(found, BaseException) else {item.site: item for item in found}
    error = found if isinstance(found, BaseException) else _late()
    for name in sites:
        engine.ended(by_name.get(name) or Trail(name).outcome(error))


def _late() -> PermanentError:
    return PermanentError(
        Reason.NO_WORKER,
        "the worker has not brought this site to an end in time",
        "look at the worker and its run in the Prefect UI; then deploy again: what was done is seen",
    )
