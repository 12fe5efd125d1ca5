"""What a removal deletes, through the real clients: it is gone for the next read, and a 404 is done."""

from __future__ import annotations

import base64
import json

import httpx
import pytest

from arcfleet.core.kube.workloads import Login
from arcfleet.core.passwords.credentials import connection_string
from arcfleet.core.planning import scope_actions
from arcfleet.core.reasons import Reason
from arcfleet.core.removing.removals import SECRETS
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError, TransientError
from arcfleet.gateways import connect
from tests.conftest import fleet_of, fleet_text, settings_of
from tests.flows.test_least_privilege import kubernetes

FLEET = fleet_of(fleet_text(1))
SITE = FLEET.sites[0]
REGISTRY = SITE.registry_ref
PLACE = "api/v1/namespaces/default/secrets"
NAME = {"name": "web", "namespace": "default"}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": NAME, "data": {"a": "b"}}


async def test_what_is_deleted_in_a_registry_is_gone_for_the_next_read_and_a_repetition_is_no_error(simulate):
    sim = simulate(FLEET)
    async with connect(settings_of(sim)) as gateways:
        registries = gateways.registries
        for _ in range(2):
            await registries.deactivate(REGISTRY, "plant1")
            await registries.delete_connected_registry(REGISTRY, "plant1")
            await registries.delete_passwords(REGISTRY, "plant1", ("password1",))
            await registries.delete_token(REGISTRY, "plant1")
            await registries.delete_scope_map(REGISTRY, "plant1")
            await registries.remove_actions(REGISTRY, "plant1", ("gateway/plant1/config/read",))
        assert await registries.connected_registries(REGISTRY, max_age=1e9) == {}
        assert "plant1" not in await registries.tokens(REGISTRY, max_age=1e9)
        assert "plant1" not in await registries.scope_maps(REGISTRY, max_age=1e9)


async def test_a_token_that_is_in_use_is_not_deleted(simulate):
    sim = simulate(FLEET)
    async with connect(settings_of(sim)) as gateways:
        with pytest.raises(TransientError, match="can't delete the sync token"):
            await gateways.registries.delete_token(REGISTRY, "plant1")


async def test_one_password_goes_and_the_other_stays(simulate):
    sim = simulate(FLEET)
    token = f"{REGISTRY.id}/tokens/plant1"
    async with connect(settings_of(sim)) as gateways:
        for slot in ("password1", "password2"):
            await gateways.registries.generate_password(REGISTRY, token, slot)
        before = await gateways.registries.token(REGISTRY, token, max_age=0)
        await gateways.registries.delete_passwords(REGISTRY, "plant1", ("password1",))
        after = await gateways.registries.token(REGISTRY, token, max_age=1e9)

    assert after.passwords == before.passwords[1:]
    assert (after.status, after.scope_map_id) == (before.status, before.scope_map_id)


async def test_of_a_scope_map_only_the_named_actions_go(simulate):
    sim = simulate(FLEET)
    other = scope_actions.of_gateway("other1")
    async with connect(settings_of(sim)) as gateways:
        before = (await gateways.registries.scope_maps(REGISTRY, max_age=0))["plant1"].actions
        await gateways.registries.add_actions(REGISTRY, "plant1", other)
        await gateways.registries.remove_actions(REGISTRY, "plant1", [action.upper() for action in other])
        after = (await gateways.registries.scope_maps(REGISTRY, max_age=0))["plant1"].actions

    assert after == before


async def installed(gateways):
    cr = (await gateways.registries.connected_registries(REGISTRY, max_age=0))["plant1"]
    minted = await gateways.registries.generate_password(REGISTRY, cr.sync_token_id, "password1")
    string = connection_string(cr, minted.password)
    await gateways.extensions.apply(SITE, string, exists=False, on_status=lambda _: None)


async def test_an_extension_s_deletion_is_followed_to_its_end_and_a_second_one_is_no_error(simulate):
    sim = simulate(FLEET, extensionInstall=30, extensionDelete=40)
    told: list[str] = []
    async with connect(settings_of(sim)) as gateways:
        await installed(gateways)
        await gateways.extensions.delete(SITE, forced=False, on_status=told.append)
        left = await gateways.extensions.extension(SITE)
        await gateways.extensions.delete(SITE, forced=False, on_status=told.append)

    assert left is None
    assert told[:2] == ["operation Deleting (usually 1:00)", "operation Succeeded (usually 1:00)"]


