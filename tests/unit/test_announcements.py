"""What connected registries announce, as it is kept: the newest of each image, within what a Variable holds."""

import json
from datetime import datetime

import pytest
from examples import DIGEST, NOW, minutes

from arcfleet.core.sync.announcements import Announced, key, merged, parse, to_json

OTHER = DIGEST.replace("ab", "cd")
PREFECT_BOUND = 5000


def said(digest: str = DIGEST, at: datetime = NOW) -> dict[str, Announced]:
    return {"app/web:stable": Announced(digest, at)}


def test_what_is_kept_is_read_again():
    assert parse(json.loads(json.dumps(to_json(said())))) == said()


@pytest.mark.parametrize("first", [said(), said(OTHER, NOW + minutes(1))], ids=["in order", "late"])
def test_the_newest_is_kept_in_whatever_order_they_come(first):
    second = said(OTHER, NOW + minutes(1)) if first == said() else said()

    assert merged(first, second) == said(OTHER, NOW + minutes(1))


@pytest.mark.parametrize("length", [1, 255])
def test_the_oldest_go_where_there_are_too_many(length):
    many = {f"{'r' * length}{n}:1": Announced(DIGEST, NOW + minutes(n)) for n in range(500)}

    kept = parse(to_json(dict(reversed(many.items()))))

    assert len(json.dumps(to_json(many))) < PREFECT_BOUND
    assert len(kept) > 10
    assert list(kept) == list(many)[-len(kept) :]


@pytest.mark.parametrize(
    "value",
    [None, "text", {}, [1], [["a:1"]], [["a:1", DIGEST, "now"]], [["a:1", DIGEST, 1e300]], [["a:1", DIGEST, -1]],
     [["a:1", DIGEST, float("nan")]], [[1, DIGEST, 1]]],
)  # fmt: skip
def test_what_is_no_announcement_is_none(value):
    assert parse(value) == {}


def test_a_key_is_a_name_that_a_variable_may_have():
    assert key("AcrEU1", "BerlinPlant") == "arcfleet_arrived_acreu1_berlinplant"
