"""Numbers with their nouns."""

from __future__ import annotations

import pytest

from arcfleet.core.counts import some


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (0, ("site",), "0 sites"),
        (1, ("site",), "1 site"),
        (2, ("site",), "2 sites"),
        (1, ("site changes", "sites change"), "1 site changes"),
        (12, ("inventory", "inventories"), "12 inventories"),
    ],
)
def test_a_noun_agrees_with_its_number(count, words, text):
    assert some(count, *words) == text
