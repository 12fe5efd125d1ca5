"""One run per fleet at a time: a lease in Prefect's Variables, and the orders that its holder follows.

A Variable is made by one caller only, and changed or deleted by its id, which no other Variable ever has: so two who
want the same lease can't both get it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import VariableCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State, Variable
from prefect.exceptions import ObjectAlreadyExists, PrefectHTTPStatusError
from prefect.runtime import flow_run
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from arcfleet.core.reasons import Reason
from arcfleet.core.runs import orders
from arcfleet.core.runs.orders import Lease, Orders
from arcfleet.errors import PermanentError, TransientError
from tasks import variables
from tasks.control import Control
from tasks.server import translated
from tasks.variables import TAGS

POLL = 2.0
"""Seconds between two looks at the orders."""
RENEWAL = 20.0
"""Seconds between two signs of life."""
LOOK = 20.0
"""Seconds after which a look counts as not answered."""
UNHEARD = 6.0
"""Seconds without an answer after which people are told; a single look may fail."""
PATIENCE = 90.0
"""Seconds without a sign of life after which a run ends: soon enough that nobody has taken its fleet over by then.

With the last look and the time that steps are given to end it is less than `orders.EXPIRY`.
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that is ours, and the id of the Variable that holds it."""

    lease: Lease
    id: str


@asynccontextmanager
async def holding(fleet: str, control: Control, *, queue: bool) -> AsyncIterator[None]:
    """Hold a fleet while the context is open, and follow what its run is told.

    Args:
        fleet: The fleet's name.
        control: Told the orders.
        queue: Wait for another run's end, in place of being refused.

    Raises:
        PermanentError: Another run holds the fleet.
    """
    held = await _acquire(fleet, queue=queue)
    try:
        async with following(fleet, held.lease.run, control, held):
            yield
    finally:
        if control.ending is not Reason.SERVER_LOST:
            await _release(held)


@asynccontextmanager
async def following(fleet: str, run: str, control: Control, held: Held | None = None) -> AsyncIterator[None]:
    """Follow, while the context is open, what a run of the fleet is told.

    Args:
        fleet: The fleet's name.
        run: The flow run's id: of this run, or of one that this is a part of.
        control: Told the orders.
        held: The lease, which is renewed, where it is this run's.
    """
    task = asyncio.create_task(_follow(fleet, run, control, held))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def holder(client: PrefectClient, fleet: str) -> Lease | None:
    """Return who holds a fleet; None where nobody does who is alive."""
    lease = orders.parse_lease(await variables.read(client, orders.lease_key(fleet)))
    return None if lease is None or await is_dead(client, lease) else lease


async def orders_of(client: PrefectClient, fleet: str, run: str) -> Orders:
    """Return the orders that a fleet's run, by its id, was given; those of another are not for it."""
    said = orders.parse_orders(await variables.read(client, orders.orders_key(fleet)))
    return said if said and said.run == run else Orders(run)


async def is_dead(client: PrefectClient, lease: Lease) -> bool:
    """Tell whether a lease's holder is gone: by its silence, its process, or what Prefect knows of its run."""
    if lease.has_expired(datetime.now(UTC)) or (lease.host == socket.gethostname() and not _runs(lease.pid)):
        return True
    state = await _state(client, lease.run)
    return bool(state and state.is_final())


def paused_by_hand(state: State[Any] | None) -> bool:
    """Tell whether a run was paused in the Prefect UI. A gate's own pause has a form, which waits for an answer."""
    return bool(state and state.is_paused() and not state.state_details.run_input_keyset)


async def _take_orders(fleet: str, run: str, control: Control) -> None:
    """Take what a run is told: by its orders, and by the state that somebody set in the Prefect UI."""
    with translated(f"orders of fleet {fleet}"):
        async with get_client() as client:
            said, state = await orders_of(client, fleet, run), await _state(client, run)
    cancelled = state is not None and (state.is_cancelling() or state.is_final())
    control.told(replace(said, paused=said.paused or paused_by_hand(state), aborted=said.aborted or cancelled))


