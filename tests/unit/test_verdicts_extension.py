"""E rules: how the extension stands; failure texts as the services write them."""

import pytest
from examples import NOW, cluster, extension, minutes, site

from arcfleet.core.facts import ExtensionStatus
from arcfleet.core.findings import Verdict
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts.extension import failure, hindrance, judge

ERROR = ExtensionStatus("Error", "InstallationFailed", "no space")
HINT = ExtensionStatus("Information", "Installed", "fine")
OFFLINE = cluster("Offline")
SILENT = cluster("Offline", last_heartbeat=NOW)
DAYS = minutes(48 * 60)

CASES = {
    "E1 absent": (None, {}, (Verdict.ABSENT, Reason.OK, "E1")),
    "E2 deleting": (extension("Deleting"), {}, (Verdict.PROGRESSING, Reason.DELETE_IN_PROGRESS, "E2")),
    "E7 failed without a text": (extension("Failed"), {}, (Verdict.FAILED, Reason.EXTENSION_FAILED, "E7")),
    "E7 canceled": (extension("CANCELED"), {}, (Verdict.FAILED, Reason.EXTENSION_FAILED, "E7")),
    "E8 creating while Arc is offline": (
        extension("Creating"),
        {"cluster": OFFLINE},
        (Verdict.WAITING, Reason.ARC_OFFLINE, "E8"),
    ),
    **{
        f"E9 {state}": (extension(state), {}, (Verdict.PROGRESSING, Reason.EXTENSION_IN_PROGRESS, "E9"))
        for state in ("Creating", "updating", "Pending", "Accepted")
    },
    "E11 succeeded, a status says error": (
        extension(statuses=(HINT, ERROR)),
        {},
        (Verdict.DEGRADED, Reason.EXTENSION_DEGRADED, "E11"),
    ),
    "E11 before E12": (
        extension(statuses=(ERROR,)),
        {"changed_at": NOW + minutes(1)},
        (Verdict.DEGRADED, Reason.EXTENSION_DEGRADED, "E11"),
    ),
    "E12 older than our change": (
        extension(),
        {"changed_at": NOW + minutes(6)},
        (Verdict.PROGRESSING, Reason.EXTENSION_IN_PROGRESS, "E12"),
    ),
    "E14 two clocks may differ": (extension(), {"changed_at": NOW + minutes(5)}, (Verdict.HEALTHY, Reason.OK, "E14")),
    "E14 of an unknown time": (
        extension(last_modified=None),
        {"changed_at": NOW},
        (Verdict.HEALTHY, Reason.OK, "E14"),
    ),
    "E13 drift": (extension(), {"drift": ["version: 1 -> 2"]}, (Verdict.DEGRADED, Reason.DRIFT, "E13")),
    "E12 before E13": (
        extension(),
        {"drift": ["version: 1 -> 2"], "changed_at": NOW + minutes(6)},
        (Verdict.PROGRESSING, Reason.EXTENSION_IN_PROGRESS, "E12"),
    ),
    "E6 a cluster that never fetched it": (
        extension("Failed", error="Odd: x"),
        {"cluster": SILENT, "now": NOW + DAYS},
        (Verdict.FAILED, Reason.PROTECTED_SETTINGS_EXPIRED, "E6"),
    ),
    "E6 a cluster that was never heard of": (
        extension("Failed"),
        {"cluster": OFFLINE, "now": NOW + DAYS},
        (Verdict.FAILED, Reason.PROTECTED_SETTINGS_EXPIRED, "E6"),
    ),
    "E7 not old enough": (
        extension("Failed"),
        {"cluster": OFFLINE, "now": NOW + DAYS - minutes(1)},
        (Verdict.FAILED, Reason.EXTENSION_FAILED, "E7"),
    ),
    "E7 the cluster was there meanwhile": (
        extension("Failed"),
        {"cluster": cluster("Offline", last_heartbeat=NOW + minutes(1)), "now": NOW + DAYS},
        (Verdict.FAILED, Reason.EXTENSION_FAILED, "E7"),
    ),
    "E7 the cluster is there": (
        extension("Failed"),
        {"now": NOW + DAYS},
        (Verdict.FAILED, Reason.EXTENSION_FAILED, "E7"),
    ),
    "E3 before E6": (
        extension("Failed", error="chart path not found"),
        {"cluster": OFFLINE, "now": NOW + DAYS},
        (Verdict.FAILED, Reason.BAD_VERSION, "E3"),
    ),
    "E14 at the moment of our change": (extension(), {"changed_at": NOW}, (Verdict.HEALTHY, Reason.OK, "E14")),
    "E14 succeeded": (extension("SUCCEEDED", statuses=(HINT,)), {}, (Verdict.HEALTHY, Reason.OK, "E14")),
    "E14 succeeded though Arc is offline": (extension(), {"cluster": OFFLINE}, (Verdict.HEALTHY, Reason.OK, "E14")),
    "a state that nobody described": (extension("Hibernating"), {}, (Verdict.UNKNOWN, Reason.UNKNOWN_STATE, "")),
}


