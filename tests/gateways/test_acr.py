"""Registries, tokens, passwords and digests through the real clients."""

from __future__ import annotations

import asyncio

import pytest

from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason
from arcfleet.errors import FleetError, OutcomeUnknownError, PermanentError, TransientError
from arcfleet.gateways import connect
from tests.conftest import fleet_of, fleet_text, settings_of

FLEET = fleet_of(fleet_text(3))
REGISTRY = FLEET.sites[0].registry_ref
TOKEN = f"{REGISTRY.id}/tokens/plant1"


async def test_one_list_serves_all_who_ask_at_once(simulate):
    sim = simulate(FLEET)

    async with connect(settings_of(sim)) as gateways:
        await asyncio.gather(*(gateways.registries.connected_registries(REGISTRY, max_age=60) for _ in range(50)))

    assert sim.counters()["byKind"] == {"arm LIST connectedRegistries": 1}


async def test_a_fresh_connected_registry_shows_what_the_credential_needs(simulate):
    sim = simulate(FLEET)

    async with connect(settings_of(sim)) as gateways:
        listed = await gateways.registries.connected_registries(REGISTRY, max_age=0)

    cr = listed["plant1"]
    assert (cr.mode, cr.connection_state, cr.activation, cr.provisioning_state) == (
        "ReadOnly", "Offline", "Inactive", "Succeeded",
    )  # fmt: skip
    assert cr.sync_token_id.lower() == TOKEN.lower()
    assert cr.gateway_endpoint.endswith(".data.azurecr.io")
    assert (cr.parent, cr.last_sync, cr.auth_type) == (None, None, "SyncToken")
    assert len(cr.client_token_ids) == 1


LOST = [{"status": 500}, {"reset": True}, {"resetAfter": True}, {"html": True}, {"empty": True}, {"truncate": True}]
REFUSED = {
    "throttled": ({"status": 429}, Reason.THROTTLED),
    "another change is under way": ({"status": 409}, Reason.CONFLICT),
    "forbidden": ({"status": 403}, Reason.FORBIDDEN),
    "no such token": ({"status": 404}, Reason.SYNC_TOKEN_NOT_FOUND),
}


@pytest.mark.parametrize("effect", LOST, ids=str)
async def test_a_password_is_asked_for_once_and_a_lost_answer_is_told_as_such(simulate, effect):
    sim = simulate(FLEET)
    sim.fault({"path": "generateCredentials", "effect": effect})

    async with connect(settings_of(sim)) as gateways:
        with pytest.raises(OutcomeUnknownError):
            await gateways.registries.generate_password(REGISTRY, TOKEN, "password1")

    assert sim.get("/faults")[0]["hits"] == 1


@pytest.mark.parametrize(("effect", "reason"), REFUSED.values(), ids=REFUSED)
async def test_a_refusal_says_that_no_password_was_made(simulate, effect, reason):
    sim = simulate(FLEET)
    sim.fault({"path": "generateCredentials", "effect": effect})

    async with connect(settings_of(sim)) as gateways:
        with pytest.raises(FleetError) as refused:
            await gateways.registries.generate_password(REGISTRY, TOKEN, "password1")

    assert refused.value.reason is reason
    assert not isinstance(refused.value, OutcomeUnknownError)
    assert sim.get("/faults")[0]["hits"] == 1


async def test_a_connection_that_was_never_made_asked_for_nothing(simulate):
    settings = settings_of(simulate(FLEET)).model_copy(update={"arm_endpoint": "http://127.0.0.1:9"})

    async with connect(settings) as gateways:
        with pytest.raises(TransientError) as refused:
            await gateways.registries.generate_password(REGISTRY, TOKEN, "password1")

    assert refused.value.reason is Reason.UNREACHABLE
    assert not isinstance(refused.value, OutcomeUnknownError)


async def test_only_the_named_slot_is_replaced(simulate):
    sim = simulate(FLEET)

    async with connect(settings_of(sim)) as gateways:
        first = await gateways.registries.generate_password(REGISTRY, TOKEN, "password2")
        token = await gateways.registries.token(REGISTRY, TOKEN, max_age=0)

    assert len(first.password.reveal()) == 52
    assert [(password.name, password.created) for password in token.passwords] == [("password2", first.created)]


async def test_a_digest_is_read_once_and_a_missing_image_is_told(simulate):
    sim = simulate(FLEET)
    pushed = sim.push("acreu1", "app/web", "next")

    async with connect(settings_of(sim)) as gateways:
        images = [ImageRef("app/web", "next")] * 10
        digests = await asyncio.gather(*(gateways.images.digest("acreu1.azurecr.io", image) for image in images))
        with pytest.raises(PermanentError) as caught:
            await gateways.images.digest("acreu1.azurecr.io", ImageRef("app/web", "never"))

    assert digests == [pushed] * 10
    assert sim.counters()["byKind"]["registry HEAD manifests"] == 2
    assert caught.value.reason is Reason.NOT_IN_CLOUD


async def test_a_throttled_subscription_slows_everybody_and_fails_nobody(simulate):
    sim = simulate(FLEET)
    sim.fault({"path": "connectedClusters", "times": 3, "effect": {"status": 429, "headers": {"Retry-After": "5"}}})

    async with connect(settings_of(sim)) as gateways:
        began = gateways.clock.monotonic()
        await asyncio.gather(*(gateways.extensions.cluster(site) for site in FLEET.sites))
        waited = gateways.clock.monotonic() - began

    assert waited >= 5
    times = [entry["time"] for entry in sim.audit()]
    assert times == sorted(times)
