"""Sync: whether an image reaches a site, and by which evidence."""

from dataclasses import replace

import pytest
from examples import (
    DIGEST,
    NOW,
    cr,
    deployment,
    facts,
    minutes,
    pod,
    site,
)
from fakes import Script, port
from steps_world import IMAGE, LATER, PINNED, SCOPE, listing, refused, world

from arcfleet.core.facts import Unread
from arcfleet.core.reasons import Reason
from arcfleet.core.sync.announcements import Announced
from arcfleet.errors import PermanentError
from arcfleet.steps.health import INTERVAL
from arcfleet.steps.sync import check_sync


async def test_an_image_out_of_scope_is_told_before_any_waiting():
    here = world(actions=[])

    error = await refused(check_sync(here, site(), facts(), [IMAGE], changed_at=NOW, on_change=lambda _: None))

    assert (error.reason, here.clock.slept) == (Reason.NOT_IN_SCOPE, [])


async def test_each_image_gets_a_finding_with_its_grade():
    here = world(listed=listing(cr(last_sync=None), cr(last_sync=LATER)))

    found = await check_sync(here, site(), facts(), [IMAGE, IMAGE], changed_at=NOW, on_change=lambda _: None)

    assert [(finding.rule, finding.grade) for finding in found] == [("S7", "D"), ("S7", "D")]


async def test_an_image_that_runs_already_is_not_waited_for():
    live = {"web": deployment(pod(PINNED))}
    here = world(listed=listing(cr(last_sync=None)))

    (found,) = await check_sync(
        here, site(), facts(workloads=live), [IMAGE], changed_at=LATER, on_change=lambda _: None
    )

    assert (found.rule, found.grade, here.clock.slept) == ("S3", "A", [])


@pytest.mark.parametrize(
    ("reason", "ends"), [(Reason.NOT_IN_CLOUD, Reason.NOT_IN_CLOUD), (Reason.FORBIDDEN, None)], ids=["absent", "secret"]
)
async def test_an_image_that_the_cloud_lacks_never_arrives_and_one_that_may_not_be_read_may(reason, ends):
    here = world()
    here.images.digest = here.images.pushed = Script(PermanentError(reason, "no"))
    step = check_sync(here, site(), facts(), [IMAGE], changed_at=None, on_change=lambda _: None)

    if ends:
        assert (await refused(step)).rule == "S1"
    else:
        assert [finding.grade for finding in await step] == ["D"]


async def test_a_registry_above_must_let_the_image_through_too():
    listed = Script({"berlinplant": cr(parent="hub"), "hub": cr(name="hub", sync_token_id="…/tokens/hub")})
    here = world(listed=listed)
    here.registries.scope_actions = Script(SCOPE, [])

    error = await refused(check_sync(here, site(), facts(connected_registry=cr(parent="hub")), [IMAGE],
                                     changed_at=None, on_change=lambda _: None))  # fmt: skip

    assert (error.reason, "--name hub" in error.remedy) == (Reason.NOT_IN_SCOPE, True)


async def test_registries_that_are_above_each_other_end_the_walk():
    listed = Script({"berlinplant": cr(parent="hub"), "hub": cr(name="hub", parent="berlinplant")})

    found = await check_sync(world(listed=listed), site(), facts(connected_registry=cr(parent="hub")), [IMAGE],
                             changed_at=None, on_change=lambda _: None)  # fmt: skip

    assert len(found) == 1


FAILED = cr(sync_state="Failed", sync_ended=NOW, last_sync=LATER)
SUCCEEDED = cr(sync_state="Succeeded", last_successful_sync=LATER + minutes(1), last_sync=LATER)
AGAIN = cr(sync_state="Failed", sync_ended=LATER + minutes(1), last_sync=LATER)


async def test_a_failed_sync_is_asked_for_once_and_all_images_wait_for_it():
    here = world(listed=listing(FAILED, FAILED, SUCCEEDED), times=(NOW, NOW, NOW, LATER))
    here.registries.resync = Script(None)

    found = await check_sync(here, site(), facts(), [IMAGE, IMAGE], changed_at=NOW, on_change=lambda _: None)

    assert [(finding.rule, finding.grade) for finding in found] == [("S7", "C"), ("S7", "C")]
    assert len(here.registries.resync.calls) == 1