async def test_a_forced_deletion_makes_azure_forget_and_asks_no_cluster(simulate):
    sim = simulate(FLEET, extensionInstall=30)
    async with connect(settings_of(sim)) as gateways:
        await installed(gateways)
        sim.site("k-s1", link=False)
        await gateways.extensions.delete(SITE, forced=True, on_status=lambda _: None)
        assert await gateways.extensions.extension(SITE) is None
    with kubernetes(sim) as api:
        assert api.get("apis/apps/v1/namespaces/connected-registry/deployments/connected-registry").status_code == 200


async def test_a_deletion_that_fails_is_told_in_the_service_s_words(simulate):
    sim = simulate(FLEET, extensionInstall=30)
    error = {"code": "ExtensionOperationFailed", "message": "uninstall failed: hook timed out"}
    async with connect(settings_of(sim)) as gateways:
        await installed(gateways)
        sim.fault({"path": "operations/", "effect": {"status": 200, "body": {"status": "Failed", "error": error}}})
        with pytest.raises(PermanentError, match="hook timed out") as raised:
            await gateways.extensions.delete(SITE, forced=False, on_status=lambda _: None)

    assert raised.value.reason is Reason.EXTENSION_FAILED


async def test_an_object_is_read_with_who_wrote_it_and_only_that_very_object_is_deleted(simulate):
    sim = simulate(FLEET)
    async with connect(settings_of(sim)) as gateways:
        await gateways.kubernetes.apply(SITE, CONFIG)
        held = await gateways.kubernetes.held(SITE, "ConfigMap", "default", "web")
        assert held is not None
        assert held.is_applied_by_us
        with kubernetes(sim) as api:
            api.delete("api/v1/namespaces/default/configmaps/web").raise_for_status()
            again = {"metadata": {"name": "web"}}
            api.post("api/v1/namespaces/default/configmaps", json=again).raise_for_status()
        with pytest.raises(TransientError, match="UID in the precondition"):
            await gateways.kubernetes.delete(SITE, held)
        foreign = await gateways.kubernetes.held(SITE, "ConfigMap", "default", "web")
        assert foreign is not None
        assert not foreign.is_applied_by_us
        for _ in range(2):
            await gateways.kubernetes.delete(SITE, foreign)
        assert await gateways.kubernetes.held(SITE, "ConfigMap", "default", "web") is None


def post(api: httpx.Client, auths: dict[str, object]) -> None:
    data = {".dockerconfigjson": base64.b64encode(json.dumps({"auths": auths}).encode()).decode()}
    body = {"metadata": {"name": "regcred"}, "type": "kubernetes.io/dockerconfigjson", "data": data}
    api.post(PLACE, params={"fieldManager": "kubectl-create"}, json=body).raise_for_status()


async def test_a_login_is_taken_out_and_the_others_stay(simulate):
    sim = simulate(FLEET)
    with kubernetes(sim) as api:
        post(api, {"ghcr.io": {"username": "u"}})
        async with connect(settings_of(sim)) as gateways:
            await gateways.kubernetes.put_login(SITE, "default", "regcred", Login("me", Secret("p")))
            held = await gateways.kubernetes.held(SITE, SECRETS, "default", "regcred")
            assert held is not None
            assert (held.hosts, held.is_written_by_us, held.is_all_ours) == ({"ghcr.io", "10.96.0.50"}, True, False)
            for _ in range(2):
                await gateways.kubernetes.drop_login(SITE, held)
        stored = api.get(f"{PLACE}/regcred").json()["data"][".dockerconfigjson"]

    assert json.loads(base64.b64decode(stored)) == {"auths": {"ghcr.io": {"username": "u"}}}


async def test_a_secret_that_arcfleet_created_is_all_its_own(simulate):
    sim = simulate(FLEET)
    async with connect(settings_of(sim)) as gateways:
        await gateways.kubernetes.put_login(SITE, "default", "regcred", Login("me", Secret("p")))
        held = await gateways.kubernetes.held(SITE, SECRETS, "default", "regcred")

    assert held is not None
    assert held.is_all_ours
