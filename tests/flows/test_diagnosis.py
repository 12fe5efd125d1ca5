"""From an injected cause to what is printed: each entry of the troubleshooting article, and what lies beneath it.

Entries whose cause is told before anything is begun, or in one line of the service's, are in test_trouble.py.
"""

from __future__ import annotations

import io

import httpx
import pytest
from rich.console import Console

from arcfleet.app.live import print_report
from arcfleet.core.passwords import credentials
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Status
from arcfleet.gateways import connect
from tests.conftest import fleet_of, fleet_text, settings_of

QUICK = {"timeouts": {"online": "3m"}}


def printed(report) -> str:
    console = Console(file=io.StringIO(), width=400)
    print_report(console, report)
    return console.file.getvalue()


async def diagnosed(deploy, sim, text, reason: Reason, rule: str, *words: str) -> None:
    """Deploy, and find the reason, the words, and the command to type next in what is printed."""
    report = await deploy(sim, text)
    finding, page = report.outcomes[0].finding, printed(report)
    assert (finding.reason, finding.rule) == (reason, rule), page
    assert f"[{rule} {reason}]" in page
    assert all(word in page for word in words), page
    assert f"then   arcfleet deploy {report.path} --site s1" in page


def arm(sim, method: str, place: str, version: str, body: object = None) -> None:
    """Do something in Azure behind arcfleet's back."""
    address = f"{sim.url}{place}?api-version={version}"
    httpx.request(method, address, json=body, headers={"Authorization": "Bearer x"}).raise_for_status()


def installing(simulate, text, **options):
    return simulate(fleet_of(text), extensionInstall=20, firstSync=5, **options)


async def test_a_claim_that_is_not_bound_is_seen_before_helm_takes_it_away(simulate, deploy):
    text = fleet_text(1, extension={"settings": {"pvc.storageClassName": "fast"}})

    def change(world):
        # May not read storage classes: the preflight can't tell, and the installation is begun.
        world["clusters"][0]["kubernetes"]["user"] = {"name": "deployer", "role": "edit"}

    sim = installing(simulate, text, change=change)

    await diagnosed(
        deploy, sim, text, Reason.STORAGE_CLASS, "E5",
        "connected-registry-pvc is Pending", 'storageclass.storage.k8s.io "fast" not found', "pvc.storageClassName",
    )  # fmt: skip


async def test_a_password_that_somebody_replaced_is_read_from_the_pods_log_and_replaced(simulate, deploy):
    text = fleet_text(1, **QUICK)
    sim = installing(simulate, text)
    await deploy(sim, text)
    for slot in credentials.SLOTS:
        sim.post("/password", {"registry": "acreu1", "token": "plant1", "name": slot})
    sim.step(1200)

    report = await deploy(sim, text)

    assert report.outcomes[0].status is Status.SUCCEEDED
    assert report.outcomes[0].changes == ("a new sync password: the registry's is refused",)


async def test_a_refused_password_is_told_with_the_command_where_the_cluster_can_be_looked_at_too_late(
    simulate, deploy
):
    text = fleet_text(1, **QUICK)
    sim = installing(simulate, text)
    await deploy(sim, text)
    for slot in credentials.SLOTS:
        sim.post("/password", {"registry": "acreu1", "token": "plant1", "name": slot})
    sim.step(1200)
    # The first look meets no log, so that the site is found healthy but for its contact.
    body = {"kind": "Status", "status": "Failure", "message": "pods is forbidden", "code": 403}
    sim.fault({"path": "/kube/k-s1/.*/connected-registry/pods", "times": 1, "effect": {"status": 403, "body": body}})

    await diagnosed(
        deploy, sim, text, Reason.BAD_CREDENTIAL, "C11",
        "Incorrect Password", "az k8s-extension update --cluster-name k-s1",
    )  # fmt: skip


async def test_an_activation_that_another_instance_holds_is_read_from_the_pods_log(simulate, deploy):
    text = fleet_text(1, **QUICK)
    sim = installing(simulate, text)
    await deploy(sim, text)
    await reinstalled_by_hand(sim, fleet_of(text).sites[0])

    await diagnosed(
        deploy, sim, text, Reason.ALREADY_ACTIVATED, "C11",
        "ALREADY_ACTIVATED", "az acr connected-registry deactivate --registry acreu1 --name plant1",
    )  # fmt: skip