@pytest.mark.parametrize(("seen", "around", "expected"), CASES.values(), ids=CASES)
def test_the_first_rule_that_matches_decides(seen, around, expected):
    finding = judge(seen, **{"cluster": cluster(), **around})

    assert (finding.verdict, finding.reason, finding.rule) == expected


WARNS = {"after 40 h": (40 * 60, True), "not before": (40 * 60 - 1, False)}


@pytest.mark.parametrize(("age", "warns"), WARNS.values(), ids=WARNS)
def test_a_change_that_waits_for_its_cluster_warns_before_its_settings_are_dropped(age, warns):
    finding = judge(extension("Creating"), OFFLINE, now=NOW + minutes(age))

    assert (finding.rule, finding.verdict) == ("E8", Verdict.WAITING)
    assert ("drops its settings at 2026-11-26 12:00Z" in finding.message) is warns
    assert ("2026-11-26 12:00Z" in finding.remedy) is warns


TEXTS = {
    "Error: cannot re-use a name that is still in use": ("E3", Reason.NAME_IN_USE),
    "can't reuse a name that is still in use": ("E3", Reason.NAME_IN_USE),
    "failed in download the Chart path not found": ("E3", Reason.BAD_VERSION),
    "unable to create new content in namespace connected-registry because it is being terminated": (
        "E4",
        Reason.DELETE_IN_PROGRESS,
    ),
    'spec.clusterIPs: Invalid value: ["10.96.0.1"]: provided IP is already allocated': ("E5", Reason.CLUSTER_IP_TAKEN),
    "provided IP is not in the valid range": ("E5", Reason.CLUSTER_IP_OUT_OF_RANGE),
    "the IP does not match the current range": ("E5", Reason.CLUSTER_IP_OUT_OF_RANGE),
    "release failed: Timed out waiting for the condition": ("E5", Reason.HELM_TIMEOUT),
    "the protected settings have expired": ("E6", Reason.PROTECTED_SETTINGS_EXPIRED),
    "something new": ("E7", Reason.EXTENSION_FAILED),
    "": ("E7", Reason.EXTENSION_FAILED),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.items(), ids=[text[:30] or "no text" for text in TEXTS])
def test_a_failure_text_tells_its_cause_and_what_to_do(text, expected):
    finding = failure(text, ("seen",))

    assert (finding.verdict, finding.rule, finding.reason) == (Verdict.FAILED, *expected)
    assert (finding.message, finding.evidence) == (text, ("seen",))
    assert finding.remedy


NO_CHART, NAME, GOING = ("failed in download the Chart path not found", "cannot re-use a name that is still in use",
                         "unable to create new content in namespace x because it is being terminated")  # fmt: skip
IN_PREVIEW = {"error": NO_CHART, "release_train": "Preview"}
PINNED = {"extension": "{version: 9.9.9, autoUpgrade: false}"}
FAILED, WAITING = Verdict.FAILED, Verdict.WAITING
HINDRANCES = {
    "no such version": ({"error": NO_CHART, "version": "9.9.9"}, PINNED, FAILED),
    "the version was corrected": ({"error": NO_CHART, "version": "9.9.8"}, PINNED, None),
    "the version was dropped": ({"error": NO_CHART, "version": "9.9.9"}, {}, None),
    "nothing in that train": (IN_PREVIEW, {"extension": "{releaseTrain: preview}"}, FAILED),
    "the train was corrected": (IN_PREVIEW, {"extension": "{releaseTrain: stable}"}, None),
    "the name is taken": ({"error": NAME}, {}, FAILED),
    "an uninstall is under way": ({"error": GOING}, {}, WAITING),
    "it was ten minutes ago": ({"error": GOING, "last_modified": NOW - minutes(10)}, {}, None),
    "it was at an unknown time": ({"error": GOING, "last_modified": None}, {}, None),
    "anything else": ({"error": "timed out waiting for the condition"}, {}, None),
    "no cause": ({}, {}, None),
}  # fmt: skip


@pytest.mark.parametrize(("values", "keys", "verdict"), HINDRANCES.values(), ids=HINDRANCES)
def test_what_would_fail_again_as_it_is_hinders_its_repetition(values, keys, verdict):
    found = hindrance(site(**keys), extension("Failed", **values), NOW + minutes(0))

    assert (found and found.verdict) == verdict
    assert found is None or found.remedy


def test_a_failed_extension_tells_its_error_and_quotes_its_statuses():
    finding = judge(extension("Failed", error="chart path not found", statuses=(ERROR, HINT)), cluster())

    assert (finding.rule, finding.message) == ("E3", "chart path not found")
    assert finding.evidence == ("Error InstallationFailed: no space", "Information Installed: fine")


MESSAGES = {
    "version": (extension(), "1.2.3, Succeeded"),
    "no version": (extension(current_version=None), "installed, Succeeded"),
    "degraded": (extension(statuses=(HINT, ERROR)), "InstallationFailed: no space"),
    "failed": (extension("Failed"), "provisioning failed"),
    "unknown": (extension("Odd"), "state 'Odd' is not known"),
}


@pytest.mark.parametrize(("seen", "message"), MESSAGES.values(), ids=MESSAGES)
def test_the_message_says_what_was_seen(seen, message):
    assert judge(seen, cluster()).message == message
