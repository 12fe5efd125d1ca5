"""A memory that is bounded in number and in time."""

from arcfleet.core.recent import Recent


def test_the_newest_text_of_a_key_is_remembered_for_a_while():
    recent = Recent(most=10, seconds=60)
    recent.note("web", "one", now=0)
    recent.note("web", "two", now=30)

    assert recent.text("web", now=89) == "two"
    assert recent.text("web", now=90) is None
    assert recent.text("api", now=0) is None


def test_the_oldest_is_forgotten_for_a_newer_one():
    recent = Recent(most=2, seconds=60)
    for number, key in enumerate(["a", "b", "a", "c"]):
        recent.note(key, "", now=number)

    assert [key for key in "abc" if recent.text(key, now=4) is not None] == ["a", "c"]
