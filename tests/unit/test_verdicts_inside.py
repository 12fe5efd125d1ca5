"""The look into the cluster: what it shows becomes the deepest cause, and what it can't show is said."""

import pytest
from examples import NOW, container, pod, site

from arcfleet.core.evidence import ClaimFacts, EventFacts, ExtensionEvidence
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts.inside import explain

STUCK = Finding(Verdict.FAILED, Reason.EXTENSION_STUCK, "extension", "still Creating", "E10", ("HTTP 200",), "wait")
SITE = site(kube="{context: k}")
PASSWORD = '2026-11-24T11:59:00Z [Error] {"errors":[{"code":"UNAUTHORIZED","message":"Incorrect Password"}]}'
TAKEN = '2026-11-24T11:59:30Z [Error] {"errors":[{"code":"ALREADY_ACTIVATED","message":"Failed to activate"}]}'
NET = '2026-11-24T11:59:45Z [Error] {"errors":[{"code":"CONNECTION_FAILED"}]}'
FINE = "2026-11-24T11:59:50Z [Information] listening"
PENDING, BOUND = ClaimFacts("Pending", "fast"), ClaimFacts("Bound", "fast")
CRASHING = pod(container(restarts=4, exit_code=1, exit_message="boom"))
NOWHERE = pod(unschedulable="0/1 nodes are available")
RUNNING = pod(container(ready=True))

CASES = {
    "nothing to see": (ExtensionEvidence(), Reason.EXTENSION_STUCK),
    "all is well inside": (ExtensionEvidence((RUNNING,), BOUND, (FINE,)), Reason.EXTENSION_STUCK),
    "a claim that is not bound": (ExtensionEvidence(claim=PENDING), Reason.STORAGE_CLASS),
    "a claim that lost its volume": (ExtensionEvidence(claim=ClaimFacts("Lost")), Reason.STORAGE_CLASS),
    "the claim before the log": (ExtensionEvidence(claim=PENDING, log=(PASSWORD,)), Reason.STORAGE_CLASS),
    "a refused password": (ExtensionEvidence((RUNNING,), BOUND, (PASSWORD, FINE)), Reason.BAD_CREDENTIAL),
    "another instance": (ExtensionEvidence((RUNNING,), BOUND, (TAKEN,)), Reason.ALREADY_ACTIVATED),
    "the newest error counts": (ExtensionEvidence(log=(PASSWORD, TAKEN)), Reason.ALREADY_ACTIVATED),
    "an error that is over does not": (ExtensionEvidence(log=(PASSWORD, NET)), Reason.EXTENSION_STUCK),
    "the log before the pod": (ExtensionEvidence((CRASHING,), BOUND, (PASSWORD,)), Reason.BAD_CREDENTIAL),
    "a pod that crashes": (ExtensionEvidence((CRASHING,), BOUND), Reason.CRASH_LOOP),
    "a pod without a place": (ExtensionEvidence((NOWHERE,), BOUND), Reason.UNSCHEDULABLE),
    "the second pod": (ExtensionEvidence((RUNNING, NOWHERE), BOUND), Reason.UNSCHEDULABLE),
}


@pytest.mark.parametrize(("seen", "reason"), CASES.values(), ids=CASES)
def test_the_deepest_cause_is_found(seen, reason):
    found = explain(STUCK, seen, SITE)

    assert (found.verdict, found.reason, found.rule) == (Verdict.FAILED, reason, "E10")


def test_a_cause_keeps_what_did_not_come_up_as_its_evidence():
    found = explain(STUCK, ExtensionEvidence((RUNNING,), BOUND, (FINE, PASSWORD)), SITE)

    assert found.message == "its log says that its sync password is refused"
    assert found.evidence == ("HTTP 200", "still Creating", f"pod log: {PASSWORD}")


def test_without_a_cause_the_finding_stays_and_quotes_what_was_seen():
    event = EventFacts("Pod/connected-registry-1", "BackOff", "Back-off pulling image", NOW)
    seen = ExtensionEvidence(log=(NET,), events=(event,), unread=("could not look: claim is forbidden",))

    found = explain(STUCK, seen, SITE)

    assert (found.message, found.remedy) == (STUCK.message, STUCK.remedy)
    assert found.evidence == (
        "HTTP 200",
        f"pod log: {NET}",
        "event 12:00:00Z Pod/connected-registry-1 BackOff: Back-off pulling image",
        "could not look: claim is forbidden",
    )


def test_of_many_lines_and_events_the_newest_are_quoted():
    events = tuple(EventFacts("Pod/a", str(number), "x") for number in range(9))

    found = explain(STUCK, ExtensionEvidence(log=(PASSWORD, NET, NET + "2", NET + "3"), events=events), SITE)

    assert found.evidence[1:] == (f"pod log: {NET}2", f"pod log: {NET}3", *(f"event Pod/a {n}: x" for n in "012"))


COMMANDS = {
    "claim": (
        ExtensionEvidence(claim=PENDING),
        "kubectl --context k --namespace connected-registry describe pvc connected-registry-pvc",
    ),
    "log": (
        ExtensionEvidence(log=(TAKEN,)),
        "az acr connected-registry deactivate --registry acreu1 --name berlinplant",
    ),
    "password": (
        ExtensionEvidence(log=(PASSWORD,)),
        "az k8s-extension update --cluster-name k-berlin --resource-group rg-arc --cluster-type connectedClusters "
        "--name berlinplant",
    ),
    "pod": (
        ExtensionEvidence((CRASHING,)),
        "kubectl --context k --namespace connected-registry logs web-1 --container web --previous",
    ),
}


@pytest.mark.parametrize(("seen", "command"), COMMANDS.values(), ids=COMMANDS)
def test_the_command_has_the_sites_names(seen, command):
    assert command in explain(STUCK, seen, SITE).remedy
