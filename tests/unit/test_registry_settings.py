"""A connected registry's own properties: what a creation sends, and that an update sends only what differs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from examples import REGISTRY_ID, cr

from arcfleet.core.facts import GarbageCollectionFacts
from arcfleet.core.fleet.manifest import ConnectedRegistrySettings
from arcfleet.core.planning.registry_settings import ConnectedRegistrySpec, creation, update

HOURS = timedelta(hours=4)
DAILY = GarbageCollectionFacts(enabled=True, schedule="0 0 * * *")
TOKEN = f"{REGISTRY_ID}/tokens/berlinplant-pull"
STANDING = cr(
    schedule="0 2 * * *",
    sync_window="PT4H",
    message_ttl=timedelta(days=2),
    log_level="Information",
    audit_log=False,
    notifications=("b:*:push", "a:*:push"),
    garbage_collection=DAILY,
    client_token_ids=(TOKEN,),
)
SYNC = {"schedule": "0 2 * * *", "sync_window": HOURS, "message_ttl": timedelta(days=2)}


def settings(**given) -> ConnectedRegistrySettings:
    return ConnectedRegistrySettings.model_validate(given)


def test_a_creation_sends_azs_defaults_for_what_the_file_does_not_give():
    made = creation(settings(), parent_id=None, sync_token_id="t", client_token_ids=())

    assert made == ConnectedRegistrySpec(
        mode="ReadOnly", sync_token_id="t", schedule="* * * * *", message_ttl=timedelta(days=2),
        log_level="Information", audit_log=False, garbage_collection=DAILY,
    )  # fmt: skip


def test_a_creation_sends_what_the_file_gives():
    given = settings(
        mode="ReadWrite", schedule="0 2 * * *", window="4h", messageTtl="7d", logLevel="Debug", auditLog=True,
        notifications=["*:*"], garbageCollection={"enabled": False},
    )  # fmt: skip

    assert creation(given, parent_id="p", sync_token_id="t", client_token_ids=("c",)) == ConnectedRegistrySpec(
        "ReadWrite", "p", "t", "0 2 * * *", HOURS, timedelta(days=7), "Debug", True, ("*:*",),
        GarbageCollectionFacts(enabled=False), ("c",),
    )  # fmt: skip


SAME = {
    "nothing given": {},
    "schedule": {"schedule": "0 2 * * *", "window": "4h"},
    "time to live": {"messageTtl": "2d"},
    "logging": {"logLevel": "Information", "auditLog": False},
    "notifications in another order": {"notifications": ["a:*:push", "b:*:push"]},
    "collection": {"garbageCollection": {"enabled": True}},
}


@pytest.mark.parametrize("given", SAME.values(), ids=SAME)
def test_what_is_as_the_file_has_it_is_not_sent(given):
    assert update(settings(**given), STANDING, TOKEN) == (ConnectedRegistrySpec(), ())


DIFFERENT = {
    "schedule keeps the window": (
        {"schedule": "0 3 * * *"}, {**SYNC, "schedule": "0 3 * * *"}, "schedule: 0 2 * * * -> 0 3 * * *",
    ),
    "window keeps the schedule": (
        {"schedule": "0 2 * * *", "window": "1h30m"},
        {**SYNC, "sync_window": timedelta(hours=1, minutes=30)}, "window: PT4H -> PT1H30M",
    ),
    "time to live keeps both": (
        {"messageTtl": "7d"}, {**SYNC, "message_ttl": timedelta(days=7)}, "messageTtl: P2D -> P7D",
    ),
    "log level keeps the audit log": (
        {"logLevel": "Debug"}, {"log_level": "Debug", "audit_log": False}, "logLevel: Information -> Debug",
    ),
    "audit log keeps the level": (
        {"auditLog": True}, {"log_level": "Information", "audit_log": True}, "auditLog: off -> on",
    ),
    "notifications": (
        {"notifications": ["a:*:push"]}, {"notifications": ("a:*:push",)},
        "notifications: a:*:push, b:*:push -> a:*:push",
    ),
    "no notifications": ({"notifications": []}, {"notifications": ()}, "notifications: a:*:push, b:*:push -> none"),
    "no collection": (
        {"garbageCollection": {"enabled": False}}, {"garbage_collection": GarbageCollectionFacts(enabled=False)},
        "garbageCollection: 0 0 * * * -> off",
    ),
    "another time of collection": (
        {"garbageCollection": {"schedule": "0 5 * * *"}},
        {"garbage_collection": GarbageCollectionFacts(enabled=True, schedule="0 5 * * *")},
        "garbageCollection: 0 0 * * * -> 0 5 * * *",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "sent", "line"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_is_sent_with_what_travels_with_it(given, sent, line):
    spec, found = update(settings(**given), STANDING, TOKEN)

    assert (spec, [str(item) for item in found]) == (ConnectedRegistrySpec(**sent), [line])


def test_a_client_token_is_added_to_those_of_others():
    others = replace(STANDING, client_token_ids=("…/tokens/theirs",))

    spec, found = update(settings(), others, TOKEN)

    assert spec == ConnectedRegistrySpec(client_token_ids=("…/tokens/theirs", TOKEN))
    assert [str(item) for item in found] == ["client token berlinplant-pull: not assigned -> assigned"]


@pytest.mark.parametrize("token", [None, TOKEN.upper()], ids=["none needed", "there in another case"])
def test_a_client_token_that_is_there_or_not_needed_is_not_added(token):
    assert update(settings(), STANDING, token) == (ConnectedRegistrySpec(), ())


def test_several_differences_are_one_write():
    spec, lines = update(settings(schedule="0 3 * * *", logLevel="Debug"), STANDING, TOKEN)

    assert (spec.schedule, spec.log_level, len(lines)) == ("0 3 * * *", "Debug", 2)


def test_a_disabled_collection_is_the_same_whatever_schedule_it_once_had():
    off = replace(STANDING, garbage_collection=GarbageCollectionFacts(enabled=False, schedule="0 9 * * *"))

    assert update(settings(garbageCollection={"enabled": False}), off, TOKEN)[1] == ()
