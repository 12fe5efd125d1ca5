"""Health: contact, later than our change, and what keeps a registry away."""

import pytest
from examples import (
    NOW,
    cluster,
    cr,
    extension,
    facts,
    minutes,
    site,
    token,
)
from fakes import Script
from steps_world import LATER, listing, refused, world

from arcfleet.core.evidence import ExtensionEvidence
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from arcfleet.steps.health import wait_healthy

AWAY = {"connection_state": "Offline"}


async def test_a_registry_that_is_away_is_asked_what_keeps_it_away():
    here = world(listed=listing(cr(**AWAY)))
    here.registries.token = Script(token())

    error = await refused(wait_healthy(here, site(), facts(), None, lambda _: None))

    assert (error.reason, error.rule, here.clock.slept) == (Reason.CREDENTIAL_UNUSABLE, "C4", [])


async def test_after_a_change_a_registry_is_given_time_before_it_is_asked_what_keeps_it_away():
    here = world(listed=listing(cr(**AWAY)))
    here.registries.token = Script(token())

    error = await refused(wait_healthy(here, site(), facts(), NOW, lambda _: None))

    assert (error.rule, here.clock.now) == ("C4", 120)


async def test_a_registry_whose_parent_is_away_waits_for_it():
    listed = Script({"berlinplant": cr(**AWAY, parent="Hub"), "hub": cr(**AWAY, name="hub")})
    here = world(listed=listed, extension_evidence=Script(ExtensionEvidence()))

    error = await refused(wait_healthy(here, site(), facts(), NOW, lambda _: None))

    assert (error.reason, error.rule) == (Reason.PARENT_NOT_READY, "C3")


@pytest.mark.parametrize("may", [Reason.FORBIDDEN, Reason.SYNC_TOKEN_NOT_FOUND])
async def test_a_token_that_may_not_be_read_hides_nothing_and_one_that_is_gone_is_told(may):
    here = world(listed=listing(cr(**AWAY), cr(last_activity=LATER)))
    here.registries.token = Script(PermanentError(may, "no"))
    step = wait_healthy(here, site(), facts(), None, lambda _: None)

    if may is Reason.FORBIDDEN:
        assert (await step).last_activity == LATER
    else:
        assert (await refused(step)).reason is may


async def test_a_healthy_registry_costs_no_look_at_its_token():
    here = world()

    await wait_healthy(here, site(), facts(), None, lambda _: None)

    assert here.registries.token.calls == []


async def test_contact_must_be_newer_than_our_change():
    here, told = world(listed=listing(cr(), cr(), cr(last_activity=LATER))), []

    found = await wait_healthy(here, site(), facts(), LATER, told.append)

    assert found.last_activity == LATER
    assert [finding.verdict for finding in told] == ["progressing", "healthy"]
    assert here.clock.slept == [5.0, 5.0]


async def test_where_nothing_was_changed_any_contact_will_do():
    assert await wait_healthy(world(), site(), facts(), None, lambda _: None) == cr()


async def test_a_broken_extension_is_told_before_any_waiting():
    here = world()

    error = await refused(wait_healthy(here, site(), facts(extension=extension("Failed")), None, lambda _: None))

    assert (error.reason, here.clock.slept) == (Reason.EXTENSION_FAILED, [])


async def test_a_registry_that_never_comes_fails_for_its_clusters_sake_if_that_is_gone():
    never = cr(connection_state="Offline", activation="Inactive", last_sync=None)
    here = world(listed=listing(never), clusters=(cluster("Offline"),))

    assert (await refused(wait_healthy(here, site(), facts(), NOW, lambda _: None))).reason is Reason.ARC_OFFLINE


HALF_PAST = NOW + minutes(30)
RESTING = {"connection_state": "Offline", "schedule": "0 * * * *", "sync_window": "PT5M", "last_sync": NOW}


async def test_a_registry_between_its_syncs_is_as_it_should_be_where_nothing_was_changed():
    resting = cr(**RESTING)
    here = world(listed=listing(resting), times=(HALF_PAST,))

    assert await wait_healthy(here, site(), facts(connected_registry=resting), None, lambda _: None) == resting


async def test_after_a_change_the_next_sync_of_a_registry_with_windows_is_waited_for():
    resting = cr(**RESTING)
    here = world(listed=listing(resting), times=(HALF_PAST,))

    error = await refused(
        wait_healthy(here, site(), facts(connected_registry=resting), NOW + minutes(20), lambda _: None)
    )

    assert (error.reason, error.rule) == (Reason.SCHEDULED_GAP, "C9")
    assert here.clock.now == pytest.approx((30 + 15) * 60)
