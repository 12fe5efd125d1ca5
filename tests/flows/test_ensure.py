"""Sites with `ensure`: what their connected registries need is made, kept, extended; parents before children."""

from __future__ import annotations

import yaml

from arcfleet.core.outcomes import Result, Status
from arcfleet.core.reasons import Reason
from tests.conftest import fleet_of, fleet_text


def nested(count: int = 3, parents: dict[str, str] | None = None, **overrides) -> str:
    """Return a fleet of sites with `ensure`; `parents` names each child's parent, a chain where not given."""
    value = yaml.safe_load(fleet_text(count, ensure=True, **overrides))
    chain = {f"s{i}": f"s{i - 1}" for i in range(2, count + 1)}
    for site in value["sites"]:
        parent = (chain if parents is None else parents).get(site["name"])
        site |= {"parent": parent} if parent else {}
    return yaml.safe_dump(value)


def writes(sim) -> dict[str, int]:
    """Return how often each kind of thing was written to ARM."""
    kinds = sim.counters()["byKind"]
    return {kind: n for kind, n in kinds.items() if kind.split()[:2] in (["arm", "PUT"], ["arm", "PATCH"])}


async def test_an_empty_registry_is_brought_up_parents_first(simulate, deploy, recorder):
    text = nested()
    sim = simulate(fleet_of(text))

    report = await deploy(sim, text)

    assert [(o.status, o.finding) for o in report.outcomes] == [(Status.SUCCEEDED, None)] * 3
    print(writes(sim), [o.changes for o in report.outcomes], [s for s, _ in recorder.steps], report.seconds)
    sim.post("/counters/reset")
    again = await deploy(sim, text)
    print(sim.counters())
    assert 0
