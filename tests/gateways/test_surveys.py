"""What the preflight reads, over the wire: a cluster of each age, and callers with few rights."""

from __future__ import annotations

import pytest

from arcfleet.core.facts import Unread
from arcfleet.core.planning.surveys import KubeRight, NodeFacts, Permission, StorageClassFacts
from arcfleet.gateways import connect
from tests.conftest import fleet_of, fleet_text, settings_of

RIGHTS = (KubeRight("create", "", "secrets", "default"), KubeRight("patch", "apps", "deployments", "default"))


async def survey(sim, rights=()):
    async with connect(settings_of(sim)) as gateways:
        return await gateways.kubernetes.survey(fleet_of(fleet_text(1)).sites[0], rights)


def cluster_of(**kubernetes):
    def change(world):
        world["clusters"][0]["kubernetes"] |= kubernetes

    return change


PRINTER = {"services": [{"namespace": "shop", "name": "printer", "clusterIP": "10.96.0.50"}], "namespaces": ["shop"]}


@pytest.mark.parametrize("version", ["1.32.13", "1.36.2"])
async def test_a_cluster_of_any_age_tells_its_range_nodes_and_classes(simulate, version):
    sim = simulate(fleet_of(fleet_text(1)), change=cluster_of(version=version, storageClasses=["fast", "slow"]))

    found = await survey(sim, RIGHTS)

    assert found.service_ranges == ("10.96.0.0/16",)
    assert found.nodes == (NodeFacts("node-1", "linux", "amd64"),)
    assert found.storage_classes == (StorageClassFacts("fast", is_default=True), StorageClassFacts("slow"))
    assert (found.address_owner, found.missing_rights) == ("", ())
    assert "10.96.0.1" in found.used_addresses


@pytest.mark.parametrize("version", ["1.32.13", "1.36.2"])
async def test_the_service_that_has_the_address_is_named(simulate, version):
    sim = simulate(fleet_of(fleet_text(1)), change=cluster_of(version=version, **PRINTER))

    assert (await survey(sim)).address_owner == "shop/printer"


async def test_every_range_of_a_cluster_with_several_is_told(simulate):
    sim = simulate(fleet_of(fleet_text(1)), change=cluster_of(serviceCIDRs=["10.96.0.0/24", "10.97.0.0/24"]))

    assert set((await survey(sim)).service_ranges) == {"10.96.0.0/24", "10.97.0.0/24"}


async def test_what_a_caller_may_not_read_is_unread_and_says_why(simulate):
    sim = simulate(fleet_of(fleet_text(1)))
    for resource in ("nodes", "storageclasses", "servicecidrs", "services", "ipaddresses"):
        body = {"kind": "Status", "status": "Failure", "message": f"{resource} is forbidden", "code": 403}
        sim.fault({"path": f"/kube/k-s1/.*/{resource}", "effect": {"status": 403, "body": body}})

    found = await survey(sim)

    for read in (found.nodes, found.storage_classes, found.service_ranges, found.address_owner):
        assert isinstance(read, Unread)
        assert "is forbidden" in read.why


async def test_an_address_is_looked_up_alone_where_services_may_not_be_listed(simulate):
    sim = simulate(fleet_of(fleet_text(1)), change=cluster_of(**PRINTER))
    body = {"kind": "Status", "status": "Failure", "message": "services is forbidden", "code": 403}
    sim.fault({"path": "/kube/k-s1/api/v1/services", "effect": {"status": 403, "body": body}})

    assert (await survey(sim)).address_owner == "shop/printer"


async def test_missing_rights_are_those_that_the_api_server_denies(simulate):
    sim = simulate(fleet_of(fleet_text(1)))
    denied = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": {}}
    sim.fault({
        "path": "selfsubjectaccessreviews", "times": 2,
        "effect": {"status": 201, "body": denied | {"status": {"allowed": False}}},
    })  # fmt: skip

    assert (await survey(sim, RIGHTS)).missing_rights == RIGHTS


async def test_registered_providers_and_permissions_are_read_once(simulate):
    def change(world):
        world["providers"] = {"Microsoft.Kubernetes": "NotRegistered"}
        role = {"scope": "/", "actions": ["*/read"], "notActions": ["Microsoft.Web/*"]}
        world["principals"] = [{"clientId": "ops", "token": "unsigned", "roles": [role]}]

    fleet = fleet_of(fleet_text(1))
    sim, ref = simulate(fleet, change=change), fleet.sites[0].registry_ref
    async with connect(settings_of(sim)) as gateways:
        for _ in range(2):
            states = [await gateways.subscriptions.registration(ref.subscription, "Microsoft.Kubernetes")]
            held = await gateways.subscriptions.permissions(ref.id)

    assert states == ["NotRegistered"]
    assert held == (Permission(("*/read",), ("Microsoft.Web/*",)),)
    assert len([entry for entry in sim.audit() if "permissions" in entry["path"]]) == 1


@pytest.mark.parametrize("empty", [True, False])
async def test_a_registry_says_whether_it_holds_a_repository(simulate, empty):
    def change(world):
        if empty:
            world["registries"][0]["images"] = []

    sim = simulate(fleet_of(fleet_text(1)), change=change)
    async with connect(settings_of(sim)) as gateways:
        assert await gateways.images.any_repository("acreu1.azurecr.io") is not empty


async def test_all_tokens_of_a_registry_come_from_one_list(simulate):
    fleet = fleet_of(fleet_text(2))
    sim = simulate(fleet)
    async with connect(settings_of(sim)) as gateways:
        tokens = await gateways.registries.tokens(fleet.sites[0].registry_ref, max_age=60)

    assert {"plant1", "plant1-pull", "plant2", "plant2-pull"} <= set(tokens)
    assert tokens["plant1"].status == "enabled"
