"""C rules: how the connected registry stands."""

from dataclasses import replace

import pytest
from examples import NOW, cluster, cr, minutes, token

from arcfleet.core.facts import PasswordFacts, StatusDetail
from arcfleet.core.findings import Verdict
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts.registry import Around, judge

FULL = StatusDetail("Disk", "DiskError", "No space left on device.")
DENIED = StatusDetail("Disk", "DiskError", "Access to the path '/var/acr/data' is denied.")
RESTING = {
    "connection_state": "Offline",
    "schedule": "0 8 * * *",
    "sync_window": "PT2H",
    "last_sync": NOW - minutes(200),
}
OTHER = StatusDetail("Sync", "SyncError", "something new")
AWAY = cr(connection_state="Offline")
OFF = replace(token(password1=NOW), status="Disabled")
LATER = {"active_since": NOW + minutes(1)}


def valid_until(*ends):
    return replace(token(), passwords=tuple(PasswordFacts(f"password{i}", None, end) for i, end in enumerate(ends, 1)))


CASES = {
    "C2 failed": (cr(provisioning_state="Failed"), {}, (Verdict.FAILED, Reason.REGISTRY_UNHEALTHY, "C2")),
    "C2 canceled": (cr(provisioning_state="CANCELED"), {}, (Verdict.FAILED, Reason.REGISTRY_UNHEALTHY, "C2")),
    "C2 updating": (cr(provisioning_state="Updating"), {}, (Verdict.PROGRESSING, Reason.REGISTRY_PROGRESSING, "C2")),
    "C2 a new word": (cr(provisioning_state="Odd"), {}, (Verdict.PROGRESSING, Reason.REGISTRY_PROGRESSING, "C2")),
    "C5 never activated": (
        cr(connection_state="Offline", activation="Inactive", last_sync=None),
        {},
        (Verdict.PROGRESSING, Reason.NEVER_ACTIVATED, "C5"),
    ),
    "C1 absent": (None, {}, (Verdict.ABSENT, Reason.CONNECTED_REGISTRY_NOT_FOUND, "C1")),
    "C3 its parent is away": (
        AWAY,
        {"around": Around(cr(name="hub", connection_state="Offline"))},
        (Verdict.WAITING, Reason.PARENT_NOT_READY, "C3"),
    ),
    "C3 its parent's state is a new word": (
        AWAY,
        {"around": Around(cr(name="hub", connection_state="Odd"))},
        (Verdict.WAITING, Reason.PARENT_NOT_READY, "C3"),
    ),
    "C3 before C4": (
        AWAY,
        {"around": Around(cr(connection_state="Offline"), OFF)},
        (Verdict.WAITING, Reason.PARENT_NOT_READY, "C3"),
    ),
    "C11 its parent is there": (AWAY, {"around": Around(cr())}, (Verdict.PROGRESSING, Reason.REGISTRY_OFFLINE, "C11")),
    "C11 its parent is between two syncs": (
        AWAY,
        {"around": Around(cr(**RESTING))},
        (Verdict.PROGRESSING, Reason.REGISTRY_OFFLINE, "C11"),
    ),
    "C4 sync token disabled": (AWAY, {"around": Around(token=OFF)}, (Verdict.FAILED, Reason.CREDENTIAL_UNUSABLE, "C4")),
    "C4 both passwords have expired": (
        AWAY,
        {"around": Around(token=valid_until(NOW, NOW - minutes(9)))},
        (Verdict.FAILED, Reason.CREDENTIAL_UNUSABLE, "C4"),
    ),
    "C4 no password at all": (
        AWAY,
        {"around": Around(token=token())},
        (Verdict.FAILED, Reason.CREDENTIAL_UNUSABLE, "C4"),
    ),
    "C4 before C5": (
        cr(connection_state="Offline", activation="Inactive", last_sync=None),
        {"around": Around(token=OFF)},
        (Verdict.FAILED, Reason.CREDENTIAL_UNUSABLE, "C4"),
    ),
    "C11 one password is valid": (
        AWAY,
        {"around": Around(token=valid_until(NOW - minutes(1), NOW + minutes(1)))},
        (Verdict.PROGRESSING, Reason.REGISTRY_OFFLINE, "C11"),
    ),
    "C11 a password without an end": (
        AWAY,
        {"around": Around(token=token(password1=NOW))},
        (Verdict.PROGRESSING, Reason.REGISTRY_OFFLINE, "C11"),
    ),
    "C7 contact is proof, whatever is around": (
        cr(),
        {"around": Around(cr(connection_state="Offline"), OFF)},
        (Verdict.HEALTHY, Reason.OK, "C7"),
    ),
    "C6 disk full": (
        cr(connection_state="Unhealthy", status_details=(FULL,)),
        {},
        (Verdict.FAILED, Reason.DISK, "C6"),
    ),
    "C6 disk not writable": (
        cr(connection_state="Unhealthy", status_details=(OTHER, DENIED)),
        {},
        (Verdict.FAILED, Reason.DISK, "C6"),
    ),
    "C6 something else": (
        cr(connection_state="Unhealthy", status_details=(OTHER,)),
        {},
        (Verdict.DEGRADED, Reason.REGISTRY_UNHEALTHY, "C6"),
    ),
    "C6 nothing said": (cr(connection_state="UNHEALTHY"), {}, (Verdict.DEGRADED, Reason.REGISTRY_UNHEALTHY, "C6")),
    "C7 online": (cr(), {}, (Verdict.HEALTHY, Reason.OK, "C7")),
    "C7 online, whatever the case": (cr(connection_state="ONLINE"), {}, (Verdict.HEALTHY, Reason.OK, "C7")),
    "C7 online, heard of at the moment of our change": (
        cr(),
        {"active_since": NOW},
        (Verdict.HEALTHY, Reason.OK, "C7"),
    ),
    "C7 online, not since our change": (cr(), LATER, (Verdict.PROGRESSING, Reason.REGISTRY_PROGRESSING, "C7")),
    "C7 online, never heard of": (
        cr(last_sync=None, last_activity=None),
        {"active_since": NOW},
        (Verdict.PROGRESSING, Reason.REGISTRY_PROGRESSING, "C7"),
    ),
    "C7 online, the newer of two times counts": (
        cr(last_sync=NOW + minutes(2), last_activity=None),
        LATER,
        (Verdict.HEALTHY, Reason.OK, "C7"),
    ),
    "C7 online, the newer of two times counts, whichever it is": (
        cr(last_sync=NOW, last_activity=NOW + minutes(2)),
        LATER,
        (Verdict.HEALTHY, Reason.OK, "C7"),
    ),
    "C8 syncing": (cr(connection_state="Syncing"), {}, (Verdict.HEALTHY, Reason.OK, "C8")),
    "C9 between syncs": (cr(**RESTING), {}, (Verdict.HEALTHY, Reason.SCHEDULED_GAP, "C9")),
    "C9 between syncs, changed before the last one": (
        cr(**RESTING),
        {"active_since": NOW - minutes(201)},
        (Verdict.HEALTHY, Reason.SCHEDULED_GAP, "C9"),
    ),
    "C9 between syncs, changed at the moment of the last one": (
        cr(**RESTING),
        {"active_since": NOW - minutes(200)},
        (Verdict.HEALTHY, Reason.SCHEDULED_GAP, "C9"),
    ),
    "C9 between syncs, changed after the last one": (
        cr(**RESTING),
        {"active_since": NOW - minutes(199)},
        (Verdict.WAITING, Reason.SCHEDULED_GAP, "C9"),
    ),
    "C9 activity that is no sync does not count": (
        cr(**{**RESTING, "last_activity": NOW}),
        {"active_since": NOW - minutes(199)},
        (Verdict.WAITING, Reason.SCHEDULED_GAP, "C9"),
    ),
    "C10 offline with its cluster": (
        cr(connection_state="Offline"),
        {"cluster": cluster("Offline")},
        (Verdict.WAITING, Reason.ARC_OFFLINE, "C10"),
    ),
    "C10 before C9": (
        cr(**RESTING),
        {"cluster": cluster("Expired")},
        (Verdict.WAITING, Reason.ARC_OFFLINE, "C10"),
    ),
    "C11 offline": (cr(connection_state="Offline"), {}, (Verdict.PROGRESSING, Reason.REGISTRY_OFFLINE, "C11")),
    "C11 inactive, but it has synced": (
        cr(connection_state="Offline", activation="Inactive"),
        {},
        (Verdict.PROGRESSING, Reason.REGISTRY_OFFLINE, "C11"),
    ),
    "C11 missed its last window": (
        cr(**{**RESTING, "last_sync": NOW - minutes(2000)}),
        {},
        (Verdict.PROGRESSING, Reason.REGISTRY_OFFLINE, "C11"),
    ),
    "a state that nobody described": (
        cr(connection_state="Hibernating"),
        {},
        (Verdict.UNKNOWN, Reason.UNKNOWN_STATE, ""),
    ),
}


