"""Diagnosis: the deeper cause of silence."""

import pytest
from examples import (
    cluster,
    site,
)
from fakes import Script
from steps_world import KUBE, refused, world

from arcfleet.core.evidence import ClaimFacts, ExtensionEvidence
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError, TransientError
from arcfleet.steps.diagnosis import SILENCE, deepest

SILENT = PermanentError(Reason.NEVER_ACTIVATED, "connected registry: still so", evidence=("e",))


def failing(error):
    async def step():
        raise error

    return step()


@pytest.mark.parametrize("reason", sorted(SILENCE))
async def test_a_cluster_out_of_contact_explains_silence(reason):
    silent = PermanentError(reason, "extension: still so", evidence=("e",))
    here = world(clusters=(cluster("Offline"),))

    error = await refused(deepest(here, site(), failing(silent)))

    assert (error.reason, error.__cause__) == (Reason.ARC_OFFLINE, silent)
    assert error.evidence == ("connectivityStatus Offline", "extension: still so")


async def test_silence_of_a_cluster_in_contact_stays_what_it_is():
    here = world(extension_evidence=Script(ExtensionEvidence()))

    assert await refused(deepest(here, site(**KUBE), failing(SILENT))) is SILENT


async def test_a_cluster_that_can_not_be_looked_into_is_said():
    unread = PermanentError(Reason.FORBIDDEN, "pods is forbidden")

    without = await refused(deepest(world(), site(), failing(SILENT)))
    refusing = await refused(deepest(world(extension_evidence=Script(unread)), site(**KUBE), failing(SILENT)))

    assert without.evidence == ("e", "could not look: site berlin has no kube: way to its Kubernetes API")
    assert refusing.evidence == ("e", "could not look: pods is forbidden")
    assert (without.reason, without.message) == (SILENT.reason, SILENT.message)


async def test_what_the_cluster_shows_is_the_deeper_cause():
    pending = ExtensionEvidence(claim=ClaimFacts("Pending", "fast"))
    here = world(extension_evidence=Script(pending))

    error = await refused(deepest(here, site(**KUBE), failing(SILENT)))

    assert (error.reason, error.__cause__) == (Reason.STORAGE_CLASS, SILENT)
    assert error.message.startswith("connected registry: claim connected-registry-pvc is Pending")
    assert error.evidence == ("e", "connected registry: still so")


LOOKS = [TransientError(Reason.THROTTLED, "slower"), PermanentError(Reason.FORBIDDEN, "no right")]


@pytest.mark.parametrize("look", LOOKS, ids=["transient", "permanent"])
async def test_a_look_for_the_cause_that_fails_leaves_the_error_as_it_was(look):
    here = world(clusters=(look,), extension_evidence=Script(ExtensionEvidence()))

    assert await refused(deepest(here, site(**KUBE), failing(SILENT))) is SILENT


async def test_a_cause_that_is_known_is_not_looked_behind():
    known, here = PermanentError(Reason.BAD_VERSION, "x"), world(clusters=(cluster("Offline"),))

    assert await refused(deepest(here, site(), failing(known))) is known
    assert here.extensions.cluster.calls == []
