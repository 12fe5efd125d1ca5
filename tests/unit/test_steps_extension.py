"""Installing: the extension ends healthy or with its cause, and a lost answer is looked for."""

from dataclasses import replace

import pytest
from examples import (
    NOW,
    extension,
    facts,
    minutes,
    site,
)
from fakes import Script
from steps_world import CREDENTIAL, LATER, refused, world

from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError, TransientError
from arcfleet.steps.extension import install, settle

INSTALLS = {
    "at once": (extension(), (), None),
    "after a while": (extension("Creating"), (extension("Creating"), extension()), None),
    "failed at once": (extension("Failed", error="chart path not found"), (), Reason.BAD_VERSION),
    "failed after a while": (
        extension("Creating"),
        (extension("Failed", error="timed out waiting for the condition"),),
        Reason.HELM_TIMEOUT,
    ),
    "deleted meanwhile": (extension("Creating"), (None,), Reason.DELETE_IN_PROGRESS),
    "never ending": (extension("Creating"), (extension("Creating"),), Reason.EXTENSION_STUCK),
}


@pytest.mark.parametrize(("applied_as", "then", "reason"), INSTALLS.values(), ids=INSTALLS)
async def test_an_installation_ends_healthy_or_with_its_cause(applied_as, then, reason):
    here = world(apply=Script(applied_as), extensions=then or (None,))
    step = install(here, site(), facts(extension=None), CREDENTIAL, lambda _: None)

    if reason is None:
        assert await step == NOW
    else:
        assert (await refused(step)).reason is reason


WHEN = {"of a creation: from before it": (None, NOW), "of an update: from after it": (extension(), NOW + minutes(9))}


@pytest.mark.parametrize(("installed", "since"), WHEN.values(), ids=WHEN)
async def test_an_installation_returns_the_time_that_contact_must_be_later_than(installed, since):
    here = world(times=(NOW, NOW + minutes(9)))

    assert await install(here, site(), facts(extension=installed), CREDENTIAL, lambda _: None) == since


LOST = TransientError(Reason.UNREACHABLE, "no answer")
TAKEN = {
    "at once": ((extension(last_modified=LATER),), None),
    "within the same second": ((extension(last_modified=NOW),), None),
    "and still under way": ((extension("Updating", last_modified=LATER), extension(last_modified=LATER)), None),
    "and failed": (
        (extension("Failed", last_modified=LATER, error="chart path not found"),),
        Reason.BAD_VERSION,
    ),
}
UNTAKEN = {
    "nothing is there": None,
    "it is as it was": extension(last_modified=NOW - minutes(1)),
    "of an unknown time": extension(last_modified=None),
    "it failed before": extension("Failed", last_modified=NOW - minutes(1)),
}


@pytest.mark.parametrize(("then", "reason"), TAKEN.values(), ids=TAKEN)
async def test_a_change_whose_answer_was_lost_is_looked_for_and_not_sent_again(then, reason):
    here = world(apply=Script(LOST), extensions=then)
    step = install(here, site(), facts(), CREDENTIAL, lambda _: None)

    if reason is None:
        assert await step == NOW
    else:
        assert (await refused(step)).reason is reason
    assert len(here.extensions.apply.calls) == 1


@pytest.mark.parametrize("found", UNTAKEN.values(), ids=UNTAKEN)
async def test_a_change_that_was_not_taken_stays_the_error_that_it_was(found):
    here = world(apply=Script(LOST), extensions=(extension("Updating"), found))

    with pytest.raises(TransientError) as lost:
        await install(here, site(), facts(), CREDENTIAL, lambda _: None)

    assert lost.value is LOST
    assert (len(here.extensions.extension.calls), len(here.extensions.apply.calls)) == (2, 1)


async def test_a_change_that_was_refused_is_not_looked_for():
    no = PermanentError(Reason.REFUSED, "no")
    here = world(apply=Script(no))

    assert await refused(install(here, site(), facts(), CREDENTIAL, lambda _: None)) is no
    assert here.extensions.extension.calls == []


@pytest.mark.parametrize("end", [extension("Failed"), extension(), None], ids=["failed", "healthy", "gone"])
async def test_settling_returns_whatever_the_operation_ended_in(end):
    here = world(extensions=(extension("Updating"), end))

    assert await settle(here, site(), lambda _: None) == end


async def test_a_string_that_is_none_is_not_delivered_nor_written_down():
    here, placeholder = world(apply=Script(extension())), Secret("SyncTokenPassword=<use --generate-password>")
    spoiled = replace(CREDENTIAL, connection_string=placeholder)

    ended = await refused(install(here, site(), facts(), spoiled, lambda _: None))

    assert ended.reason is Reason.CREDENTIAL_UNUSABLE
    assert (here.extensions.apply.calls, here.journal.phases) == ([], [])
