"""A rules: whether the Arc cluster is in contact."""

import pytest
from examples import NOW, cluster

from arcfleet.core.findings import Verdict
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts import arc

CASES = {
    "A1 connected": ("Connected", Verdict.HEALTHY, Reason.OK, "A1"),
    "A1 whatever the case": ("CONNECTED", Verdict.HEALTHY, Reason.OK, "A1"),
    "A2 offline": ("Offline", Verdict.WAITING, Reason.ARC_OFFLINE, "A2"),
    "A2 connecting": ("Connecting", Verdict.WAITING, Reason.ARC_OFFLINE, "A2"),
    "A2 a new word": ("Hibernating", Verdict.WAITING, Reason.ARC_OFFLINE, "A2"),
    "A3 expired": ("Expired", Verdict.WAITING, Reason.ARC_EXPIRED, "A3"),
}


@pytest.mark.parametrize(("state", "verdict", "reason", "rule"), CASES.values(), ids=CASES)
def test_the_rule_that_matches_decides(state, verdict, reason, rule):
    finding = arc.judge(cluster(state))

    assert (finding.verdict, finding.reason, finding.rule) == (verdict, reason, rule)


def test_a_cluster_out_of_contact_tells_when_it_was_last_heard_of():
    silent, unheard = arc.judge(cluster("Offline", last_heartbeat=NOW)), arc.judge(cluster("Expired"))

    assert silent.message == "Arc cluster k-berlin is Offline; last heartbeat 2026-11-24 12:00Z"
    assert silent.evidence == ("connectivityStatus Offline",)
    assert unheard.message == "Arc cluster k-berlin is Expired; never heard of"
    assert unheard.remedy.endswith("az connectedk8s connect --name k-berlin")
