"""What a run was told, and who holds a fleet: as Variables hold them, which a person may have edited."""

from datetime import UTC, datetime, timedelta

import pytest

from arcfleet.core.runs import orders
from arcfleet.core.runs.orders import EXPIRY, Lease, Orders

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LEASE = Lease("run-1", "plants · calm-fox", "edge-7", 4711, NOW, NOW)


def test_what_is_kept_comes_back():
    told = Orders("run-1", paused=True, aborted=True, retries=2, skip=("a", "b"), by="ola")

    assert orders.parse_orders(told.to_json()) == told
    assert orders.parse_lease(LEASE.to_json()) == LEASE


@pytest.mark.parametrize("value", [None, "pause", 3, [], {}, {"run": 5}])
def test_what_is_no_order_is_none(value):
    assert orders.parse_orders(value) is None


def test_what_is_ill_typed_in_an_order_is_left_out():
    assert orders.parse_orders({"run": "r", "paused": "yes", "retries": "x", "skip": "a"}) == Orders("r")
    assert orders.parse_orders({"run": "r", "paused": True, "skip": ["a", 5]}) == Orders("r", paused=True, skip=("a",))


@pytest.mark.parametrize("value", [None, "x", {}, {**LEASE.to_json(), "pid": "x"}, {**LEASE.to_json(), "since": "x"}])
def test_what_is_no_lease_is_none(value):
    assert orders.parse_lease(value) is None


def test_a_holder_that_was_not_heard_of_for_too_long_counts_as_dead():
    assert not LEASE.has_expired(NOW + EXPIRY)
    assert LEASE.has_expired(NOW + EXPIRY + timedelta(seconds=1))


def test_a_lease_says_who_and_since_when():
    assert str(LEASE) == "run plants · calm-fox, begun 2026-11-24 12:00:00Z by process 4711 on edge-7"


def test_names_of_variables_are_such_that_prefect_takes_them():
    assert orders.lease_key("Plants.EU") == "arcfleet_lease_plants_eu"
    assert orders.approval_key("a", "canary-after-0") == "arcfleet_approval_a_canary-after-0"
