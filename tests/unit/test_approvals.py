"""An approval holds for what was shown when it was given, and for less; never for anything else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from arcfleet.core.planning.fleet_plan import FleetPlan
from arcfleet.core.planning.plan import Disposition, SitePlan
from arcfleet.core.runs import approvals

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHOWN = FleetPlan(
    "plants", AT, 5,
    {
        "a": SitePlan(Disposition.CREATE, because=("extension 1.2.3",)),
        "b": SitePlan(Disposition.UPDATE, because=("workload web",)),
        "c": SitePlan(Disposition.NOOP),
    },
)  # fmt: skip
GIVEN = approvals.of_plan(SHOWN, "ola", AT, "go")


def with_site(name: str, plan: SitePlan) -> FleetPlan:
    return replace(SHOWN, sites={**SHOWN.sites, name: plan})


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        pytest.param(SHOWN, True, id="the same"),
        pytest.param(replace(SHOWN, made_at=AT.replace(hour=13)), True, id="the same, made later"),
        pytest.param(with_site("a", SitePlan(Disposition.NOOP)), True, id="a part of it is done"),
        pytest.param(
            with_site("b", SitePlan(Disposition.UPDATE, because=("workload api",))), False, id="another change"
        ),
        pytest.param(with_site("c", SitePlan(Disposition.UPDATE, because=("x",))), False, id="a change more"),
        pytest.param(with_site("d", SitePlan(Disposition.CREATE, because=("x",))), False, id="a site more"),
    ],
)
def test_it_holds_for_what_was_shown(now, holds):
    assert GIVEN.holds(now) is holds
    assert approvals.parse(GIVEN.to_json(), SHOWN).holds(now) is holds


def test_what_is_kept_comes_back():
    assert approvals.parse(GIVEN.to_json(), SHOWN) == GIVEN


@pytest.mark.parametrize("value", [None, "", 5, {}, {**GIVEN.to_json(), "marks": "ab"}, {**GIVEN.to_json(), "at": "x"}])
def test_what_is_no_approval_is_none(value):
    assert approvals.parse(value, SHOWN) is None


def test_an_approval_of_other_sites_is_none():
    assert approvals.parse(GIVEN.to_json(), with_site("d", SitePlan(Disposition.NOOP))) is None


def test_one_that_is_too_long_to_be_kept_is_asked_for_again():
    plan = replace(SHOWN, sites={f"s{i}": SitePlan(Disposition.NOOP) for i in range(1200)})

    assert approvals.of_plan(plan, "ola", AT, "").to_json() is None
    fits = replace(SHOWN, sites={f"s{i}": SitePlan(Disposition.NOOP) for i in range(1000)})
    assert len(str(approvals.of_plan(fits, "o" * 99, AT, "c" * 999).to_json())) < 5000
