"""S rules: whether an image can arrive, and whether it has."""

from dataclasses import replace

import pytest
from examples import DIGEST, NOW, cr, minutes

from arcfleet.core.findings import Verdict
from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason
from arcfleet.core.sync.announcements import Announced
from arcfleet.core.sync.arrivals import Answer, Arrival, Served
from arcfleet.core.verdicts.sync import Sought, in_scope, judge

IMAGE = ImageRef("app/web", "stable")
SOUGHT = Sought("acreu1", NOW)
ACTIONS = (
    "gateway/berlinplant/config/read",
    "repositories/app/web/content/read",
    "repositories/app/web/metadata/read",
    "repositories/base/content/read",
)

SCOPES = {
    "listed": ("app/web", ACTIONS, True),
    "listed in capitals": ("app/web", ("Repositories/App/Web/Content/Read",), True),
    "metadata alone": ("app/web", ("repositories/app/web/metadata/read",), False),
    "a longer name": ("app", ACTIONS, False),
    "a shorter name": ("app/web/x", ACTIONS, False),
    "nothing": ("app/web", (), False),
}


@pytest.mark.parametrize(("repository", "actions", "expected"), SCOPES.values(), ids=SCOPES)
def test_a_repository_is_in_scope_if_its_content_may_be_read(repository, actions, expected):
    assert in_scope(repository, actions) is expected


def scope(*repositories: str, name: str = "berlinplant"):
    return name, [f"repositories/{repository}/content/read" for repository in repositories]


@pytest.mark.parametrize(
    ("actions", "listed"), [(ACTIONS, "scope map holds app/web, base"), ((), "scope map holds no repository")]
)
def test_an_image_out_of_scope_never_arrives_and_the_remedy_names_the_command(actions, listed):
    finding = judge(Arrival(ImageRef("other", "1")), cr(), SOUGHT, [("berlinplant", actions)])

    assert (finding.verdict, finding.reason, finding.rule) == (Verdict.FAILED, Reason.NOT_IN_SCOPE, "S2")
    assert finding.evidence == (listed,)
    assert finding.remedy == (
        "az acr connected-registry permissions update --registry acreu1 --name berlinplant --add other"
    )


def test_an_image_that_a_registry_above_may_not_have_never_arrives():
    finding = judge(Arrival(IMAGE), cr(), SOUGHT, [scope("app/web"), scope("base", name="hub")])

    assert (finding.rule, "--name hub --add app/web" in finding.remedy) == ("S2", True)


def seen(**values) -> Arrival:
    return Arrival(IMAGE, DIGEST, **values)


def heard(served: Served, digest: str = "") -> dict[str, Answer]:
    return {"site": Answer(served, digest, "pod web-1")}


def told(digest: str = DIGEST) -> dict[str, Announced]:
    return {"notified": Announced(digest, NOW)}


