"""Workloads at a site against what we would apply: what others changed differs, what the server defaulted does not."""

import copy
from dataclasses import replace
from datetime import UTC, datetime

from examples import applied, wanted

from arcfleet.core.differences import Difference, Kind
from arcfleet.core.facts import Trace, Unread
from arcfleet.core.kube.ownership import changed
from arcfleet.core.kube.workload_drift import differences, unread

WEB_APPLIED = applied(wanted())
AT = datetime(2026, 11, 24, 10, tzinfo=UTC)
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"team": "blue"}},
    "spec": {"ports": [{"port": 80, "targetPort": 8080}], "selector": {"app": "web"}, "externalIPs": []},
}
OURS = {
    "f:metadata": {"f:labels": {"f:team": {}}},
    "f:spec": {
        "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:targetPort": {}}},
        "f:selector": {},
        "f:externalIPs": {},
    },
}
SHOWN = {
    "type": "ClusterIP",
    "clusterIP": "10.96.0.9",
    "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP"}],
    "selector": {"app": "web"},
}


def entry(fields, manager="arcfleet", operation="Apply", time=AT):
    return {"manager": manager, "operation": operation, "time": time.isoformat(), "fieldsV1": fields}


def service(*entries, labels=("team",), **spec):
    metadata = {"name": "web", "labels": dict.fromkeys(labels, "blue"), "managedFields": list(entries)}
    return {"metadata": metadata, "spec": {**SHOWN, **spec}}


def without(*path):
    """Return our fields, but for one."""
    top = copy.deepcopy(OURS)
    node = top
    for name in path[:-1]:
        node = node[name]
    del node[path[-1]]
    return top


def test_what_the_server_defaulted_or_does_not_show_is_no_change():
    assert changed(SERVICE, service(entry(OURS))) == ()


def test_a_field_that_another_manager_took_is_told_with_who_and_when():
    port = 'k:{"port":80,"protocol":"TCP"}'
    theirs = {"f:spec": {"f:ports": {port: {"f:targetPort": {}}}}}
    ours = without("f:spec", "f:ports", port, "f:targetPort")
    live = service(
        entry(ours), entry(theirs, "kubectl-edit", "Update"), ports=[{"port": 80, "targetPort": 9, "protocol": "TCP"}]
    )

    (found,) = changed(SERVICE, live)

    assert (found.path, found.found, found.wanted) == ("spec.ports[80].targetPort", 9, 8080)
    assert found.trace == Trace("kubectl-edit", AT)


def test_a_field_that_another_took_with_our_value_is_no_change():
    theirs = {"f:metadata": {"f:labels": {"f:team": {}}}}

    assert changed(SERVICE, service(entry(without("f:metadata")), entry(theirs, "other", "Update"))) == ()


def test_what_was_removed_is_told_though_nobody_keeps_who_did_it():
    (label,) = changed(SERVICE, service(entry(without("f:metadata")), labels=()))
    (port,) = changed(SERVICE, service(entry(without("f:spec", "f:ports")), ports=[]))

    assert (label.path, label.trace) == ("metadata.labels.team", Trace())
    assert port.path == "spec.ports[80]"


def test_an_object_that_others_made_is_compared_by_its_values():
    assert changed(SERVICE, service()) == ()
    assert [found.path for found in changed(SERVICE, service(selector={"app": "api"}))] == ["spec.selector.app"]


def test_a_value_of_a_set_is_looked_for_in_it():
    item = {"metadata": {"name": "c", "finalizers": ["a/b"]}}
    held = entry({"f:metadata": {"f:finalizers": {'v:"a/b"': {}}}})
    live = {"metadata": {"name": "c", "finalizers": ["x/y", "a/b"], "managedFields": [held]}}

    assert changed(item, live) == ()
    live["metadata"] |= {"finalizers": [], "managedFields": [entry({"f:metadata": {"f:finalizers": {'v:"x/y"': {}}}})]}
    assert [found.path for found in changed(item, live)] == ["metadata.finalizers[a/b]"]


def test_what_was_applied_is_recognised():
    assert differences(wanted(), WEB_APPLIED) == ()
    assert differences(wanted(), None) == (Difference(Kind.WORKLOAD, "workload web", "missing"),)
    assert [item.found for item in differences(wanted(replicas=2), WEB_APPLIED)] == ["another content"]
    assert [item.found for item in differences(wanted("app/other:stable"), WEB_APPLIED)] == ["another content"]


def test_a_new_tag_of_the_same_digest_is_nothing_new():
    assert differences(wanted("app/web:next"), WEB_APPLIED) == ()


def test_a_tag_that_moved_in_the_cloud_is_told_by_its_digests():
    older = f"10.96.0.50/app/web@sha256:{'0' * 64}"

    (found,) = differences(wanted(), replace(WEB_APPLIED, applied_hash="0", images=(older,)))

    assert (found.kind, found.what) == (Kind.DIGEST, "image app/web")
    assert (found.found, found.wanted[:9]) == (f"sha256:{'0' * 64}", "sha256:ab")


def test_what_others_wrote_is_not_shown_as_it_may_be_a_password():
    deployment = wanted().deployment
    spec = {**deployment["spec"], "selector": {"matchLabels": {"app": "hunter2"}}}

    (found,) = differences(wanted(), replace(WEB_APPLIED, live={**deployment, "spec": spec}))

    assert found.what == "workload web: spec.selector.matchLabels.app"
    assert "hunter2" not in str(found)


def test_an_object_that_is_gone_and_one_that_may_not_be_read_are_told_apart():
    item = wanted()
    both = replace(item, objects=(SERVICE, SERVICE, *item.objects))

    found = differences(both, WEB_APPLIED, (None, Unread("cannot get services")))

    assert [str(difference) for difference in found] == ["workload web: Service shop/web"]
    assert unread((None, Unread("cannot get services"))) == ("cannot get services",)
