"""Drift: each kind that is made behind our back is found by its name, told once, and put right by a repair."""

from __future__ import annotations

from typing import Any

import pytest

from arcfleet.app import audit as auditing
from arcfleet.core.auditing import fleet_audit
from arcfleet.core.differences import Kind
from arcfleet.core.runs.outcomes import Status
from flows.audit_fleet import audit_fleet
from tests.flows.audit_world import (
    REGISTRY,
    Change,
    audited,
    starter,
)


@pytest.fixture
def world(simulate, deploy, tmp_path):
    """Deploys a site, and returns who changes it behind our back, and its fleet file's text."""
    return starter(simulate, deploy, tmp_path)


async def test_nothing_is_reported_right_after_a_deploy_and_what_cannot_be_compared_is_said(world, tmp_path):
    behind, text = await world(ensure=True)

    found = await audited(behind.sim, text, tmp_path)

    assert found.sites[0].drift == ()
    assert (found.sites[0].finding, auditing.exit_code(found)) == (None, 0)
    assert [item.what for item in found.sites[0].unknown] == [
        "the connection string in the extension's protected settings",
        "whether the passwords in pull secrets are valid",
    ]  # fmt: skip


SETTING = {"extension": {"settings": {"pvc.storageRequest": "250Gi"}}}
PINNED = {"extension": {"version": "1.2.0", "autoUpgrade": False}}
REPAIRED: dict[str, tuple[Kind, str, Change, dict[str, Any]]] = {
    "extension setting": (
        Kind.SETTING, "pvc.storageRequest: 500Gi, not 250Gi",
        lambda b: b.extension(configurationSettings={"pvc.storageRequest": "500Gi"}), SETTING,
    ),
    "clusterIP": (
        Kind.CLUSTER_IP, "service.clusterIP: 10.96.0.77, not 10.96.0.50",
        lambda b: b.extension(configurationSettings={"service.clusterIP": "10.96.0.77"}), {},
    ),
    "release train": (
        Kind.RELEASE_TRAIN, "releaseTrain: preview, not stable",
        lambda b: b.extension(releaseTrain="preview"), {"extension": {"releaseTrain": "stable"}},
    ),
    "auto-upgrade": (
        Kind.AUTO_UPGRADE, "autoUpgrade: false, not true",
        lambda b: b.extension(autoUpgradeMinorVersion=False), {},
    ),
    "scope map": (
        Kind.SCOPE_MAP, "without app/web, not with app/web",
        lambda b: b.azure(
            "PATCH", f"{REGISTRY}/scopeMaps/plant1",
            {"properties": {"actions": [f"gateway/plant1/{what}" for what in (
                "config/read", "config/write", "message/read", "message/write")]}},
        ), {"ensure": True},
    ),
    "connected registry": (
        Kind.CONNECTED_REGISTRY, "logLevel: Debug, not Error",
        lambda b: b.azure(
            "PATCH", f"{REGISTRY}/connectedRegistries/plant1", {"properties": {"logging": {"logLevel": "Debug"}}}
        ), {"ensure": True, "connectedRegistrySettings": {"logLevel": "Error"}},
    ),
    "client token unassigned": (
        Kind.CLIENT_TOKEN, "client token plant1-pull: not assigned, not assigned",
        lambda b: b.azure(
            "PATCH", f"{REGISTRY}/connectedRegistries/plant1", {"properties": {"clientTokenIds": []}}
        ), {"ensure": True},
    ),
    "pull secret gone": (
        Kind.PULL_SECRET, "pull secret default/regcred is missing",
        lambda b: b.core("DELETE", "secrets/regcred"), {},
    ),
    "pull secret of another registry": (
        Kind.PULL_SECRET, "pull secret default/regcred: logins of other.example.com only, not a login for 10.96.0.50",
        lambda b: b.secret("other.example.com", "somebody"), {},
    ),
    "pull secret of another user": (
        Kind.PULL_SECRET, "pull secret default/regcred: a login of somebody, which is no client token of plant1",
        lambda b: b.secret("10.96.0.50", "somebody"), {},
    ),
    "data endpoint": (
        Kind.DATA_ENDPOINT, "dedicated data endpoint: off, not on",
        lambda b: b.azure("PATCH", REGISTRY, {"properties": {"dataEndpointEnabled": False}}), {"ensure": True},
    ),
    "version": (
        Kind.VERSION, "version: 1.0.0, not 1.2.0",
        lambda b: b.extension(version="1.0.0", autoUpgradeMinorVersion=False), PINNED,
    ),
    "Service deleted": (
        Kind.WORKLOAD, "workload web: Service default/web is missing",
        lambda b: b.core("DELETE", "services/web"), {},
    ),
    "ConfigMap deleted": (
        Kind.WORKLOAD, "workload web: ConfigMap default/settings is missing",
        lambda b: b.core("DELETE", "configmaps/settings"), {},
    ),
    "Deployment deleted": (
        Kind.WORKLOAD, "workload web is missing",
        lambda b: b.kube("DELETE", "apis/apps/v1/namespaces/default/deployments/web"), {},
    ),
    "ConfigMap changed": (
        Kind.WORKLOAD, "workload web: ConfigMap default/settings: data.colour: another value",
        lambda b: b.core("PATCH", "configmaps/settings", {"data": {"colour": "red"}}), {},
    ),
    "field changed": (
        Kind.WORKLOAD, "env[COLOUR].value: another value",
        lambda b: b.container(env=[{"name": "COLOUR", "value": "red"}]), {},
    ),
    "field removed": (
        Kind.WORKLOAD, "env[COLOUR]: removed",
        lambda b: b.container(env=[{"name": "COLOUR", "$patch": "delete"}]), {},
    ),
    "replicas": (
        Kind.WORKLOAD, "workload web: spec.replicas: 3, not 1", lambda b: b.deployment({"replicas": 3}), {},
    ),
    "image": (
        Kind.DIGEST, "containers[web].image: 10.96.0.50/app/web:stable, not 10.96.0.50/app/web@sha256:",
        lambda b: b.container(image="10.96.0.50/app/web:stable"), {},
    ),
    "sync password made anew": (
        Kind.SYNC_TOKEN, "sync token plant1: password1: made anew",
        lambda b: b.sim.post("/password", {"registry": "acreu1", "token": "plant1", "name": "password1"}), {},
    ),
    "tag moved in the cloud": (
        Kind.DIGEST, "image app/web: sha256:",
        lambda b: b.sim.post("/images", {"registry": "acreu1", "repository": "app/web", "tag": "stable"}), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "line", "change", "options"), REPAIRED.values(), ids=REPAIRED)
async def test_each_kind_of_drift_is_found_by_name_and_repaired(world, deploy, tmp_path, kind, line, change, options):
    behind, text = await world(**options)
    # More than what the clocks of two of Azure's services may differ by.
    behind.sim.step(600)
    change(behind)
    behind.sim.step(60)

    found = await audited(behind.sim, text, tmp_path)

    (site,) = found.sites
    told = [row["what"] for row in fleet_audit.rows(found)]
    # A service's address can't be changed: Helm fails, and that is told too.
    assert [item.kind for item in site.drift if item.what != "the last installation"] == [kind], told
    assert line in told[0]
    assert auditing.exit_code(found) == 2
    report = await deploy(behind.sim, text, flow=audit_fleet, policy="repair")
    assert [outcome.status for outcome in report.outcomes] == [Status.SUCCEEDED], report.outcomes[0].finding
    assert (await audited(behind.sim, text, tmp_path)).sites[0].drift == ()
