"""Speaking to a fleet's run from another process: its orders, its gate's form, and what it says of itself."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from prefect.artifacts import Artifact
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId, LogFilterLevel
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.client.schemas.sorting import LogSort

from arcfleet.core.reasons import Reason
from arcfleet.core.runs import orders
from arcfleet.core.runs.orders import Lease, Orders
from arcfleet.errors import PermanentError
from tasks import lease as leases
from tasks import variables
from tasks.server import translated

INFO = 20
"""Prefect's level of what is shown of a log."""
LINES = 6
"""Of a run's log, the newest."""
ASKED_AGAIN = 8.0
"""Seconds within which a run asks again that does not take an answer."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate of a run that waits for a person."""

    key: str
    """Its place, and the number of the question there: `canary-after-0-1`."""
    question: str
    """Markdown: what is asked, what the plan changes, who may answer."""

    @property
    def place(self) -> str:
        """Its place, for example `canary-after-0`."""
        return self.key.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A run that holds a fleet."""

    lease: Lease
    told: Orders
    gate: Gate | None
    """The gate that waits for an answer."""
    paused_by_hand: bool
    """Whether it was paused in the Prefect UI."""
    log: tuple[tuple[datetime, str], ...]
    """The newest lines of its log, the oldest of them first."""


async def under_way(fleet: str) -> UnderWay | None:
    """Return the run that holds a fleet; None where none does, or only one that has ended without a word.

    Raises:
        TransientError: The Prefect server does not answer.
    """
    with translated(f"run of fleet {fleet}"):
        async with get_client() as client:
            lease = await leases.holder(client, fleet)
            if lease is None:
                return None
            state = (await client.read_flow_run(UUID(lease.run))).state
            gate, told = await _gate(client, lease, state), await leases.orders_of(client, fleet, lease.run)
            return UnderWay(lease, told, gate, leases.paused_by_hand(state), await _log(client, lease))


async def order(fleet: str, run: UnderWay, change: Callable[[Orders], Orders]) -> None:
    """Give a run orders: those that it has, changed."""
    with translated(f"orders of fleet {fleet}"):
        async with get_client() as client:
            told = change(await leases.orders_of(client, fleet, run.lease.run))
            await variables.write(client, orders.orders_key(fleet), told.to_json())


async def lift(run: UnderWay) -> None:
    """End a pause that was begun in the Prefect UI."""
    await _resume(run, None)


async def answer(run: UnderWay, said: Mapping[str, str]) -> None:
    """Answer the gate that a run waits at.

    Args:
        run: It waits at a gate.
        said: The fields of `tasks.gates.Decision`.

    Raises:
        PermanentError: Prefect does not take the answer, with its words.
    """
    # It answers 200 to what it refuses: only the status in the answer tells.
    await _resume(run, said)


async def asked_again(fleet: str, before: UnderWay) -> Gate | None:
    """Return the same gate's next question, where the run asks again at once as it does not take an answer."""
    gate = before.gate
    deadline = time.monotonic() + ASKED_AGAIN
    while time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        run = await under_way(fleet)
        if run is None or gate is None:
            return None
        if run.gate and run.gate.key != gate.key:
            return run.gate if run.gate.place == gate.place else None
    return None


async def last_outcomes(fleet: str) -> dict[str, str]:
    """Return how the sites of a fleet's last run ended, by name; empty where Prefect knows of none."""
    with translated(f"last run of fleet {fleet}"):
        found = await Artifact.aget(key=f"fleet-{fleet}")
    rows: list[dict[str, str]] = json.loads(found.data) if found and isinstance(found.data, str) else []
    return {row["site"]: row["outcome"].rpartition(" ")[2] for row in rows}


async def _gate(client: PrefectClient, lease: Lease, state: State[Any] | None) -> Gate | None:
    keys = state.state_details.run_input_keyset if state and state.is_paused() else None
    if state is None or keys is None:
        return None
    # The state is there a moment before its form is.
    found = await client.filter_flow_run_input(UUID(lease.run), keys["description"], 1, set())
    if not found:
        return None
    text = json.loads(found[0].value)
    return Gate(str(state.state_details.pause_key), str(text))


async def _resume(run: UnderWay, answers: Mapping[str, str] | None) -> None:
    with translated(f"run {run.lease.name}"):
        async with get_client() as client:
            result = await client.resume_flow_run(UUID(run.lease.run), run_input=dict(answers) if answers else None)
    if result.status is not SetStateStatus.ACCEPT:
        words = getattr(result.details, "reason", None) or "it does not say why"
        raise PermanentError(Reason.REFUSED, f"Prefect does not take it: {words}", "arcfleet runs FLEET shows the run")


async def _log(client: PrefectClient, lease: Lease) -> tuple[tuple[datetime, str], ...]:
    wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(lease.run)]), level=LogFilterLevel(ge_=INFO))
    found = await client.read_logs(wanted, limit=5 * LINES, sort=LogSort.TIMESTAMP_DESC)
    # Prefect says of each task that it has ended.
    said = [(line.timestamp, line.message) for line in found if not line.message.startswith("Finished in state")]
    return tuple(reversed(said[:LINES]))
