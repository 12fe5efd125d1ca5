"""Planning: what differs from the fleet file, what is done about it, and what is left alone."""

from dataclasses import replace

import pytest
from examples import NOW, applied, cluster, cr, extension, facts, site, wanted

from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.planning.plan import Disposition, SitePlan, Step, extension_changes, plan
from arcfleet.core.reasons import Reason

WEB = wanted()
SECRET = ("default", "regcred")
NEVER = {"connection_state": "Offline", "activation": "Inactive", "last_sync": None}
FINE = {"workloads": {"web": applied(WEB)}, "pull_secrets": {SECRET: True}}


def test_a_site_as_it_should_be_is_left_alone():
    made = plan(site(), facts(**FINE), (WEB,))

    assert made == SitePlan(Disposition.NOOP)


def test_an_empty_site_gets_everything():
    made = plan(site(), facts(extension=None, connected_registry=cr(**NEVER), workloads={"web": None}), (WEB,))

    assert (made.disposition, made.install, made.settle_first) == (Disposition.CREATE, True, False)
    assert (made.workloads, made.pull_secrets) == (("web",), (SECRET,))
    assert made.because == ("extension newest version", "pull secret default/regcred", "workload web")


def test_an_empty_site_without_workloads_gets_the_extension_only():
    made = plan(site(), facts(extension=None, connected_registry=cr(**NEVER)), ())

    assert (made.disposition, made.install, made.workloads, made.pull_secrets) == (Disposition.CREATE, True, (), ())


LIVE = applied(WEB)
SCALED = {**WEB.deployment, "spec": {**WEB.deployment["spec"], "replicas": 5}}
WORKLOADS = {
    "another hash": (replace(LIVE, applied_hash="0"), "workload web"),
    "not ours": (replace(LIVE, applied_hash=None), "workload web"),
    "scaled by hand": (replace(LIVE, live=SCALED), "workload web: spec.replicas: 5 -> 1"),
    "gone": (None, "workload web"),
}


@pytest.mark.parametrize(("live", "line"), WORKLOADS.values(), ids=WORKLOADS)
def test_only_a_workload_that_differs_is_rolled_out(live, line):
    made = plan(site(), facts(workloads={"web": live}, pull_secrets={SECRET: True}), (WEB,))

    assert (made.disposition, made.install) == (Disposition.UPDATE, False)
    assert (made.workloads, made.pull_secrets, made.because) == (("web",), (), (line,))


@pytest.mark.parametrize("secrets", [{}, {SECRET: False}], ids=["not read", "without our login"])
def test_a_pull_secret_without_the_sites_login_is_written_once(secrets):
    twin = replace(WEB, workload=WEB.workload.model_copy(update={"name": "twin"}))
    live = {"web": applied(WEB), "twin": applied(WEB)}

    made = plan(site(), facts(workloads=live, pull_secrets=secrets), (WEB, twin))

    assert (made.disposition, made.pull_secrets, made.workloads) == (Disposition.UPDATE, (SECRET,), ())


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting", "Pending", "Accepted"])
def test_an_operation_under_way_is_awaited_before_anything_is_planned(state):
    made = plan(site(), facts(extension=extension(state), **FINE), (WEB,))

    assert (made.disposition, made.settle_first, made.install) == (Disposition.UPDATE, True, False)
    assert made.because == (f"the extension is {state.lower()}",)


@pytest.mark.parametrize(
    ("state", "reason"), [("Offline", Reason.ARC_OFFLINE), ("Expired", Reason.ARC_EXPIRED)], ids=["offline", "expired"]
)
def test_a_site_out_of_contact_is_deferred_and_nothing_is_generated(state, reason):
    made = plan(site(), facts(cluster=cluster(state, last_heartbeat=NOW), extension=None), (WEB,))

    assert (made.disposition, made.install, made.workloads) == (Disposition.DEFERRED, False, ())
    assert made.finding
    assert made.finding.reason is reason


def test_an_instance_elsewhere_blocks_the_site_and_says_how_to_free_it():
    made = plan(site(), facts(extension=None), (WEB,))

    assert (made.disposition, made.install) == (Disposition.BLOCKED, False)
    assert made.finding
    assert made.finding.reason is Reason.INSTANCE_ELSEWHERE
    assert "az acr connected-registry deactivate --name berlinplant --registry acreu1" in made.finding.remedy


