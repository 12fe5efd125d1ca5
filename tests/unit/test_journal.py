"""The journal: what it says of the slots, and when it can't be relied on."""

import pytest
from examples import NOW, extension, minutes, site, token

from arcfleet.core.passwords import journal
from arcfleet.core.passwords.credentials import ATTEMPT, idle_slot
from arcfleet.core.passwords.journal import Entry, Phase

BEFORE, LONG_AGO = NOW - minutes(1), NOW - minutes(60)
FULL = {"password1": LONG_AGO, "password2": NOW - minutes(30)}


def entry(phase, slot="password2", created=FULL["password2"], at=NOW):
    return Entry(slot, phase, at, created)


KNOWN = {
    "intended, never given to anybody": (entry(Phase.INTENDED), extension(last_modified=LONG_AGO), "password2"),
    "intended, and somebody changed the extension since": (
        entry(Phase.INTENDED), extension(last_modified=NOW + minutes(5)), "password2",
    ),
    "the answer was lost": (entry(Phase.UNKNOWN), extension(last_modified=LONG_AGO), "password2"),
    "the answer was lost, and somebody changed the extension since": (
        entry(Phase.UNKNOWN), extension(last_modified=NOW + minutes(5)), "password2",
    ),
    "delivering, not accepted": (entry(Phase.DELIVERING), extension(last_modified=BEFORE), "password2"),
    "delivering, nothing installed": (entry(Phase.DELIVERING), None, "password2"),
    "delivering, accepted": (entry(Phase.DELIVERING), extension(last_modified=NOW), "password1"),
    "delivering, accepted and failed": (
        entry(Phase.DELIVERING), extension("Failed", last_modified=NOW + minutes(60)), "password2",
    ),
    "verified, and a later change failed": (
        entry(Phase.VERIFIED), extension("Failed", last_modified=NOW + minutes(60)), "password1",
    ),
    "delivered": (entry(Phase.DELIVERED), extension(last_modified=NOW), "password1"),
    "verified": (entry(Phase.VERIFIED), extension(last_modified=LONG_AGO), "password1"),
    "verified, the first": (entry(Phase.VERIFIED, "password1", LONG_AGO), extension(last_modified=NOW), "password2"),
}  # fmt: skip


@pytest.mark.parametrize(("kept", "installed", "slot"), KNOWN.values(), ids=KNOWN)
def test_the_journal_knows_the_free_slot(kept, installed, slot):
    assert idle_slot(token(**FULL), installed, kept) == slot


INFERRED = {
    "nothing was written": None,
    "a slot that nobody knows": entry(Phase.VERIFIED, "password9"),
    "somebody made the password anew": entry(Phase.VERIFIED, created=LONG_AGO),
    "a password that is gone": entry(Phase.DELIVERED, created=None),
    "somebody made it long after it was intended": entry(Phase.INTENDED, at=FULL["password2"] - ATTEMPT - minutes(1)),
}


@pytest.mark.parametrize("kept", INFERRED.values(), ids=INFERRED)
def test_where_it_cannot_know_it_is_inferred_as_without_it(kept):
    installed = extension(last_modified=NOW)

    assert idle_slot(token(**FULL), installed, kept) == idle_slot(token(**FULL), installed) == "password1"


def test_a_foreign_change_after_an_undelivered_password_misleads_only_who_kept_no_journal():
    foreign = extension(last_modified=NOW + minutes(5))

    # The running registry uses password1; the newest password before the change is not the delivered one.
    assert idle_slot(token(**FULL), foreign) == "password1"
    assert idle_slot(token(**FULL), foreign, entry(Phase.INTENDED)) == "password2"


@pytest.mark.parametrize("phase", Phase)
def test_an_entry_survives_being_kept(phase):
    for created in (None, NOW):
        kept = Entry("password1", phase, BEFORE, created, retiring=True, retired=created, ending=created, owner="a run")

        assert journal.parse(kept.to_json()) == kept


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, {"slot": "a"}, {"slot": "a", "phase": "?", "at": "x"}])
def test_what_is_no_entry_counts_as_nothing(value):
    assert journal.parse(value) is None


def test_a_key_is_of_the_characters_that_a_variable_may_have():
    assert journal.key(site().registry_ref, "Berlin-Plant.1") == "arcfleet_acreu1_berlin-plant_1"
