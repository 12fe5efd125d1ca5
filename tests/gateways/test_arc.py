"""The extension and its operation through the real Azure client."""

from __future__ import annotations

import pytest

from arcfleet.core.passwords.credentials import connection_string
from arcfleet.core.reasons import Reason
from arcfleet.errors import FleetError, PermanentError, TransientError
from arcfleet.gateways import connect
from tests.conftest import fleet_of, fleet_text, settings_of


async def install(gateways, site, *, exists=False, statuses=None):
    listed = await gateways.registries.connected_registries(site.registry_ref, max_age=0)
    cr = listed[site.connected_registry]
    minted = await gateways.registries.generate_password(site.registry_ref, cr.sync_token_id, "password1")
    told = statuses if statuses is not None else []
    return await gateways.extensions.apply(
        site, connection_string(cr, minted.password), exists=exists, on_status=told.append
    )


async def test_every_option_of_the_article_reaches_azure(simulate):
    options = {"autoUpgrade": False, "version": "1.2.3", "releaseTrain": "stable", "settings": {"httpEnabled": False}}
    fleet = fleet_of(fleet_text(1, extension=options))
    sim = simulate(fleet, extensionInstall=60)

    async with connect(settings_of(sim)) as gateways:
        facts = await install(gateways, fleet.sites[0])

    assert facts.name == "plant1"
    assert facts.extension_type == "microsoft.containerregistry.connectedregistry"
    assert (facts.auto_upgrade, facts.current_version, facts.release_train.lower()) == (False, "1.2.3", "stable")
    assert facts.settings == {"service.clusterIP": "10.96.0.50", "httpEnabled": "false"}
    assert facts.last_modified is not None


async def test_an_operation_whose_address_is_gone_is_followed_by_the_extension_itself(simulate):
    fleet = fleet_of(fleet_text(1))
    sim = simulate(fleet, extensionInstall=60)
    body = {"error": {"code": "ResourceNotFound", "message": "The operation is gone."}}
    sim.fault({"path": "extensions/plant1/operations/", "after": 1, "effect": {"status": 404, "body": body}})

    async with connect(settings_of(sim)) as gateways:
        facts = await install(gateways, fleet.sites[0])

    assert facts.provisioning_state in {"Creating", "Succeeded"}


async def test_a_status_is_told_once_and_with_the_usual_length(simulate):
    fleet = fleet_of(fleet_text(1))
    sim = simulate(fleet, extensionInstall=300)
    statuses: list[str] = []

    async with connect(settings_of(sim)) as gateways:
        await install(gateways, fleet.sites[0], statuses=statuses)

    assert statuses == ["operation Creating (usually 4:44)", "operation Succeeded (usually 4:44)"]


async def test_an_extension_that_does_not_exist_is_none(simulate):
    fleet = fleet_of(fleet_text(1))
    sim = simulate(fleet)

    async with connect(settings_of(sim)) as gateways:
        assert await gateways.extensions.extension(fleet.sites[0]) is None


@pytest.mark.parametrize(
    ("effect", "kind", "reason"),
    [
        ({"html": True}, TransientError, Reason.BAD_RESPONSE),
        ({"truncate": True}, TransientError, Reason.BAD_RESPONSE),
        ({"empty": True}, TransientError, Reason.BAD_RESPONSE),
        ({"status": 400}, PermanentError, Reason.REFUSED),
        ({"status": 401}, PermanentError, Reason.AUTHENTICATION),
        ({"status": 403}, PermanentError, Reason.FORBIDDEN),
        ({"status": 404}, PermanentError, Reason.CLUSTER_NOT_FOUND),
        ({"status": 409}, TransientError, Reason.CONFLICT),
    ],
    ids=str,
)
async def test_an_answer_that_is_no_answer_is_translated(simulate, effect, kind, reason):
    fleet = fleet_of(fleet_text(1))
    sim = simulate(fleet)
    sim.fault({"path": "connectedClusters/k-s1\\?", "effect": effect})

    async with connect(settings_of(sim)) as gateways:
        with pytest.raises(FleetError) as caught:
            await gateways.extensions.cluster(fleet.sites[0])

    assert type(caught.value) is kind
    assert caught.value.reason is reason
