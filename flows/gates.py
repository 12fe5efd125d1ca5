"""Gates between waves: a moment, a check, or a person's word on the plan of what comes behind."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from prefect import get_run_logger

from arcfleet.core import moments
from arcfleet.core.counts import some
from arcfleet.core.durations import duration_text
from arcfleet.core.fleet.manifest import Approval, Check, Gate, Site
from arcfleet.core.planning import fleet_plan
from arcfleet.core.planning.fleet_plan import FleetPlan
from arcfleet.core.runs import approvals
from arcfleet.core.runs.outcomes import GateRecord
from arcfleet.core.runs.rollout import Answer, CheckResult
from arcfleet.core.runs.run_waves import GateId
from arcfleet.errors import TransientError
from flows import announcing, planning
from tasks import gates as tasks
from tasks.runtime import unwatched

if TYPE_CHECKING:
    from flows.engine import Engine

ASK_AGAIN = 15.0
"""Seconds between two questions of a check that has not decided."""
SHOWN = 20
"""Lines of a plan in an approval's form."""


async def reach(engine: Engine, place: GateId, gate: Gate) -> None:
    """Pass a gate, or learn that it can't be passed. Without an answer where the run is told something meanwhile.

    Then, as where Prefect's server does not answer for a while, it is reached again.
    """
    try:
        await _reach(engine, place, gate)
    except TransientError as error:
        get_run_logger().warning("gate %s: %s", place, error)
        await engine.unless_told(asyncio.sleep(tasks.POLL))


async def _reach(engine: Engine, place: GateId, gate: Gate) -> None:
    plan = await _plan(engine, place)
    if not plan.changing:
        await _skipped(engine, place)
    elif gate.not_before:
        await _moment(engine, place, gate)
    elif gate.check and place not in engine.asked:
        await _check(engine, place, gate.check)
    else:
        await _approval(engine, place, gate.approval or Approval(), plan)


async def forget(engine: Engine) -> None:
    """Forget the approvals of a run that has come to an end of its own: they are not for the next."""
    approved = {record.gate for record in engine.records if record.plan}
    for place in engine.answers:
        if str(place) in approved:
            await tasks.forget(engine.fleet.name, place)


def _behind(engine: Engine, place: GateId) -> list[Site]:
    """Return the sites that a gate keeps from being begun."""
    names = [wave.name for wave in engine.waves]
    at = names.index(place.wave)
    waves = engine.waves[at + 1 :] if place.after else engine.waves[at : at + 1]
    return [engine.sites[name] for wave in waves for name in wave.sites if name not in engine.outcomes]


async def _plan(engine: Engine, place: GateId) -> FleetPlan:
    engine.tell_wave(place.wave, f"gate {place}: planning what is behind it")
    with unwatched():
        return await planning.make(engine.fleet, _behind(engine, place))


async def _answered(
    engine: Engine, place: GateId, answer: Answer, word: str, *, by: str = "", comment: str = "", plan: str = ""
) -> None:
    engine.answers[place] = answer
    record = GateRecord(str(place), word, await engine.time.now(), by, comment, plan)
    engine.records.append(record)
    announcing.gate_answered(engine, place, word, by)
    get_run_logger().info("gate %s: %s%s %s", place, word, f" by {by}" if by else "", comment)


async def _skipped(engine: Engine, place: GateId) -> None:
    await _answered(engine, place, Answer.APPROVED, "skipped", comment="nothing is to be done behind it")


async def _moment(engine: Engine, place: GateId, gate: Gate) -> None:
    moment = moments.first_after(str(gate.not_before), engine.began)
    engine.tell_wave(place.wave, f"gate {place}: not before {moment:%Y-%m-%d %H:%M %Z}")
    if await engine.passed((moment - await engine.time.now()).total_seconds()):
        await _answered(engine, place, Answer.APPROVED, "passed", comment=f"it is {moment:%Y-%m-%d %H:%M %Z}")


async def _check(engine: Engine, place: GateId, check: Check) -> None:
    asked = check.url or f"deployment {check.deployment}"
    engine.tell_wave(place.wave, f"gate {place}: asking {asked}")
    said: list[CheckResult] = []
    # A deployment is run once: what the run is told waits until it has ended.
    unless = engine.unless_told if check.url else engine.unless_ended
    left = engine.left(f"check {place}", check.timeout.total_seconds())
    with contextlib.suppress(TimeoutError):
        if not await unless(_decided(engine, check, said), left):
            return
    last = said[-1] if said else CheckResult("inconclusive", "no answer in time")
    if last.result == "inconclusive":
        get_run_logger().warning("gate %s: %s is inconclusive (%s), so a person is asked", place, asked, last.because)
        await _approval(engine, place, Approval(), await _plan(engine, place))
        return
    passed = last.result == "pass"
    answer = Answer.APPROVED if passed else Answer.REJECTED
    await _answered(engine, place, answer, "passed" if passed else "failed", by=asked, comment=last.because)


async def _decided(engine: Engine, check: Check, said: list[CheckResult]) -> bool:
    """Ask until something other than inconclusive is said; a deployment is run once."""
    while not said or (check.url and said[-1].result == "inconclusive"):
        if check.url:
            said.append(await engine.here.gateways.checks.ask(check.url))
            if said[-1].result == "inconclusive":
                await engine.here.gateways.clock.sleep(ASK_AGAIN)
        else:
            said.append(await tasks.ask_deployment(str(check.deployment), check.parameters))
    return True


