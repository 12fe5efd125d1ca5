"""Minting: written down before it is sent, and no more often than can be answered for."""

from datetime import timedelta

import pytest
from azure.core.exceptions import ServiceRequestTimeoutError, ServiceResponseTimeoutError
from examples import NOW, cr, minutes, site, token
from fakes import FakeJournal, Script, gateways, port

from arcfleet.core.passwords.credentials import Minted
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import OutcomeUnknownError, PermanentError, TransientError
from arcfleet.gateways import translation
from arcfleet.steps import rotation
from arcfleet.steps.minting import mint

KEY = "arcfleet_acreu1_berlinplant"
INTENDED = Entry("password2", Phase.INTENDED, NOW, retiring=True)
LOST = OutcomeUnknownError(Reason.UNREACHABLE, "no answer", evidence=("reset",))
THROTTLED = TransientError(Reason.THROTTLED, "slower")
MADE = Minted(Secret("of-the-second"), NOW + minutes(1))


async def minted(*answers, known=None, now=NOW):
    """Mint once; return what came of it, the phases that were written, and how often was asked."""
    kept = FakeJournal(**({KEY: known} if known else {}))
    registries = port(generate_password=Script(*answers), service_time=Script(now))
    here = gateways(registries=registries, journal=kept)
    try:
        outcome = await mint(here, site(), cr().sync_token_id, KEY, INTENDED, expires=None)
    except (PermanentError, TransientError) as error:
        outcome = error
    return outcome, [phase for phase, _ in kept.phases], len(registries.generate_password.calls)


async def test_a_lost_answer_is_asked_for_once_more_and_written_down():
    (made, entry), phases, asked = await minted(LOST, MADE)

    assert (made, asked, phases) == (MADE, 2, ["intended", "unknown"])
    assert (entry.phase, entry.created, entry.retiring) == (Phase.INTENDED, MADE.created, True)


async def test_two_lost_answers_end_with_what_to_do():
    error, phases, asked = await minted(LOST)

    assert (error.reason, asked, phases) == (Reason.OUTCOME_UNKNOWN, 2, ["intended", "unknown", "unknown"])
    assert "password2 of token berlinplant" in error.message
    assert error.evidence == ("reset",)
    assert "the same command again" in error.remedy


async def test_a_refusal_is_left_to_whoever_tries_again():
    error, phases, asked = await minted(THROTTLED)

    assert (error, asked, phases) == (THROTTLED, 1, ["intended"])


BEFORE = {
    "a moment ago": (Entry("password2", Phase.UNKNOWN, NOW - minutes(9)), 1),
    "long ago": (Entry("password2", Phase.UNKNOWN, NOW - minutes(10)), 2),
    "of the other slot": (Entry("password1", Phase.UNKNOWN, NOW), 2),
    "one that was only intended": (Entry("password2", Phase.INTENDED, NOW), 2),
}


@pytest.mark.parametrize(("known", "asked"), BEFORE.values(), ids=BEFORE)
async def test_an_answer_lost_by_the_attempt_before_counts_too(known, asked):
    error, phases, times = await minted(LOST, known=known)

    assert (error.reason, times, phases[-1]) == (Reason.OUTCOME_UNKNOWN, asked, "unknown")


async def test_the_end_of_an_old_password_is_known_as_ours_though_its_answers_were_lost():
    proved = Entry("password2", Phase.VERIFIED, NOW - timedelta(days=2), NOW - timedelta(days=2), retiring=True)
    kept = FakeJournal(**{KEY: proved})
    registries = port(generate_password=Script(LOST), service_time=Script(NOW))

    with pytest.raises(PermanentError) as ended:
        await rotation.retire(gateways(registries=registries, journal=kept), site(), cr().sync_token_id)

    assert (ended.value.reason, len(registries.generate_password.calls)) == (Reason.OUTCOME_UNKNOWN, 2)
    lost = token(password1=NOW, password2=proved.created)
    assert rotation.rotation.to_be_retired(lost, kept.entries[KEY], site().credentials, NOW + minutes(1))


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ServiceResponseTimeoutError("slow"), OutcomeUnknownError),
        (ServiceRequestTimeoutError("closed"), TransientError),
    ],
    ids=["after it was sent", "before a connection"],
)
def test_a_time_out_leaves_the_outcome_open_only_once_it_was_sent(error, raised):
    with pytest.raises(TransientError) as told, translation.azure("it"), translation.unrepeatable("it"):
        raise error

    assert (type(told.value), told.value.reason) == (raised, Reason.UNREACHABLE)
