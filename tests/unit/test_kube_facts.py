"""From a client's objects to facts: Deployments, DaemonSets, StatefulSets, their pods, and cleaned logs."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from kubernetes.aio import client

from arcfleet.core.verdicts.pods import judge
from arcfleet.gateways.kube_evidence import cleaned
from arcfleet.gateways.kube_facts import newest, selector_text, workload_facts

TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "image": "10.96.0.50/app/web:1"}]},
}
META = {"name": "web", "namespace": "default", "generation": 2}


def model(kind: str, spec: dict, status: dict):
    body = {"metadata": META, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE, **spec},
            "status": {"observedGeneration": 2, **status}}  # fmt: skip
    response = SimpleNamespace(data=json.dumps(body))
    return client.ApiClient().deserialize(response.data, f"V1{kind}", "application/json")


def a_pod(name: str, minute: int, **labels: str):
    metadata = SimpleNamespace(
        name=name,
        labels=labels,
        deletion_timestamp=None,
        creation_timestamp=datetime(2026, 11, 24, 12, minute, tzinfo=UTC),
    )
    return SimpleNamespace(metadata=metadata)


NODES = {"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "numberMisscheduled": 0}
DONE = {"numberReady": 3, "numberAvailable": 3, "updatedNumberScheduled": 3}
SETS = {"replicas": 3, "readyReplicas": 3, "availableReplicas": 3}
KINDS = {
    "a DaemonSet on every node": ("DaemonSet", {}, {**NODES, **DONE}, "P2"),
    "a DaemonSet on its way": ("DaemonSet", {}, {**NODES, **DONE, "updatedNumberScheduled": 1}, "P14"),
    "a DaemonSet that is not up": ("DaemonSet", {}, {**NODES, "numberReady": 0, "updatedNumberScheduled": 3}, "P14"),
    "a DaemonSet without a node": (
        "DaemonSet", {}, {**NODES, "desiredNumberScheduled": 0, "currentNumberScheduled": 0, "numberReady": 0}, "P2",
    ),
    "a StatefulSet": ("StatefulSet", {"replicas": 3}, {**SETS, "updatedReplicas": 3}, "P2"),
    "a StatefulSet on its way": ("StatefulSet", {"replicas": 3}, {**SETS, "updatedReplicas": 2}, "P14"),
    "a StatefulSet with a partition": (
        "StatefulSet",
        {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}},
        {**SETS, "updatedReplicas": 1},
        "P2",
    ),
    "a StatefulSet of the default size": (
        "StatefulSet", {}, {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "updatedReplicas": 1}, "P2",
    ),
    "a Deployment": ("Deployment", {"replicas": 3}, {**SETS, "updatedReplicas": 3}, "P2"),
    "a Deployment with a pod too many": (
        "Deployment", {"replicas": 3}, {**SETS, "replicas": 4, "updatedReplicas": 3}, "P14",
    ),
    "a paused Deployment": ("Deployment", {"replicas": 3, "paused": True}, SETS, "P1"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "spec", "status", "rule"), KINDS.values(), ids=KINDS)
async def test_workloads_of_every_kind_are_judged_by_the_same_rules(kind, spec, status, rule):
    facts = workload_facts(model(kind, spec, {"currentReplicas": 0, **status}), (), kind)

    assert judge(facts, "web").rule == rule
    assert (facts.kind, facts.images) == (kind, ("10.96.0.50/app/web:1",))


REVISIONS = {
    "of the newest ReplicaSet": (
        [("a", 1, {"pod-template-hash": "1"}), ("b", 2, {"pod-template-hash": "2"})], None, ["b"],
    ),
    "of a DaemonSet": (
        [("a", 1, {"controller-revision-hash": "1"}), ("b", 2, {"controller-revision-hash": "2"})], None, ["b"],
    ),
    "of the revision that is named, though another pod is younger": (
        [("a", 1, {"controller-revision-hash": "new"}), ("b", 2, {"controller-revision-hash": "old"})], "new", ["a"],
    ),
    "none": ([], "new", []),
}  # fmt: skip


@pytest.mark.parametrize(("pods", "revision", "names"), REVISIONS.values(), ids=REVISIONS)
def test_only_pods_of_the_newest_revision_count(pods, revision, names):
    found = newest([a_pod(name, minute, **labels) for name, minute, labels in pods], revision)

    assert [pod.metadata.name for pod in found] == names


def expression(key: str, operator: str, *values: str):
    return client.V1LabelSelectorRequirement(key=key, operator=operator, values=list(values))


SELECTORS = {
    "labels": ({"app": "web", "tier": "front"}, (), "app=web,tier=front"),
    "expressions": (
        None,
        (expression("a", "In", "1", "2"), expression("b", "NotIn", "3"), expression("c", "Exists"),
         expression("d", "DoesNotExist")),
        "a in (1,2),b notin (3),c,!d",
    ),
    "both": ({"app": "web"}, (expression("c", "Exists"),), "app=web,c"),
}  # fmt: skip


@pytest.mark.parametrize(("labels", "expressions", "text"), SELECTORS.values(), ids=SELECTORS)
def test_a_selector_is_written_as_a_list_request_takes_it(labels, expressions, text):
    assert selector_text(client.V1LabelSelector(match_labels=labels, match_expressions=list(expressions))) == text


MADE_UP = "Aa1" * 14
LINES = {
    f"GET /v2/ Authorization: Bearer {MADE_UP}": "GET /v2/ Authorization: Bearer ***",
    f"login with {MADE_UP}== failed": "login with *** failed",
    f'{{"password": "{"x" * 8}"}}': '{"password": "***"}',
    f"SyncTokenPassword={MADE_UP};Parent": "SyncTokenPassword=***;Parent",
    f"token eyJ{MADE_UP}.x.y is old": "token *** is old",
    f"pulled sha256:{'ab' * 32}": f"pulled sha256:{'ab' * 32}",
    '{"code":"UNAUTHORIZED","message":"Incorrect Password"}': '{"code":"UNAUTHORIZED","message":"Incorrect Password"}',
}


@pytest.mark.parametrize(("line", "shown"), LINES.items(), ids=[line[:12] for line in LINES])
def test_lines_of_a_log_are_shown_without_what_may_be_secret(line, shown):
    assert cleaned(line) == shown
