"""docs/operations.md is complete: every reason has an entry, every entry a reason, every command's exit code a line."""

import re
from collections import Counter
from pathlib import Path

import pytest

from arcfleet.app.runs import EXIT
from arcfleet.core.reasons import Reason

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
STORIES = Path(__file__).parents[1] / "flows"
REASONS, ARTICLE, CODES = (
    PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for heading in ("Reasons", "The troubleshooting article, entry by entry", "Exit codes")
)
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in REASONS.splitlines() if line[:3] == "| `"]


def test_every_reason_has_one_entry_and_every_entry_is_a_reason():
    assert Counter(row[0].strip("`| ") for row in ROWS) == Counter(reason.value for reason in Reason)


@pytest.mark.parametrize("row", [row for row in ROWS if row[0] != "`ok`"], ids=lambda row: row[0].strip("`| "))
def test_an_entry_has_a_meaning_its_evidence_and_a_remedy(row):
    assert len(row) == 4
    assert all(row)


def test_the_article_is_mapped_to_reasons_that_exist():
    named = re.findall(r"`([a-z_]+)`", ARTICLE)

    assert len(named) >= 11
    assert set(named) <= {reason.value for reason in Reason}


def test_every_reason_of_the_article_is_what_a_story_comes_to():
    """From the injected cause to what is told: the stories of tests/flows name the reason that they end in."""
    stories = "".join(path.read_text(encoding="utf-8") for path in STORIES.glob("test_*.py"))

    named = set(re.findall(r"`([a-z_]+)`", ARTICLE))
    assert {name for name in named if not re.search(rf"\bReason\.{name.upper()}\b", stories)} == set()


def test_exit_codes_are_listed():
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", CODES, re.MULTILINE)}

    assert listed == {0, 1, 2, *EXIT.values(), 130}
