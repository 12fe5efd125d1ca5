"""Trouble at a site ends in a clear finding for that site, and the others go on."""

from __future__ import annotations

import pytest

from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Result, Status
from tests.conftest import fleet_of, fleet_text

SICK = "k-s2"


def minted(sim) -> int:
    """Count the passwords that were generated, refused requests left out."""
    answers = [entry["status"] for entry in sim.audit() if entry["kind"] == "arm POST generateCredentials"]
    return sum(status not in {429, 503} for status in answers)


def others_succeeded(report) -> bool:
    return all(o.status is Status.SUCCEEDED for o in report.outcomes if o.site != "s2")


@pytest.mark.parametrize(
    "effect",
    [
        pytest.param({"status": 429, "headers": {"Retry-After": "2"}}, id="429 with Retry-After"),
        pytest.param({"status": 503}, id="503"),
        pytest.param({"reset": True}, id="reset before it was applied"),
        pytest.param({"resetAfter": True}, id="reset after it was applied"),
        pytest.param({"html": True}, id="an HTML page"),
        pytest.param({"truncate": True}, id="half an answer"),
    ],
)
async def test_what_passes_by_itself_fails_nobody(simulate, deploy, effect):
    text = fleet_text(2)
    sim = simulate(fleet_of(text), extensionInstall=60)
    for path in ("connectedClusters/k-s2\\?", "connectedRegistries\\?", "extensions/plant2\\?"):
        sim.fault({"path": path, "times": 1, "effect": effect})

    report = await deploy(sim, text)

    assert report.result is Result.COMPLETED
    assert all(rule["hits"] == 1 for rule in sim.get("/faults"))


@pytest.mark.parametrize("status", [429, 503])
async def test_a_password_refused_at_first_is_asked_for_again(simulate, deploy, status):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), extensionInstall=60)
    headers = {"Retry-After": "1"}
    sim.fault({"path": "generateCredentials", "times": 1, "effect": {"status": status, "headers": headers}})

    report = await deploy(sim, text)

    assert report.result is Result.COMPLETED
    # One for the registry and one for the pull secret: a refused request minted nothing.
    assert minted(sim) == 2


async def test_a_lost_answer_is_minted_once_more_into_the_same_slot(simulate, deploy):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), extensionInstall=60, passwordReplication=0)
    sim.fault({"path": "generateCredentials", "times": 1, "effect": {"resetAfter": True}})

    report = await deploy(sim, text)

    assert report.result is Result.COMPLETED
    assert minted(sim) == 3


async def test_an_offline_cluster_is_deferred_and_nothing_is_generated(simulate, deploy):
    text = fleet_text(2)
    sim = simulate(fleet_of(text))
    sim.site(SICK, connectivity="Offline")

    report = await deploy(sim, text)

    deferred = report.outcomes[1]
    assert report.result is Result.INCOMPLETE
    assert deferred.status is Status.DEFERRED
    assert deferred.finding.reason is Reason.ARC_OFFLINE
    assert minted(sim) == 2  # s1's two
    assert others_succeeded(report)


async def test_an_installation_that_never_ends_is_stuck(simulate, deploy):
    text = fleet_text(1, timeouts={"extension": "5m"})
    sim = simulate(fleet_of(text), agentPoll=36000)

    report = await deploy(sim, text)

    finding = report.outcomes[0].finding
    assert (finding.rule, finding.reason) == ("E10", Reason.EXTENSION_STUCK)


async def test_a_cluster_that_went_offline_meanwhile_is_the_cause(simulate, deploy):
    text = fleet_text(1, timeouts={"extension": "5m"})
    sim = simulate(fleet_of(text), agentPoll=36000)
    gone = {"properties": {"connectivityStatus": "Offline", "lastConnectivityTime": "2026-11-24T02:00:00.1234567Z"}}
    # The first look finds it Connected, every later one Offline.
    sim.fault({"path": "connectedClusters/k-s1\\?", "after": 1, "effect": {"status": 200, "body": gone}})

    report = await deploy(sim, text)

    finding = report.outcomes[0].finding
    assert finding.reason is Reason.ARC_OFFLINE
    assert any("operation still" in line for line in finding.evidence)


async def test_a_failed_installation_says_why(simulate, deploy):
    text = fleet_text(3)
    sim = simulate(fleet_of(text), extensionInstall=60)
    words = "Error: [ InnerError: [cannot re-use a name that is still in use] ]"
    failure = {"cluster": SICK, "code": "InstallationFailed", "message": words}
    sim.fault({"effect": {"extensionFails": failure}})

    report = await deploy(sim, text)

    finding = report.outcomes[1].finding
    assert report.result is Result.COMPLETED_WITH_FAILURES
    assert finding.reason is Reason.NAME_IN_USE
    assert "re-use a name" in finding.message
    assert finding.remedy
    assert others_succeeded(report)


GOING = "unable to create new content in namespace connected-registry because it is being terminated"
TAKEN = "cannot re-use a name that is still in use"
HINDERED = {
    # What the service says, what it amounts to, what a second run does, and the fleet file's correction.
    "version": (
        "", {"version": "9.9.9", "autoUpgrade": False}, Reason.BAD_VERSION, Status.BLOCKED,
        {"version": "1.2.3", "autoUpgrade": False},
    ),
    "name": (TAKEN, {}, Reason.NAME_IN_USE, Status.BLOCKED, {"name": "plant1-new"}),
    "uninstall": (GOING, {}, Reason.DELETE_IN_PROGRESS, Status.DEFERRED, {}),
}  # fmt: skip


