"""Scope map actions, as az writes them (recorded, acr_connected_registry.json seq 9, 16 and 36)."""

import pytest

from arcfleet.core.planning import scope_actions

ALL = ("content/read", "content/write", "content/delete", "metadata/read", "metadata/write")
GATEWAY = tuple(f"gateway/plant1/{p}" for p in ("config/read", "config/write", "message/read", "message/write"))


@pytest.mark.parametrize(
    ("mode", "permissions"),
    [("ReadOnly", ("content/read", "metadata/read")), ("ReadWrite", ALL), ("readwrite", ALL)],
)
def test_a_mode_decides_what_may_be_done_with_a_repository(mode, permissions):
    assert scope_actions.of_mode(("app/web", "db"), mode) == tuple(
        f"repositories/{name}/{permission}" for name in ("app/web", "db") for permission in permissions
    )


def test_a_gateway_is_named_in_lower_case_as_az_does():
    assert scope_actions.of_gateway("Plant1") == GATEWAY


@pytest.mark.parametrize(
    ("held", "expected"),
    [((), ("a/b/r", "c/d/r")), (("A/B/R",), ("c/d/r",)), (("c/d/r", "a/b/r", "x"), ())],
    ids=["nothing held", "held in other case", "all held"],
)
def test_only_actions_that_are_not_held_are_missing(held, expected):
    assert scope_actions.missing(("a/b/r", "c/d/r", "a/b/r"), held) == expected


def test_people_read_what_actions_are_about():
    actions = (*scope_actions.of_mode(("app/web", "app/deep/db"), "ReadWrite"), *scope_actions.of_gateway("plant1"))

    assert scope_actions.show(actions) == "app/web, app/deep/db, gateway plant1"