async def test_a_sync_that_fails_again_has_failed():
    here = world(listed=listing(FAILED, FAILED, AGAIN), times=(NOW, NOW, NOW, LATER))
    here.registries.resync = Script(None)

    error = await refused(check_sync(here, site(), facts(), [IMAGE], changed_at=NOW, on_change=lambda _: None))

    assert (error.rule, error.reason) == ("S8", Reason.SYNC_FAILED)
    assert "so did the resync" in error.message
    assert len(here.registries.resync.calls) == 1


async def test_a_registry_out_of_contact_is_not_asked_to_sync():
    away = replace(FAILED, connection_state="Offline")
    here = world(listed=listing(away))
    here.registries.resync = Script(None)

    error = await refused(check_sync(here, site(), facts(), [IMAGE], changed_at=NOW, on_change=lambda _: None))

    assert (error.rule, here.registries.resync.calls) == ("S8", [])


TELLS = {"notifications": ("app/*:*:push",)}
RUNS = {"web": deployment(pod(PINNED))}


@pytest.mark.parametrize(
    ("settings", "live", "grade", "reads"),
    [(TELLS, {}, "B", 1), ({}, {}, "D", 0), (TELLS, RUNS, "A", 0)],
    ids=["announced", "a registry that is to announce nothing", "proven anyhow"],
)
async def test_announcements_are_read_once_where_they_can_help(settings, live, grade, reads):
    of = Script({"app/web:stable": Announced(DIGEST, NOW)})
    here = replace(world(listed=listing(cr(**settings))), announcements=port(of=of))
    observed = facts(connected_registry=cr(**settings), workloads=live)

    found = await check_sync(here, site(), observed, [IMAGE, IMAGE], changed_at=None, on_change=lambda _: None)

    assert [finding.grade for finding in found] == [grade, grade]
    assert of.calls == [("acreu1", "berlinplant")] * reads


async def test_an_announcement_that_comes_during_the_wait_ends_it():
    early, told = {}, {"app/web:stable": Announced(DIGEST, LATER)}
    of = Script(early, early, told)
    silent = cr(last_sync=None, **TELLS)
    here = replace(world(listed=listing(silent)), announcements=port(of=of))

    found = await check_sync(
        here, site(), facts(connected_registry=silent), [IMAGE, IMAGE], changed_at=NOW, on_change=lambda _: None
    )

    assert [(finding.rule, finding.grade) for finding in found] == [("S7", "B")] * 2
    # Once at each look of the first image's wait; what ended it is new enough for the second one.
    assert (len(of.calls), here.clock.slept) == (3, [INTERVAL, INTERVAL])


async def test_an_announcement_from_before_our_change_ends_no_wait():
    of = Script({"app/web:stable": Announced(DIGEST, NOW)})
    silent = cr(last_sync=None, **TELLS)
    here = replace(world(listed=listing(silent)), announcements=port(of=of))
    observed = facts(connected_registry=silent)

    error = await refused(check_sync(here, site(), observed, [IMAGE], changed_at=LATER, on_change=lambda _: None))

    assert (error.rule, error.reason) == ("S12", Reason.SYNC_PENDING)


UNHEARD = {
    "contact is all that is known": (cr(**TELLS), ("what the registry announced was not looked at: no server",)),
    "a sync is known to have succeeded": (replace(SUCCEEDED, **TELLS), ()),
    "it is to announce nothing": (cr(), ()),
}


@pytest.mark.parametrize(("seen", "evidence"), UNHEARD.values(), ids=UNHEARD)
async def test_that_announcements_can_t_be_read_is_said_where_they_would_be_better_evidence(seen, evidence):
    here = replace(world(listed=listing(seen)), announcements=port(of=Script(Unread("no server"))))
    observed = facts(connected_registry=seen)

    (found,) = await check_sync(here, site(), observed, [IMAGE], changed_at=NOW, on_change=lambda _: None)

    assert (found.ok, found.evidence) == (True, evidence)