@pytest.mark.parametrize(("words", "before", "reason", "second", "after"), HINDERED.values(), ids=HINDERED)
async def test_what_would_fail_again_costs_no_password_until_it_is_corrected(
    simulate, deploy, words, before, reason, second, after
):
    text = fleet_text(1, extension=before)
    # Slowly, so that the second run comes within the ten minutes of an uninstall.
    sim = simulate(fleet_of(text), speed=60, extensionInstall=60)
    if words:
        sim.fault({"effect": {"extensionFails": {"cluster": "k-s1", "code": "InstallationFailed", "message": words}}})

    failed = await deploy(sim, text)
    asked = minted(sim)
    again = await deploy(sim, text)

    assert (failed.outcomes[0].status, failed.outcomes[0].finding.reason) == (Status.FAILED, reason)
    assert (again.outcomes[0].status, again.outcomes[0].finding.reason, minted(sim)) == (second, reason, asked)
    assert again.outcomes[0].finding.remedy
    sim.step(600)
    corrected = await deploy(sim, fleet_text(1, extension=after))
    assert corrected.result is Result.COMPLETED, corrected.outcomes[0].finding


async def test_a_taken_address_is_named(simulate, deploy):
    text = fleet_text(2)

    def change(world):
        taken = {"namespace": "default", "name": "printer", "clusterIP": "10.96.0.50"}
        world["clusters"][1]["kubernetes"]["services"] = [taken]

    sim = simulate(fleet_of(text), change=change, extensionInstall=60)

    report = await deploy(sim, text)

    assert report.outcomes[1].finding.reason is Reason.CLUSTER_IP_TAKEN
    assert others_succeeded(report)


async def test_a_wrong_kubeconfig_stops_its_site_before_anything_is_generated(simulate, deploy):
    text = fleet_text(2).replace("context: k-s2", "context: nowhere")
    sim = simulate(fleet_of(fleet_text(2)))

    report = await deploy(sim, text)

    assert report.outcomes[1].finding.reason is Reason.KUBECONFIG
    assert "kubectl config get-contexts" in report.outcomes[1].finding.remedy
    assert minted(sim) == 2  # s1's two
    assert others_succeeded(report)


async def test_an_unreachable_kubernetes_api_is_said_so(simulate, deploy):
    text = fleet_text(2)
    sim = simulate(fleet_of(text))
    sim.site(SICK, reachable=False)

    report = await deploy(sim, text)

    assert report.outcomes[1].finding.reason is Reason.UNREACHABLE
    assert others_succeeded(report)


async def test_an_image_out_of_scope_is_never_waited_for(simulate, deploy):
    text = fleet_text(2)

    def change(world):
        world["registries"][0]["connectedRegistries"][1]["repositories"] = ["app/api"]

    sim = simulate(fleet_of(text), change=change, extensionInstall=60)

    report = await deploy(sim, text)

    finding = report.outcomes[1].finding
    assert finding.reason is Reason.NOT_IN_SCOPE
    assert "app/api" in finding.evidence[0]
    assert "--add app/web" in finding.remedy
    assert others_succeeded(report)


async def test_an_image_that_the_cloud_lacks_stops_the_site_before_anything_is_done(simulate, deploy):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), change=lambda world: world["registries"][0].update(images=[]))

    report = await deploy(sim, text)

    assert report.outcomes[0].finding.reason is Reason.NOT_IN_CLOUD
    assert sim.counters()["writes"] == 0


@pytest.mark.parametrize("speed", [60, 600])
async def test_a_container_that_exits_at_once_is_no_success(simulate, deploy, speed):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), speed=speed, change=_behave("exit0"), extensionInstall=20)

    report = await deploy(sim, text)

    finding = report.outcomes[0].finding
    assert finding.reason is Reason.CRASH_LOOP
    assert "exit code 0" in finding.message


def _behave(behaviour):
    def change(world):
        world["registries"][0]["images"][0]["behaviour"] = behaviour

    return change


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("registries/acreu1", Reason.REGISTRY_NOT_FOUND),
        ("connectedClusters/k-s2", Reason.CLUSTER_NOT_FOUND),
    ],
)
async def test_what_does_not_exist_is_named(simulate, deploy, kind, reason):
    text = fleet_text(2)
    missing = text.replace("name: acreu1\n  resourceGroup: rg-acr", "name: acreu1\n  resourceGroup: rg-other")
    missing = missing if reason is Reason.REGISTRY_NOT_FOUND else text.replace("name: k-s2", "name: k-other")
    sim = simulate(fleet_of(text))

    report = await deploy(sim, missing)

    assert report.outcomes[1].finding.reason is reason
    assert report.outcomes[1].finding.remedy


async def test_a_right_that_is_missing_at_one_cluster_fails_that_site_only(simulate, deploy):
    text = fleet_text(2)
    sim = simulate(fleet_of(text))
    body = {"error": {"code": "AuthorizationFailed", "message": "The client does not have authorization"}}
    sim.fault({"path": "connectedClusters/k-s2\\?", "effect": {"status": 403, "body": body}})

    report = await deploy(sim, text)

    assert report.outcomes[1].finding.reason is Reason.FORBIDDEN
    assert "AuthorizationFailed" in report.outcomes[1].finding.message
    assert others_succeeded(report)
