"""What is written to a registry, through the real clients: each write is seen by the next read."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from arcfleet.core.facts import GarbageCollectionFacts
from arcfleet.core.planning import scope_actions
from arcfleet.core.planning.registry_settings import ConnectedRegistrySpec
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from arcfleet.gateways import connect
from tests.conftest import fleet_of, fleet_text, settings_of

FLEET = fleet_of(fleet_text(1))
REGISTRY = FLEET.sites[0].registry_ref
SPEC = ConnectedRegistrySpec(
    mode="ReadOnly",
    sync_token_id=f"{REGISTRY.id}/tokens/fresh",
    schedule="0 2 * * *",
    sync_window=timedelta(hours=4),
    message_ttl=timedelta(days=7),
    log_level="Warning",
    audit_log=True,
    notifications=("app/web:*:push",),
    garbage_collection=GarbageCollectionFacts(enabled=True, schedule="0 5 * * *"),
    client_token_ids=(f"{REGISTRY.id}/tokens/plant1-pull",),
)


async def made(registries) -> None:
    """Create the connected registry `fresh`, as the step does."""
    await registries.add_actions(REGISTRY, "fresh", scope_actions.of_gateway("fresh"))
    await registries.create_token(REGISTRY, "fresh", "fresh")
    await registries.create_connected_registry(REGISTRY, "fresh", SPEC)


async def test_what_was_created_reads_as_it_was_meant(simulate):
    sim = simulate(FLEET)

    async with connect(settings_of(sim)) as gateways:
        registries = gateways.registries
        before = await registries.connected_registries(REGISTRY, max_age=1e9)
        await made(registries)
        cr = (await registries.connected_registries(REGISTRY, max_age=1e9))["fresh"]
        token = (await registries.tokens(REGISTRY, max_age=1e9))["fresh"]

    assert "fresh" not in before
    assert (cr.mode, cr.connection_state, cr.activation, cr.parent) == ("ReadOnly", "Offline", "Inactive", None)
    assert (cr.schedule, cr.message_ttl, cr.log_level, cr.audit_log) == (
        "0 2 * * *", timedelta(days=7), "Warning", True,
    )  # fmt: skip
    assert (cr.notifications, cr.garbage_collection) == (SPEC.notifications, SPEC.garbage_collection)
    assert [token_id.lower() for token_id in cr.client_token_ids] == [i.lower() for i in SPEC.client_token_ids or ()]
    assert cr.gateway_endpoint.endswith(".data.azurecr.io")
    assert (token.status, token.scope_map_id.rsplit("/", 1)[1], token.passwords) == ("enabled", "fresh", ())


async def test_an_update_changes_what_it_gives_and_nothing_else(simulate):
    sim = simulate(FLEET)

    async with connect(settings_of(sim)) as gateways:
        registries = gateways.registries
        await made(registries)
        change = ConnectedRegistrySpec(
            schedule="0 3 * * *", sync_window=timedelta(hours=1), message_ttl=timedelta(days=7), notifications=()
        )
        await registries.update_connected_registry(REGISTRY, "fresh", change)
        cr = (await registries.connected_registries(REGISTRY, max_age=1e9))["fresh"]

    assert (cr.schedule, cr.notifications, cr.message_ttl) == ("0 3 * * *", (), timedelta(days=7))
    assert (cr.log_level, cr.audit_log, cr.garbage_collection) == ("Warning", True, SPEC.garbage_collection)
    assert len(cr.client_token_ids) == 1


async def test_actions_added_by_many_at_once_are_all_there_and_those_of_others_stay(simulate):
    sim = simulate(FLEET)
    wanted = [scope_actions.of_gateway(f"child{i}") for i in range(20)]

    async with connect(settings_of(sim)) as gateways:
        registries = gateways.registries
        before = (await registries.scope_maps(REGISTRY, max_age=1e9))["plant1"].actions
        await asyncio.gather(*(registries.add_actions(REGISTRY, "plant1", actions) for actions in wanted))
        after = (await registries.scope_maps(REGISTRY, max_age=1e9))["plant1"].actions

    assert set(after) == {*before, *(action for actions in wanted for action in actions)}
    assert len(after) == len(set(after))


async def test_actions_that_are_there_are_not_written_again(simulate):
    sim = simulate(FLEET)

    async with connect(settings_of(sim)) as gateways:
        await gateways.registries.add_actions(REGISTRY, "plant1", scope_actions.of_gateway("PLANT1"))

    assert sim.counters()["byKind"] == {"arm GET scopeMaps": 1}


async def test_a_token_that_several_sites_share_is_made_once_and_keeps_its_passwords(simulate):
    sim = simulate(FLEET)

    async with connect(settings_of(sim)) as gateways:
        registries = gateways.registries
        await asyncio.gather(*(registries.create_token(REGISTRY, "shared", "plant1") for _ in range(5)))
        await registries.generate_password(REGISTRY, f"{REGISTRY.id}/tokens/shared", "password1")
        await registries.create_token(REGISTRY, "Shared", "plant1")
        token = (await registries.tokens(REGISTRY, max_age=1e9))["shared"]

    assert sim.counters()["byKind"]["arm PUT tokens"] == 1
    assert [password.name for password in token.passwords] == ["password1"]


async def test_the_data_endpoint_is_enabled_once_for_all_who_ask(simulate):
    sim = simulate(FLEET, change=lambda world: world["registries"][0].update(dataEndpointEnabled=False))

    async with connect(settings_of(sim)) as gateways:
        registries = gateways.registries
        before = await registries.registry(REGISTRY)
        await asyncio.gather(*(registries.enable_data_endpoint(REGISTRY) for _ in range(10)))
        after = await registries.registry(REGISTRY)

    assert (before.data_endpoint_enabled, after.data_endpoint_enabled) == (False, True)
    assert sim.counters()["byKind"] == {"arm GET registries": 2, "arm PATCH registries": 1}


async def test_one_list_of_each_kind_serves_all_who_ask_at_once(simulate):
    sim = simulate(FLEET)

    async with connect(settings_of(sim)) as gateways:
        registries = gateways.registries
        await asyncio.gather(*(registries.tokens(REGISTRY, max_age=30) for _ in range(20)))
        await asyncio.gather(*(registries.scope_maps(REGISTRY, max_age=30) for _ in range(20)))
        scope = await registries.scope_actions(REGISTRY, f"{REGISTRY.id}/scopeMaps/plant1")

    assert sim.counters()["byKind"] == {"arm LIST tokens": 1, "arm LIST scopeMaps": 1}
    assert "repositories/app/web/content/read" in scope


async def test_a_write_whose_answer_was_lost_is_not_hidden_by_what_was_read_before(simulate):
    sim = simulate(FLEET)

    async with connect(settings_of(sim)) as gateways:
        registries = gateways.registries
        await registries.connected_registries(REGISTRY, max_age=1e9)
        await registries.create_token(REGISTRY, "fresh", "plant1")
        sim.fault({"path": "connectedRegistries", "times": 1, "effect": {"resetAfter": True}})
        await registries.create_connected_registry(REGISTRY, "fresh", SPEC)
        listed = await registries.connected_registries(REGISTRY, max_age=1e9)

    assert "fresh" in listed


async def test_what_the_service_refuses_is_told_with_its_words(simulate):
    sim = simulate(FLEET)

    async with connect(settings_of(sim)) as gateways:
        with pytest.raises(PermanentError) as error:
            await gateways.registries.create_connected_registry(REGISTRY, "fresh", SPEC)

    assert error.value.reason is Reason.REFUSED
    assert "connected registry fresh of registry acreu1" in error.value.message
