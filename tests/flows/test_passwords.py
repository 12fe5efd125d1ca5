"""Passwords are replaced only where nobody uses them: what others' tools get wrong, told as stories."""

from __future__ import annotations

import httpx

from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Result, Status
from tests.conftest import fleet_of, fleet_text

CHANGED = {"settings": {"pvc.storageRequest": "300Gi"}}


def state_of(sim) -> str:
    """Return the connection state of the first connected registry, as the world has it."""
    path = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-acr/providers"
    path += "/Microsoft.ContainerRegistry/registries/acreu1/connectedRegistries/plant1?api-version=2025-11-01"
    answer = httpx.get(f"{sim.url}{path}", headers={"Authorization": "Bearer x"})
    return answer.json()["properties"]["connectionState"]


async def test_deploying_again_after_a_failed_update_leaves_the_running_registry_in_contact(simulate, deploy):
    sim = simulate(fleet_of(fleet_text(1)), extensionInstall=60, extensionUpdate=30)
    await deploy(sim, fleet_text(1))
    failure = {"cluster": "k-s1", "code": "InstallationFailed", "message": "it did not work"}
    changed = fleet_text(1, extension=CHANGED)
    for _ in range(3):
        sim.fault({"effect": {"extensionFails": failure}})
        report = await deploy(sim, changed)
        assert report.outcomes[0].status is Status.FAILED
        sim.step(300)
        assert state_of(sim) == "Online"

    report = await deploy(sim, changed)

    assert report.result is Result.COMPLETED


async def test_an_update_is_proved_by_contact_after_it(simulate, deploy):
    sim = simulate(fleet_of(fleet_text(1)), speed=120, extensionInstall=60, extensionUpdate=30)
    await deploy(sim, fleet_text(1))

    report = await deploy(sim, fleet_text(1, extension=CHANGED))

    waited = next(record.seconds for record in report.outcomes[0].steps if record.step == "wait healthy")
    assert report.outcomes[0].status is Status.SUCCEEDED
    assert waited > 5  # until the next sync; the old instance's contact during the operation proves nothing


async def test_a_client_token_of_several_sites_never_takes_a_password_from_one(simulate, deploy):
    text = fleet_text(3, clientToken="pull", rollout={"maxConcurrency": 1})
    sim = simulate(fleet_of(text), extensionInstall=60)

    report = await deploy(sim, text)

    # A token has two passwords: the third site is told to bring its own, and the first two go on.
    assert [outcome.status for outcome in report.outcomes] == [Status.SUCCEEDED, Status.SUCCEEDED, Status.FAILED]
    assert report.outcomes[2].finding.reason is Reason.CLIENT_TOKEN
    again = await deploy(sim, text)
    assert [outcome.status for outcome in again.outcomes][:2] == [Status.NOOP, Status.NOOP]


async def test_a_secret_that_cannot_be_written_costs_no_password(simulate, deploy):
    text = fleet_text(1, workloads=[{"name": "web", "namespace": "shop", "image": "app/web:stable"}])
    sim = simulate(fleet_of(fleet_text(1)), extensionInstall=60)
    for _ in range(2):
        report = await deploy(sim, text)
        assert 'namespaces "shop" not found' in report.outcomes[0].finding.message

    assert len({entry["time"] for entry in sim.audit() if entry["kind"] == "arm POST generateCredentials"}) == 1


async def test_a_pull_secret_refused_at_first_gets_the_same_password(simulate, deploy):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), extensionInstall=60)
    sim.fault(
        {"method": "POST", "path": "/namespaces/default/secrets", "after": 1, "times": 2, "effect": {"status": 503}}
    )

    report = await deploy(sim, text)

    assert report.result is Result.COMPLETED
    assert sim.counters()["byKind"]["arm POST generateCredentials"] == 2


async def test_a_client_token_with_both_passwords_taken_is_left_alone(simulate, deploy):
    text = fleet_text(1)

    def change(world):
        world["registries"][0]["scopeMaps"] = [
            {"name": "plant1-pull", "actions": ["repositories/app/web/content/read"]}
        ]
        token = {"name": "plant1-pull", "scopeMap": "plant1-pull", "passwords": ["password1", "password2"]}
        world["registries"][0]["tokens"] = [token]

    sim = simulate(fleet_of(text), change=change, extensionInstall=60)

    report = await deploy(sim, text)

    assert report.outcomes[0].finding.reason is Reason.CLIENT_TOKEN
    assert "taken" in report.outcomes[0].finding.message


async def test_a_registry_with_a_daily_window_is_healthy_between_its_windows(simulate, deploy):
    text = fleet_text(1)

    def change(world):
        world["time"] = "2026-11-24T02:00:00Z"
        world["registries"][0]["connectedRegistries"][0].update(schedule="0 0 * * *", syncWindow="PT6H")

    sim = simulate(fleet_of(text), change=change, extensionInstall=60)
    await deploy(sim, text)
    sim.step(6 * 3600)

    report = await deploy(sim, text)

    assert state_of(sim) == "Offline"
    assert report.outcomes[0].status is Status.NOOP
