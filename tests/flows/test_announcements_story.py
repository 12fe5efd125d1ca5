"""A site's registry announces that an image has come: before any pod has pulled it, that is grade B.

Simulator, webhook, the bridge's HTTP side, its outbox, Prefect's Variable, the sync step.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client

from arcfleet.app.bridging import bridge_command
from arcfleet.app.bridging.bridge import Known, Receiver
from arcfleet.app.bridging.bridge_sender import Sender
from arcfleet.app.bridging.outbox import Outbox
from arcfleet.core.findings import Finding, Grade
from arcfleet.core.fleet.manifest import Fleet
from arcfleet.core.names import ImageRef
from arcfleet.core.runs.outcomes import Status
from arcfleet.core.secret import Secret
from arcfleet.gateways import connect
from arcfleet.gateways.announcements import ApiAnnouncements
from arcfleet.ports import Announcements
from arcfleet.steps.observe import observe
from arcfleet.steps.sync import check_sync
from simulator import Simulator
from tasks import variables
from tasks.announcements import PrefectAnnouncements
from tests.conftest import fleet_of, fleet_text, settings_of

SECRET = "the-secret-of-this-story"
TEXT = fleet_text(1, ensure=True, connectedRegistrySettings={"notifications": ["app/*:*:push"]})
UNHEARD = "what the registry announced was not looked at: no Prefect server runs here, and PREFECT_API_URL names none"
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


async def status_of(path: Path) -> dict[str, Any]:
    """Return what `arcfleet status` says of the first site's image, as a process of its own and in this environment."""
    command = ("-m", "arcfleet.app.cli", "status", str(path), "--json")
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    (found,) = [part for part in json.loads(output)["sites"][0]["chain"] if part["subject"].startswith("sync ")]
    return found


async def until(condition) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.1)


async def test_an_arrival_that_the_site_s_registry_announces_is_grade_b(simulate, deploy, tmp_path, monkeypatch):
    fleet = fleet_of(TEXT)
    sim = simulate(fleet, extensionInstall=60)
    report = await deploy(sim, TEXT)
    assert report.outcomes[0].status is Status.SUCCEEDED, report.outcomes[0].finding

    async def is_subscribed() -> bool:
        return {found["state"] for found in await asyncio.to_thread(sim.get, "/subscriptions")} == {"Succeeded"}

    async def is_announced() -> bool:
        return await variables.read(client, VARIABLE) is not None

    async with get_client() as client, bridge(fleet, tmp_path) as (url, outbox):
        headers = {"X-Arcfleet-Secret": SECRET}
        hook = {"name": "hook", "registry": "acreu1", "url": url, "schema": "Webhook", "headers": headers}
        await asyncio.to_thread(sim.post, "/subscriptions", hook)
        await until(is_subscribed)
        digest = await asyncio.to_thread(sim.push, "acreu1", "app/web", "stable")
        await until(is_announced)
        without, announced = await synced(sim, fleet), await synced(sim, fleet, PrefectAnnouncements(client))
        kept = await variables.read(client, VARIABLE)
        async with aclosing(ApiAnnouncements(lambda: os.environ["PREFECT_API_URL"])) as announcements:
            untold = await announcements.of("acreu1", "plant2")
        shown = [await status_of(tmp_path / "fleet.yaml")]
        # Without an address the server of ARCFLEET_HOME is found, which is the same one; and then there is none.
        monkeypatch.delenv("PREFECT_API_URL")
        shown.append(await status_of(tmp_path / "fleet.yaml"))
        monkeypatch.setenv("ARCFLEET_HOME", str(tmp_path))
        shown.append(await status_of(tmp_path / "fleet.yaml"))
        assert not outbox.arrivals()

    assert [(image, told) for image, told, _ in kept] == [("app/web:stable", digest)]
    assert (without.rule, without.grade) == ("S7", Grade.D)
    assert (announced.rule, announced.grade) == ("S7", Grade.B)
    assert untold == {}
    assert [(found["grade"], found["evidence"]) for found in shown] == [("B", []), ("B", []), ("D", [UNHEARD])]