async def _approval(engine: Engine, place: GateId, approval: Approval, plan: FleetPlan) -> None:
    """Ask a person until somebody who may has answered for the plan as it still is then."""
    if await _given_before(engine, place, plan):
        return
    remark = ""
    while True:
        engine.asked[place] += 1
        _tell_asked(engine, place, approval, plan)
        announcing.gate_waits(engine, place, _asked(engine, approval, plan))
        question, key = _question(engine, place, approval, plan, remark), f"{place.key}-{engine.asked[place]}"
        left = engine.left(f"approval {place}", approval.timeout.total_seconds())
        try:
            said = await engine.unless_told(tasks.ask_person(question, key), left)
        except TimeoutError:
            await _unanswered(engine, place, approval)
            return
        if said is None or engine.control.ending:
            return
        if approval.from_ and said.name not in approval.from_:
            remark = f"{said.name} may not answer this gate."
            continue
        if said.decision == "reject":
            await _said(engine, place, Answer.REJECTED, said, plan)
            return
        before, plan = plan, await _plan(engine, place)
        if await _holds(engine, place, said, before, plan):
            return
        remark = f"The plan has changed since: {before.id} was approved, so that approval is void."
        get_run_logger().warning("gate %s: %s", place, remark)


async def _given_before(engine: Engine, place: GateId, plan: FleetPlan) -> bool:
    """Pass a gate that an earlier run, which this one continues, was given the approval of."""
    before = await tasks.kept(engine.fleet.name, place, plan)
    if before is None or not before.holds(plan):
        return False
    comment = f"given to an earlier run at {before.at:%Y-%m-%d %H:%M}Z"
    await _answered(engine, place, Answer.APPROVED, "approved", by=before.by, comment=comment, plan=before.plan)
    return True


async def _holds(engine: Engine, place: GateId, said: tasks.Decision, shown: FleetPlan, now: FleetPlan) -> bool:
    """Pass a gate where the plan that was approved is still the plan, or nothing is left to be done behind it."""
    given = approvals.of_plan(shown, said.name, await engine.time.now(), said.comment)
    if given.holds(now):
        await tasks.keep(engine.fleet.name, place, given)
        await _said(engine, place, Answer.APPROVED, said, shown)
    elif not now.changing:
        await _skipped(engine, place)
    else:
        return False
    return True


async def _said(engine: Engine, place: GateId, answer: Answer, said: tasks.Decision, plan: FleetPlan) -> None:
    await _answered(engine, place, answer, str(answer), by=said.name, comment=said.comment, plan=plan.id)


def _tell_asked(engine: Engine, place: GateId, approval: Approval, plan: FleetPlan) -> None:
    who = f" by {' or '.join(approval.from_)}" if approval.from_ else ""
    name = shlex.quote(approval.from_[0]) if len(approval.from_) == 1 else "NAME"
    engine.tell_wave(
        place.wave,
        f"gate {place}: approval{who} of plan {plan.id}, {some(len(plan.changing), 'site changes', 'sites change')}, "
        f"within {duration_text(approval.timeout)}",
        f"arcfleet approve {shlex.quote(engine.path)} --as {name} (or reject), or answer in the Prefect UI",
    )


async def _unanswered(engine: Engine, place: GateId, approval: Approval) -> None:
    goes_on = approval.on_timeout == "continue"
    answer = Answer.APPROVED if goes_on else Answer.EXPIRED
    comment = f"nobody answered within {duration_text(approval.timeout)}"
    await _answered(engine, place, answer, "continued" if goes_on else "expired", comment=comment)


def _asked(engine: Engine, approval: Approval, plan: FleetPlan) -> str:
    who = f"of {', '.join(approval.from_)} " if approval.from_ else ""
    within = f"within {duration_text(approval.timeout)}"
    return f"an approval {who}of plan {plan.id} {within}: arcfleet approve {engine.fleet.name}, or in the Prefect UI"


def _question(engine: Engine, place: GateId, approval: Approval, plan: FleetPlan, remark: str) -> str:
    """Return what the form says: what is asked, what the plan changes, and who may answer.

    Sites are a list, as the form is too narrow for a table.
    """
    rows = [row for row in fleet_plan.rows(plan) if row["what"] != "nothing to do"]
    shown = "\n".join(f"- **{row['site']}** {row['plan']}: {_what(row)}" for row in rows[:SHOWN])
    rest = some(len(rows) - SHOWN, "more site")
    more = f"\n\n… and {rest}: the plan-fleet deployment shows all" if len(rows) > SHOWN else ""
    side = "after" if place.after else "before"
    who = f"May answer: {', '.join(approval.from_)}." if approval.from_ else ""
    return "\n\n".join(
        filter(None, [
            remark, f"Fleet **{engine.fleet.name}**, gate {side} wave **{place.wave}**. Plan `{plan.id}`. {who}",
            "  \n".join(fleet_plan.summary(plan)),
            f"{shown}{more}",
        ])
    )  # fmt: skip


def _what(row: Mapping[str, str]) -> str:
    return "; ".join(filter(None, (row["what"], row["effect"])))