def test_a_managed_identity_that_needs_a_change_is_blocked():
    made = plan(site(), facts(extension=None, connected_registry=cr(auth_type="ManagedIdentity")), ())

    assert made.disposition is Disposition.BLOCKED
    assert made.finding
    assert made.finding.reason is Reason.REFUSED


def test_a_managed_identity_as_it_should_be_still_gets_its_workloads():
    seen = facts(
        connected_registry=cr(auth_type="ManagedIdentity"), workloads={"web": None}, pull_secrets={SECRET: True}
    )

    made = plan(site(), seen, (WEB,))

    assert (made.disposition, made.install, made.workloads) == (Disposition.UPDATE, False, ("web",))


def test_a_failed_installation_is_repeated_with_a_new_password():
    made = plan(site(), facts(extension=extension("Failed"), connected_registry=cr(**NEVER), **FINE), (WEB,))

    assert (made.disposition, made.install) == (Disposition.UPDATE, True)
    assert made.because == ("the last installation failed",)


PINNED = "{version: 1.3.0, autoUpgrade: false}"
CHANGES = {
    "none": ({}, {}, ()),
    "absent": ({}, None, ("extension newest version",)),
    "absent, pinned": ({"extension": PINNED}, None, ("extension 1.3.0",)),
    "address": (
        {},
        {"settings": {"service.clusterIP": "10.0.0.9"}},
        ("service.clusterIP: 10.0.0.9 -> 10.96.0.50",),
    ),
    "a setting that is not set": (
        {"extension": "{settings: {pvc.storageRequest: 250Gi}}"},
        {},
        ("pvc.storageRequest: unset -> 250Gi",),
    ),
    "settings of others stay": ({}, {"settings": {"service.clusterIP": "10.96.0.50", "other": "x"}}, ()),
    "upgrades off": ({"extension": "{autoUpgrade: false}"}, {}, ("autoUpgrade: true -> false",)),
    "upgrades on": ({}, {"auto_upgrade": False}, ("autoUpgrade: false -> true",)),
    "version": ({"extension": PINNED}, {"auto_upgrade": False}, ("version: 1.2.3 -> 1.3.0",)),
    "same version": ({"extension": PINNED}, {"auto_upgrade": False, "current_version": "1.3.0"}, ()),
    "version unknown while upgrades are on": ({}, {"current_version": None}, ()),
    "release train": ({"extension": "{releaseTrain: preview}"}, {}, ("releaseTrain: None -> preview",)),
    "same train": ({"extension": "{releaseTrain: Stable}"}, {"release_train": "stable"}, ()),
    "failed": ({}, {"provisioning_state": "Failed"}, ("the last installation failed",)),
    "canceled": ({}, {"provisioning_state": "CANCELED"}, ("the last installation canceled",)),
}


@pytest.mark.parametrize(("asked", "live", "changes"), CHANGES.values(), ids=CHANGES)
def test_what_differs_is_told_line_by_line(asked, live, changes):
    found = None if live is None else extension(**live)

    assert extension_changes(site(**asked), found) == changes


def test_a_setting_that_differs_reinstalls_with_a_password():
    made = plan(site(extension="{settings: {a: b}}"), facts(**FINE), (WEB,))

    assert (made.disposition, made.install, made.because) == (Disposition.UPDATE, True, ("a: unset -> b",))


def test_steps_read_as_the_names_of_task_runs():
    assert [str(step) for step in Step][:3] == ["observe", "preflight", "ensure connected registry"]


def test_a_registry_whose_password_is_refused_gets_a_new_one():
    away = facts(connected_registry=cr(connection_state="Offline"), refusal="UNAUTHORIZED Incorrect Password", **FINE)

    made = plan(site(), away, (WEB,))

    assert (made.disposition, made.install) == (Disposition.UPDATE, True)
    assert made.because == ("a new sync password: the registry's is refused",)
    assert plan(site(), facts(connected_registry=cr(connection_state="Offline"), **FINE), (WEB,)).changes is False


GONE = Finding(Verdict.FAILED, Reason.NOT_IN_CLOUD, "image", "image app/web:stable is not in registry x")


def test_an_image_that_the_cloud_does_not_hold_blocks_a_site_that_is_otherwise_as_it_should_be():
    made = plan(site(), facts(missing=(GONE,)), ())

    assert (made.disposition, made.finding) == (Disposition.BLOCKED, GONE)


def test_where_a_preflight_follows_it_tells_of_missing_images_with_all_else():
    made = plan(site(), facts(extension=None, connected_registry=cr(**NEVER), missing=(GONE,)), ())

    assert (made.needs_preflight, made.finding) == (True, None)
