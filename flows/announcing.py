"""What a run tells automations as it goes: its waves' beginnings and ends, its gates and their answers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from arcfleet.core.reporting import events
from arcfleet.core.runs import rollout
from arcfleet.core.runs.outcomes import Ended
from arcfleet.core.runs.rollout import Block, Done, Start
from arcfleet.core.runs.run_waves import GateId

if TYPE_CHECKING:
    from flows.engine import Engine


def wave(engine: Engine, action: rollout.Action) -> None:
    """Tell of a wave that begins or ends by an action."""
    if isinstance(action, Block):
        return
    for name in [name for name in engine.begun if name not in engine.over and name != rollout.wave_of(action)]:
        _ended(engine, name, "passed")
    if isinstance(action, Start) and action.wave not in engine.begun:
        engine.begun.append(action.wave)
        sites = len(next(wave.sites for wave in engine.waves if wave.name == action.wave))
        engine.announce(events.wave_started(engine.fleet.name, engine.run, action.wave, sites))
    if isinstance(action, Done):
        for name in [name for name in engine.begun if name not in engine.over]:
            _ended(engine, name, "passed" if action.how is Ended.COMPLETED else str(action.how))


def _ended(engine: Engine, name: str, result: str) -> None:
    engine.over.add(name)
    sites = next(wave.sites for wave in engine.waves if wave.name == name)
    counts = Counter(str(engine.outcomes[site].status) for site in sites if site in engine.outcomes)
    engine.announce(events.wave_ended(engine.fleet.name, engine.run, name, result, counts))


def gate_waits(engine: Engine, place: GateId, message: str) -> None:
    """Tell that a person is asked."""
    engine.announce(events.gate_pending(engine.fleet.name, engine.run, place.wave, str(place), message))


def gate_answered(engine: Engine, place: GateId, answer: str, by: str) -> None:
    """Tell how a gate was answered."""
    engine.announce(events.gate_answered(engine.fleet.name, engine.run, place.wave, str(place), answer=answer, by=by))
