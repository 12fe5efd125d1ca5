"""Entries of the troubleshooting article and its prerequisites, from the cause itself to what is printed.

Others are in test_diagnosis.py and test_trouble.py; a deleted extension is in test_extension_gone.py.
"""

from __future__ import annotations

import pytest

from arcfleet.app import status
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Status
from arcfleet.gateways import connect
from tests.conftest import fleet_of, fleet_text, settings_of
from tests.flows.audit_world import EXTENSION, REGISTRY, Behind
from tests.flows.test_diagnosis import diagnosed, installing, printed

HOUR = 3600


def changing(**values):
    """Return a change of the world's registry."""

    def change(world):
        world["registries"][0].update(values)

    return change


def unregistered(world):
    world["providers"] = {"Microsoft.KubernetesConfiguration": "NotRegistered"}


PREREQUISITES = {
    "a registry that is not Premium": (
        changing(sku="Standard"), Reason.NOT_PREMIUM, "az acr update --name acreu1 --sku Premium",
    ),
    "no dedicated data endpoint": (
        changing(dataEndpointEnabled=False), Reason.DATA_ENDPOINT_OFF, "--data-endpoint-enabled true",
    ),
    "a provider that is not registered": (
        unregistered, Reason.PROVIDER_NOT_REGISTERED,
        "az provider register --namespace Microsoft.KubernetesConfiguration",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "reason", "command"), PREREQUISITES.values(), ids=PREREQUISITES)
async def test_a_prerequisite_that_is_missing_is_told_before_any_write(simulate, deploy, change, reason, command):
    # Where the registry can't have connected registries, they are still to be made.
    text = fleet_text(1, ensure=reason is Reason.NOT_PREMIUM)
    sim = simulate(fleet_of(text), change=change)

    report = await deploy(sim, text)

    page = printed(report)
    assert report.outcomes[0].finding.reason is reason, page
    assert command in page
    assert sim.counters()["writes"] == 0


async def test_a_release_of_another_name_in_the_cluster_is_told_as_the_name_in_use(simulate, deploy):
    text = fleet_text(1)
    sim = installing(simulate, text)
    settings = {"service.clusterIP": "10.96.0.60"}
    other = {"extensionType": "microsoft.containerregistry.connectedregistry", "configurationSettings": settings,
             "configurationProtectedSettings": {"connectionString": CONNECTION}}  # fmt: skip
    Behind(sim).azure("PUT", EXTENSION.replace("plant1", "by-hand"), {"properties": other}, api="2023-05-01")
    sim.step(600)

    await diagnosed(deploy, sim, text, Reason.NAME_IN_USE, "E3", "re-use a name that is still in use", "extension.name")


CONNECTION = (
    "ConnectedRegistryName=plant9;SyncTokenName=plant9;SyncTokenPassword=none;"
    "ParentGatewayEndpoint=acreu1.westeurope.data.azurecr.io;ParentEndpointProtocol=https"
)


async def test_an_image_that_is_in_scope_but_not_there_yet_is_told_as_still_to_come(simulate, deploy):
    text = fleet_text(1, workloads=[{"name": "web", "image": "app/web:stable", "timeout": "5m"}])
    sim = installing(simulate, text, syncLag=24 * HOUR)

    await diagnosed(deploy, sim, text, Reason.IMAGE_NOT_ON_SITE, "P4", "manifest unknown")


async def test_a_client_token_whose_scope_lacks_the_repository_is_the_cause_of_a_failing_pull(simulate, deploy):
    text = fleet_text(1)
    sim = installing(simulate, text)
    behind = Behind(sim)
    token = behind.azure("GET", f"{REGISTRY}/tokens/plant1-pull")
    narrow = {"properties": {"actions": ["repositories/app/other/content/read"]}}
    behind.azure("PATCH", token["properties"]["scopeMapId"], narrow)

    await diagnosed(deploy, sim, text, Reason.CLIENT_TOKEN, "P5", "Insufficient scopes to perform the operation")


async def test_a_cluster_that_was_away_for_two_days_after_a_change_is_told_and_deployed_again(simulate, deploy):
    text = fleet_text(1, timeouts={"extension": "5m"})
    # Slowly, so that Azure does not notice the silence before the change is made.
    sim = installing(simulate, text, speed=60)
    sim.site("k-s1", link=False)

    left = await deploy(sim, text)
    sim.step(49 * HOUR)
    async with connect(settings_of(sim)) as gateways:
        (standing,) = (await status.read(gateways, fleet_of(text))).sites
    deferred = await deploy(sim, text)
    sim.site("k-s1", link=True)
    sim.step(HOUR)
    again = await deploy(sim, text)

    assert left.outcomes[0].status is not Status.SUCCEEDED
    expired = {found.rule: found for found in standing.chain}["E6"]
    assert expired.reason is Reason.PROTECTED_SETTINGS_EXPIRED
    assert deferred.outcomes[0].finding.reason is Reason.ARC_OFFLINE
    assert again.outcomes[0].status is Status.SUCCEEDED, again.outcomes[0].finding