async def _acquire(fleet: str, *, queue: bool) -> Held:
    told = False
    while True:
        mine = _own()
        with translated(f"lease of fleet {fleet}"):
            async with get_client() as client:
                created = await _create(client, orders.lease_key(fleet), mine)
                if created:
                    return Held(mine, str(created.id))
                other = await client.read_variable_by_name(orders.lease_key(fleet))
                lease = orders.parse_lease(other.value) if other else None
                if other and (lease is None or await is_dead(client, lease)):
                    _log(f"the lease of fleet {fleet} is taken over from {lease or 'nobody'}, which has ended")
                    await _delete(client, str(other.id))
                    continue
        if lease is None:
            continue
        if not queue:
            raise PermanentError(
                Reason.BUSY, f"fleet {fleet} is held by {lease}",
                "wait for its end, or end it: arcfleet abort FLEET; --wait queues behind it",
            )  # fmt: skip
        if not told:
            _log(f"waiting: fleet {fleet} is held by {lease}")
        told = True
        await asyncio.sleep(POLL)


def _own() -> Lease:
    now = datetime.now(UTC)
    return Lease(str(flow_run.id), flow_run.name or "", socket.gethostname(), os.getpid(), now, now)


async def _create(client: PrefectClient, name: str, lease: Lease) -> Variable | None:
    try:
        return await client.create_variable(VariableCreate(name=name, value=lease.to_json(), tags=TAGS))
    except ObjectAlreadyExists:
        return None


async def _state(client: PrefectClient, run: str) -> State[Any] | None:
    """Return what state Prefect has a run in; None where it knows of no such run."""
    this = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run)]))
    found = await client.read_flow_runs(flow_run_filter=this, limit=1)
    return found[0].state if found else None


def _runs(pid: int) -> bool:
    """Tell whether a process of this machine lives. On Windows there is no signal that only asks."""
    if os.name == "nt" or pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _follow(fleet: str, run: str, control: Control, held: Held | None) -> None:
    """Renew a lease and take orders until cancelled, or until the run has to end.

    A server that does not answer is asked again at each look, not by Prefect's client, whose waits grow: a run must
    know within seconds that it is held no longer.
    """
    heard = renewed = time.monotonic()
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        while True:
            now = time.monotonic()
            due = now - renewed >= RENEWAL
            try:
                async with asyncio.timeout(LOOK):
                    held = await _renew(held) if held and due else held
                    await _take_orders(fleet, run, control)
                heard, renewed = now, now if due else renewed
            except PermanentError as error:
                return control.end(error.reason)
            except (TransientError, TimeoutError):
                if time.monotonic() - renewed > PATIENCE:
                    return control.end(Reason.SERVER_LOST)
            control.hear(answers=now - heard <= UNHEARD)
            await asyncio.sleep(POLL)


async def _renew(held: Held) -> Held:
    lease = replace(held.lease, renewed=datetime.now(UTC))
    with translated("lease"):
        async with get_client() as client:
            name = {"id": held.id}
            try:
                await client.request("PATCH", "/variables/{id}", path_params=name, json={"value": lease.to_json()})
            except PrefectHTTPStatusError as error:
                if not variables.is_missing(error):
                    raise
                raise PermanentError(Reason.LEASE_LOST, "another run has taken the fleet over") from None
    return replace(held, lease=lease)


async def _release(held: Held) -> None:
    try:
        with translated("lease"):
            async with get_client() as client:
                await _delete(client, held.id)
    except TransientError as error:
        # It expires by itself; the run's outcome must not be lost for it.
        _log(str(error))


async def _delete(client: PrefectClient, variable: str) -> None:
    try:
        await client.request("DELETE", "/variables/{id}", path_params={"id": variable})
    except PrefectHTTPStatusError as error:
        if not variables.is_missing(error):
            raise


def _log(message: str) -> None:
    get_run_logger().warning(message)
