"""Rotation: when a password is due, when it may be replaced, and when the old one ends."""

from dataclasses import replace
from datetime import timedelta

import pytest
from examples import NOW, cluster, cr, extension, facts, minutes, site, token
from fakes import FakeClock, FakeJournal, FakeTokens, gateways

from arcfleet.core.facts import PasswordFacts
from arcfleet.core.passwords import rotation
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.passwords.rotation import REPLICATION, Action, decide
from arcfleet.core.planning.plan import Disposition
from arcfleet.core.reasons import Reason
from arcfleet.steps import rotation as steps

DAY = timedelta(days=1)
OLD = token(password1=NOW - 91 * DAY)
YOUNG = token(password1=NOW - 89 * DAY)
KEY = "arcfleet_acreu1_berlinplant"
STANDING = {"extension": extension(last_modified=NOW - 80 * DAY)}


def ending(days):
    return replace(YOUNG, passwords=(PasswordFacts("password1", NOW - 60 * DAY, NOW + days * DAY),))


def living(age, life):
    """Return a token whose password is so many days old, of so many."""
    made = NOW - age * DAY
    return replace(YOUNG, passwords=(PasswordFacts("password1", made, made + life * DAY),))


DUE = {
    "older than it may be": (OLD, {}, {}, Action.ROTATE, "the password of password1 is 91 d old"),
    "younger": (YOUNG, {}, {}, Action.NONE, "no rotation is due"),
    "asked for": (YOUNG, {}, {"asked": True}, Action.ROTATE, "asked for"),
    "ends soon": (ending(13), {}, {}, Action.ROTATE, "ends 2026-12-07 12:00Z"),
    "ends later": (ending(15), {}, {}, Action.NONE, "no rotation is due"),
    "a short life, its first half": (living(4, 10), {}, {}, Action.NONE, "no rotation is due"),
    "a short life, its second half": (living(6, 10), {}, {}, Action.ROTATE, "ends 2026-11-28"),
    "has ended": (living(10, 9), {}, {}, Action.ROTATE, "the password of password1 ended 2026-11-23 12:00Z"),
    "out of contact": (OLD, {"cluster": cluster("Offline")}, {"asked": True}, Action.DEFER, "Offline"),
    "managed identity": (
        OLD, {"connected_registry": cr(auth_type="ManagedIdentity")}, {"asked": True}, Action.NONE, "no password",
    ),
    "nothing installed": (OLD, {"extension": None}, {"asked": True}, Action.NONE, "nothing is installed"),
    "registry away": (OLD, {"connected_registry": cr(connection_state="Offline")}, {}, Action.STOP, "91 d old"),
    "extension failed": (OLD, {"extension": extension("Failed")}, {"asked": True}, Action.STOP, "asked for"),
    "differs from its file": (OLD, {"extension": extension(settings={})}, {"asked": True}, Action.STOP, "asked for"),
    "no password at all": (token(), {}, {}, Action.NONE, "no rotation is due"),
}  # fmt: skip


@pytest.mark.parametrize(("found", "seen", "options", "action", "because"), DUE.values(), ids=DUE)
def test_a_password_is_rotated_when_it_is_due_and_the_site_can_prove_it(found, seen, options, action, because):
    decision = decide(site(), facts(**{**STANDING, **seen}), found, None, NOW, **options)

    assert decision.action is action
    assert because in decision.because
    assert (decision.finding is not None) is (action in {Action.DEFER, Action.STOP})


def test_what_stops_a_rotation_says_what_to_do():
    decision = decide(site(), facts(extension=extension(settings={})), OLD, None, NOW, asked=True)

    assert decision.finding.reason is Reason.NOT_ROTATED
    assert "service.clusterIP: unset -> 10.96.0.50" in decision.finding.message
    assert decision.finding.remedy.endswith("arcfleet deploy FLEET --site berlin")


def test_the_age_is_the_sites_own():
    here = site(credentials="{rotateAfter: 365d}")

    assert decide(here, facts(**STANDING), OLD, None, NOW).action is Action.NONE


PROVED = Entry("password2", Phase.VERIFIED, NOW - DAY, NOW - DAY - minutes(5), retiring=True)
BOTH = token(password1=NOW - 91 * DAY, password2=PROVED.created)
RETIRED = {
    "its time is over": (BOTH, PROVED, Action.RETIRE),
    "not yet": (BOTH, replace(PROVED, at=NOW - DAY + minutes(1)), Action.NONE),
    "nothing to retire": (BOTH, replace(PROVED, retiring=False), Action.NONE),
    "not proved": (BOTH, replace(PROVED, phase=Phase.DELIVERED), Action.NONE),
    "somebody made the old slot anew": (token(password1=NOW, password2=PROVED.created), PROVED, Action.NONE),
    "somebody made the new slot anew": (token(password1=NOW - 89 * DAY, password2=NOW), PROVED, Action.NONE),
    "we made the old slot anew, and were kept from writing it down": (
        token(password1=NOW, password2=PROVED.created), replace(PROVED, ending=NOW - minutes(5)), Action.RETIRE,
    ),
    "somebody made the old slot anew long after we meant to": (
        token(password1=NOW, password2=PROVED.created), replace(PROVED, ending=NOW - minutes(11)), Action.NONE,
    ),
    "the old slot is empty": (token(password2=PROVED.created), PROVED, Action.NONE),
}  # fmt: skip


@pytest.mark.parametrize(("found", "entry", "action"), RETIRED.values(), ids=RETIRED)
def test_an_old_password_ends_once_its_time_is_over_and_it_is_still_ours(found, entry, action):
    seen = facts(extension=extension(last_modified=NOW - DAY))

    assert decide(site(), seen, found, entry, NOW).action is action


@pytest.mark.parametrize(
    ("action", "disposition", "methods"),
    [
        (Action.ROTATE, Disposition.ROTATE, ["POST", "PATCH"]),
        (Action.RETIRE, Disposition.RETIRE, ["POST"]),
        (Action.NONE, Disposition.NOOP, []),
    ],
)
def test_a_decision_is_a_plan_with_its_calls(action, disposition, methods):
    made = rotation.plan(site(), facts(), rotation.Decision(action, "x"))

    assert (made.disposition, [call.method for call in made.calls]) == (disposition, methods)
    assert made.because == (("x",) if methods else ())


SYNC = cr().sync_token_id


async def test_a_new_password_is_used_once_it_works_everywhere_and_the_old_one_is_to_be_retired():
    clock, registries = FakeClock(), FakeTokens({SYNC: OLD})
    here = gateways(clock=clock, registries=registries, journal=FakeJournal())

    made = await steps.replace(here, site(), facts(**STANDING))

    assert registries.minted == [(SYNC, "password2")]
    assert clock.slept == [REPLICATION]
    assert made.entry.retiring


async def test_retiring_replaces_the_other_slot_once():
    registries, kept = FakeTokens({SYNC: BOTH}), FakeJournal(**{KEY: PROVED})
    here = gateways(registries=registries, journal=kept)

    for _ in range(2):
        await steps.retire(here, site(), SYNC)

    assert registries.minted == [(SYNC, "password1")]
    assert registries.ends == [NOW + DAY]
    assert kept.entries[KEY] == replace(PROVED, retiring=False, retired=registries.now)