@pytest.mark.parametrize(("seen", "around", "expected"), CASES.values(), ids=CASES)
def test_the_first_rule_that_matches_decides(seen, around, expected):
    finding = judge(seen, **{"cluster": cluster(), "now": NOW, **around})

    assert (finding.verdict, finding.reason, finding.rule) == expected


GAPS = {
    "healthy": (None, "between syncs; next at 2026-11-25 08:00Z"),
    "waiting": (NOW, "waiting for the window that opens at 2026-11-25 08:00Z"),
}


@pytest.mark.parametrize(("since", "message"), GAPS.values(), ids=GAPS)
def test_a_gap_tells_when_the_next_sync_is(since, message):
    finding = judge(cr(**RESTING), cluster(), now=NOW, active_since=since)

    assert finding.message == message


def test_what_keeps_a_registry_away_is_told_with_its_names():
    by_parent = judge(AWAY, cluster(), now=NOW, around=Around(cr(name="hub", connection_state="Offline")))
    expired = judge(AWAY, cluster(), now=NOW, around=Around(token=valid_until(NOW)))
    off = judge(AWAY, cluster(), now=NOW, around=Around(token=OFF))

    assert by_parent.message == "Offline, as its parent hub is Offline"
    assert expired.evidence == ("password1 expired at 2026-11-24 12:00Z",)
    assert "az acr token credential generate --registry {registry} --name berlinplant" in expired.remedy
    assert off.remedy == "az acr token update --registry {registry} --name berlinplant --status enabled"


DETAILS = {
    "one": ((FULL,), "Disk DiskError: No space left on device."),
    "two": ((DENIED, FULL), "Disk DiskError: Access to the path '/var/acr/data' is denied."),
    "none": ((), "reports a critical error without details"),
}


@pytest.mark.parametrize(("details", "message"), DETAILS.values(), ids=DETAILS)
def test_an_unhealthy_registry_quotes_all_that_it_reports(details, message):
    finding = judge(cr(connection_state="Unhealthy", status_details=details), cluster(), now=NOW)

    assert finding.message == message
    assert len(finding.evidence) == len(details)