async def reinstalled_by_hand(sim, site) -> None:
    """Delete the extension and create it again with a password of its own, without a deactivation in between."""
    async with connect(settings_of(sim)) as here:
        cr = (await here.registries.connected_registries(site.registry_ref, max_age=0))["plant1"]
        extension = "providers/Microsoft.KubernetesConfiguration/extensions/plant1"
        arm(sim, "DELETE", f"{site.cluster_ref.id}/{extension}", "2023-05-01")
        sim.step(300)
        password = await here.registries.generate_password(site.registry_ref, cr.sync_token_id, "password2")
        text = credentials.connection_string(cr, getattr(password, "password", password))
        await here.extensions.apply(site, text, exists=False, on_status=lambda _: None)
        sim.step(1200)


async def test_a_disabled_sync_token_is_told_by_its_name(simulate, deploy):
    text = fleet_text(1, **QUICK)
    sim = installing(simulate, text)
    await deploy(sim, text)
    registry = fleet_of(text).sites[0].registry_ref.id
    arm(sim, "PATCH", f"{registry}/tokens/plant1", "2025-11-01", {"properties": {"status": "disabled"}})
    sim.step(1200)

    await diagnosed(
        deploy, sim, text, Reason.CREDENTIAL_UNUSABLE, "C4", "az acr token update --registry acreu1 --name plant1"
    )


async def test_a_full_disk_needs_a_person(simulate, deploy):
    text = fleet_text(1)
    sim = installing(simulate, text)
    await deploy(sim, text)
    sim.site("k-s1", disk="full")
    sim.step(120)

    await diagnosed(deploy, sim, text, Reason.DISK, "C6", "No space left on device", "connected-registry-pvc")


PULLS = {
    "trust": ({"trustDistribution.enabled": "false"}, Reason.TRUST, "P6", "x509"),
    "plain http": ({"httpEnabled": "true"}, Reason.HTTP_REGISTRY, "P7", "HTTP response to HTTPS client"),
}


@pytest.mark.parametrize(("settings", "reason", "rule", "words"), PULLS.values(), ids=PULLS)
async def test_a_pull_that_fails_for_good_says_why(simulate, deploy, settings, reason, rule, words):
    text = fleet_text(1, extension={"settings": settings})
    sim = installing(simulate, text)

    await diagnosed(deploy, sim, text, reason, rule, words, "cannot pull 10.96.0.50/app/web@sha256:")


async def test_a_client_token_whose_password_was_replaced_is_the_cause_of_a_failing_pull(simulate, deploy):
    text = fleet_text(1)
    sim = installing(simulate, text)
    await deploy(sim, text)
    sim.post("/password", {"registry": "acreu1", "token": "plant1-pull", "name": "password1"})
    sim.push("acreu1", "app/web", "stable", digest="sha256:" + "ab" * 32)

    await diagnosed(deploy, sim, text, Reason.CLIENT_TOKEN, "P5", "401 Unauthorized")


INSTALLS = {
    "being terminated": (
        "unable to create new content in namespace connected-registry because it is being terminated",
        Reason.DELETE_IN_PROGRESS, "E4",
    ),
    "chart": ("failed in download the Chart path not found", Reason.BAD_VERSION, "E3"),
    "nothing said": ("", Reason.EXTENSION_FAILED, "E7"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "reason", "rule"), INSTALLS.values(), ids=INSTALLS)
async def test_a_failed_installation_is_told_by_its_words(simulate, deploy, words, reason, rule):
    text = fleet_text(1)
    sim = installing(simulate, text)
    sim.fault({"effect": {"extensionFails": {"cluster": "k-s1", "code": "InstallationFailed", "message": words}}})

    await diagnosed(deploy, sim, text, reason, rule, words)


async def test_a_site_that_is_well_says_by_which_evidence(simulate, deploy):
    text = fleet_text(1)
    sim = installing(simulate, text)

    fresh, again = await deploy(sim, text), await deploy(sim, text)

    assert [outcome.status for outcome in (*fresh.outcomes, *again.outcomes)] == [Status.SUCCEEDED, Status.NOOP]
    for report in (fresh, again):
        (image,) = report.outcomes[0].images
        assert (image.rule, image.grade, image.subject) == ("S3", "A", "sync app/web:stable")
