"""S rules: whether an image can arrive, and whether it has."""

import pytest
from examples import NOW, cr, minutes

from arcfleet.core.findings import Verdict
from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts.sync import in_scope, judge_contact, judge_scope

IMAGE = ImageRef("app/web", "stable")
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


def test_an_image_in_scope_can_arrive():
    finding = judge_scope(IMAGE, cr(), ACTIONS, "acreu1")

    assert (finding.verdict, finding.reason) == (Verdict.HEALTHY, Reason.OK)


@pytest.mark.parametrize(
    ("actions", "listed"), [(ACTIONS, "scope map holds app/web, base"), ((), "scope map holds no repository")]
)
def test_an_image_out_of_scope_never_arrives_and_the_remedy_names_the_command(actions, listed):
    finding = judge_scope(ImageRef("other", "1"), cr(), actions, "acreu1")

    assert (finding.verdict, finding.reason, finding.rule) == (Verdict.FAILED, Reason.NOT_IN_SCOPE, "S2")
    assert finding.evidence == (listed,)
    assert finding.remedy == (
        "az acr connected-registry permissions update --registry acreu1 --name berlinplant --add other"
    )


CONTACTS = {
    "S7 grade D: contact since our change": ({}, NOW, Verdict.HEALTHY, Reason.OK, "S7", "contact since our change (D)"),
    "S7 grade D: any contact": ({}, None, Verdict.HEALTHY, Reason.OK, "S7", "contact since our change (D)"),
    "S7 grade C": ({"sync_state": "Succeeded"}, NOW, Verdict.HEALTHY, Reason.OK, "S7", "sync succeeded (C)"),
    "S8 failed": ({"sync_state": "Failed"}, NOW, Verdict.DEGRADED, Reason.SYNC_FAILED, "S8", "the last sync Failed"),
    "S8 timed out": (
        {"sync_state": "TimedOut", "last_sync": None},
        NOW,
        Verdict.DEGRADED,
        Reason.SYNC_FAILED,
        "S8",
        "the last sync TimedOut",
    ),
    "S9 before our change": (
        {"sync_state": "Succeeded"},
        NOW + minutes(1),
        Verdict.PROGRESSING,
        Reason.SYNC_PENDING,
        "S9",
        "no sync since our change",
    ),
    "S9 never": ({"last_sync": None}, None, Verdict.PROGRESSING, Reason.SYNC_PENDING, "S9", "no sync since our change"),
    "a state that nobody described": (
        {"sync_state": "Odd"},
        NOW,
        Verdict.HEALTHY,
        Reason.OK,
        "S7",
        "contact since our change (D)",
    ),
}


@pytest.mark.parametrize(("values", "since", "verdict", "reason", "rule", "message"), CONTACTS.values(), ids=CONTACTS)
def test_the_grade_of_the_evidence_is_told(values, since, verdict, reason, rule, message):
    finding = judge_contact(IMAGE, cr(**values), since=since)

    assert (finding.verdict, finding.reason, finding.rule, finding.message) == (verdict, reason, rule, message)
    assert finding.subject == "sync app/web:stable"
