"""A site's registry announces that an image has come: before any pod has pulled it, that is grade B.

Simulator, webhook, the bridge's HTTP side, its outbox, Prefect's Variable, the sync step.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prefect.variables import Variable

from arcfleet.app import bridge_command
from arcfleet.app.bridge import Known, Receiver
from arcfleet.app.bridge_sender import Sender
from arcfleet.app.outbox import Outbox
from arcfleet.core.findings import Finding, Grade
from arcfleet.core.manifest import Fleet
from arcfleet.core.names import ImageRef
from arcfleet.core.outcomes import Status
from arcfleet.core.secret import Secret
from arcfleet.gateways import connect
from arcfleet.ports import Announcements
from arcfleet.steps.observe import observe
from arcfleet.steps.sync import check_sync
from simulator import Simulator
from tasks import journal
from tasks.announcements import PrefectAnnouncements
from tests.conftest import fleet_of, fleet_text, settings_of

SECRET = "the-secret-of-this-story"
TEXT = fleet_text(1, ensure=True, connectedRegistrySettings={"notifications": ["app/*:*:push"]})
VARIABLE = "arcfleet_arrived_acreu1_plant1"


@asynccontextmanager
async def bridge(fleet: Fleet, folder: Path) -> AsyncIterator[tuple[str, Outbox]]:
    """Run the bridge in this process; yield the address that takes notifications, and its outbox."""
    options = bridge_command.Options(folder, (), "127.0.0.1", 0, 0, 0, folder / "bridge.db")
    outbox = Outbox(options.outbox)
    with bridge_command.listening(options) as place:
        async with bridge_command.prefect_client() as client:
            sender = Sender(outbox, client, fleet.name, quiet=0, longest=0)
            receiver = Receiver(Known(fleet, (Secret(SECRET),)), outbox, sender)
            serving = asyncio.create_task(bridge_command.serve(options, receiver, place))
            yield f"http://127.0.0.1:{place.getsockname()[1]}/push", outbox
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    outbox.close()


async def synced(sim: Simulator, fleet: Fleet, announcements: Announcements | None = None) -> Finding:
    """Return what the sync step says of the site's image as it is now."""
    (site,) = fleet.sites
    async with connect(settings_of(sim), announcements=announcements) as gateways:
        facts, _ = await observe(gateways, site, fleet.manifests)
        (found,) = await check_sync(
            gateways, site, facts, [ImageRef("app/web", "stable")], changed_at=None, on_change=lambda _: None
        )
    return found


async def until(condition) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.1)


async def test_an_arrival_that_the_site_s_registry_announces_is_grade_b(simulate, deploy, tmp_path):
    fleet = fleet_of(TEXT)
    sim = simulate(fleet, extensionInstall=60)
    report = await deploy(sim, TEXT)
    assert report.outcomes[0].status is Status.SUCCEEDED, report.outcomes[0].finding

    async def is_subscribed() -> bool:
        return {found["state"] for found in await asyncio.to_thread(sim.get, "/subscriptions")} == {"Succeeded"}

    async def is_announced() -> bool:
        return await Variable.aget(VARIABLE) is not None

    async with journal.opened(), bridge(fleet, tmp_path) as (url, outbox):
        headers = {"X-Arcfleet-Secret": SECRET}
        hook = {"name": "hook", "registry": "acreu1", "url": url, "schema": "Webhook", "headers": headers}
        await asyncio.to_thread(sim.post, "/subscriptions", hook)
        await until(is_subscribed)
        digest = await asyncio.to_thread(sim.push, "acreu1", "app/web", "stable")
        await until(is_announced)
        without, announced = await synced(sim, fleet), await synced(sim, fleet, PrefectAnnouncements())
        kept = await Variable.aget(VARIABLE)
        assert not outbox.arrivals()

    assert [(image, told) for image, told, _ in kept] == [("app/web:stable", digest)]
    assert (without.rule, without.grade) == ("S7", Grade.D)
    assert (announced.rule, announced.grade) == ("S7", Grade.B)