RESTING = {"schedule": "0 8 * * *", "sync_window": "PT2H", "last_sync": NOW - minutes(200)}
C = {"sync_state": "Succeeded", "last_successful_sync": NOW}
PUSHED = {"pushed": NOW - minutes(10)}
CASES = {
    "S1 not in the cloud": (Arrival(IMAGE, None), {}, {}, (Verdict.FAILED, Reason.NOT_IN_CLOUD, "S1", None)),
    "S1 before S3": (
        replace(Arrival(IMAGE, None), **heard(Served.DIGEST)), {}, {},
        (Verdict.FAILED, Reason.NOT_IN_CLOUD, "S1", None),
    ),
    "S2 not in the scope map": (
        Arrival(ImageRef("other", "1"), DIGEST), {}, {}, (Verdict.FAILED, Reason.NOT_IN_SCOPE, "S2", None),
    ),
    "S3 the same digest": (seen(**heard(Served.DIGEST, DIGEST)), {}, {}, (Verdict.HEALTHY, Reason.OK, "S3", "A")),
    "S3 before S8": (
        seen(**heard(Served.DIGEST, DIGEST)), {"sync_state": "Failed"}, {}, (Verdict.HEALTHY, Reason.OK, "S3", "A"),
    ),
    "S4 another digest": (
        seen(**heard(Served.DIGEST, "sha256:old")), C, {}, (Verdict.PROGRESSING, Reason.STALE, "S4", "A"),
    ),
    "S5 missing": (
        seen(**heard(Served.MISSING)), C, {}, (Verdict.PROGRESSING, Reason.IMAGE_NOT_ON_SITE, "S5", None),
    ),
    "S6 refused": (seen(**heard(Served.REFUSED)), C, {}, (Verdict.UNKNOWN, Reason.CLIENT_TOKEN, "S6", None)),
    "S7 announced": (seen(**told()), {}, {}, (Verdict.HEALTHY, Reason.OK, "S7", "B")),
    "S7 announced after our change": (
        seen(**told()), {}, {"since": NOW - minutes(1)}, (Verdict.HEALTHY, Reason.OK, "S7", "B"),
    ),
    "S7 announced, but before our change: mere contact": (
        seen(**told()), {}, {"since": NOW}, (Verdict.HEALTHY, Reason.OK, "S7", "D"),
    ),
    "S7 announced, but another digest": (
        seen(**told("sha256:old")), {"last_sync": None}, {}, (Verdict.PROGRESSING, Reason.SYNC_PENDING, "S12", None),
    ),
    "S7 a sync succeeded after the push": (seen(**PUSHED), C, {}, (Verdict.HEALTHY, Reason.OK, "S7", "C")),
    "S7 a sync succeeded after our change": (
        seen(), C, {"since": NOW - minutes(1)}, (Verdict.HEALTHY, Reason.OK, "S7", "C"),
    ),
    "S7 a sync succeeded, but at the push: mere contact": (
        seen(pushed=NOW), {**C, "last_sync": NOW + minutes(2)}, {}, (Verdict.HEALTHY, Reason.OK, "S7", "D"),
    ),
    "S7 a sync succeeded, of an unknown time": (
        seen(**PUSHED), {"sync_state": "Succeeded"}, {}, (Verdict.HEALTHY, Reason.OK, "S7", "D"),
    ),
    "S7 contact since the push": (seen(**PUSHED), {}, {}, (Verdict.HEALTHY, Reason.OK, "S7", "D")),
    "S7 contact, the push is of an unknown time": (seen(), {}, {}, (Verdict.HEALTHY, Reason.OK, "S7", "D")),
    "S7 contact at the moment of our change": (seen(), {}, {"since": NOW}, (Verdict.HEALTHY, Reason.OK, "S7", "D")),
    "S8 failed": (seen(**PUSHED), {"sync_state": "Failed"}, {}, (Verdict.DEGRADED, Reason.SYNC_FAILED, "S8", None)),
    "S8 timed out": (
        seen(), {"sync_state": "TimedOut", "last_sync": None}, {}, (Verdict.DEGRADED, Reason.SYNC_FAILED, "S8", None),
    ),
    "S9 not activated": (
        seen(), {"sync_state": "NotActivated"}, {}, (Verdict.PROGRESSING, Reason.NEVER_ACTIVATED, "S9", None),
    ),
    "S10 outside its window": (
        seen(pushed=NOW - minutes(30)), RESTING, {}, (Verdict.WAITING, Reason.SCHEDULED_GAP, "S10", None),
    ),
    "S11 too long out of contact": (
        seen(**PUSHED), {"last_sync": NOW - minutes(3000), "message_ttl": minutes(2880)}, {},
        (Verdict.FAILED, Reason.MESSAGES_EXPIRED, "S11", None),
    ),
    "S12 out of contact for as long as messages are kept": (
        seen(**PUSHED), {"last_sync": NOW - minutes(2880), "message_ttl": minutes(2880)}, {},
        (Verdict.PROGRESSING, Reason.SYNC_PENDING, "S12", None),
    ),
    "S12 what was just installed syncs in full": (
        seen(), {"last_sync": NOW - minutes(3000), "message_ttl": minutes(2880)}, {"since": NOW},
        (Verdict.PROGRESSING, Reason.SYNC_PENDING, "S12", None),
    ),
    "S12 no contact since our change": (
        seen(), {}, {"since": NOW + minutes(1)}, (Verdict.PROGRESSING, Reason.SYNC_PENDING, "S12", None),
    ),
    "S12 no sync begun since the push": (
        seen(pushed=NOW - minutes(0.5)), {"last_sync": NOW - minutes(0.4)}, {},
        (Verdict.PROGRESSING, Reason.SYNC_PENDING, "S12", None),
    ),
    "S12 never": (seen(), {"last_sync": None}, {}, (Verdict.PROGRESSING, Reason.SYNC_PENDING, "S12", None)),
    "S7 a state that nobody described": (seen(), {"sync_state": "Odd"}, {}, (Verdict.HEALTHY, Reason.OK, "S7", "D")),
}  # fmt: skip


@pytest.mark.parametrize(("arrival", "values", "asked", "expected"), CASES.values(), ids=CASES)
def test_the_first_rule_that_matches_decides_and_the_grade_is_told(arrival, values, asked, expected):
    finding = judge(arrival, cr(**values), replace(SOUGHT, **asked), [scope("app/web")])

    assert (finding.verdict, finding.reason, finding.rule, finding.grade) == expected
    assert finding.subject == f"sync {arrival.image}"
    assert "synced" not in finding.message


def test_who_heard_the_site_is_the_evidence():
    assert judge(seen(**heard(Served.DIGEST, DIGEST)), cr(), SOUGHT).evidence == ("pod web-1",)


def test_a_window_is_waited_for_by_its_name():
    finding = judge(seen(pushed=NOW - minutes(30)), cr(**RESTING), SOUGHT)

    assert finding.message == "waiting for the window that opens at 2026-11-25 08:00Z"


def test_messages_that_expired_are_told_with_how_long_they_are_kept():
    away = cr(last_sync=NOW - minutes(3000), message_ttl=minutes(2880))

    finding = judge(seen(**PUSHED), away, SOUGHT)

    assert "(P2D)" in finding.message
    assert finding.remedy == "az acr connected-registry resync --registry acreu1 --name berlinplant"
