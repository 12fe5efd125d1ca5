"""The commands that run until they are stopped, and those that speak to Prefect alone: ui, up, bridge, automations."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from arcfleet.app import loading, tables
from arcfleet.app import up as upping
from arcfleet.app.parameters import FleetPath, Json, Simulator
from arcfleet.app.server import prefect_server
from arcfleet.app.tables import print_json
from arcfleet.settings import Settings


def ui(*, port: Annotated[int, Parameter(help="Port on 127.0.0.1.")] = 4200) -> int:
    """Run Prefect's server and its UI with arcfleet's own data, until it is stopped.

    Where a command has started the server already, that one is used, whatever its port.
    """
    # This server is the one that the variable may name already.
    os.environ.pop("PREFECT_API_URL", None)
    console = tables.console_of()
    with prefect_server.available(Settings().home, port=port) as server, contextlib.suppress(KeyboardInterrupt):
        server.wait_ready()
        console.print(f"Prefect's UI: {server.url.removesuffix('/api')}")
        console.print("The runs of arcfleet show up in it. Stop it with Ctrl-C; a run that is under way keeps it.")
        server.wait_ended()
    return 0


def up(
    fleet: FleetPath,
    *,
    rehearse: Annotated[
        bool, Parameter(help="Against a simulator of its own, with everything that the fleet refers to.", negative="")
    ] = False,
    speed: Annotated[float, Parameter(help="With --rehearse: seconds of its world per real second.")] = 60.0,
    port: Annotated[int, Parameter(help="Port of the UI on 127.0.0.1.")] = 4200,
    simulator: Simulator = None,
) -> int:
    """Run all that a fleet needs for runs from Prefect's UI, on this machine: server, worker, deployments, automations.

    Against Azure, a simulator that runs already, or one of its own. Ctrl-C ends all of it.
    """
    return upping.main(tables.console_of(), upping.Options(fleet, port, simulator, rehearse, speed))


automations = App(name="automations", help="Prefect automations that are kept as files.")


@automations.command(name="apply")
def apply_automations(
    *paths: Annotated[Path, Parameter(name="FILE", help="Files, or folders of *.yaml; deployments/automations.")],
    json_output: Json = False,
) -> int:
    """Bring automations to the Prefect server, by their names. A second time changes nothing.

    Exit codes: 0 they are there; 1 bad input, nothing was changed.
    """
    with prefect_server.existing(Settings().home):
        # Prefect must find its environment, so that it is imported only now.
        from arcfleet.app import automations as files  # noqa: PLC0415

        found = asyncio.run(files.apply(files.read(paths or (Path("deployments/automations"),))))
    if json_output:
        print_json(dict(found))
    else:
        files.print_changes(tables.console_of(), found)
    return 0


def bridge(
    fleet: FleetPath,
    *,
    secret: Annotated[
        list[str] | None,
        Parameter(help="Where senders' secret is: env:NAME, file:PATH or block:NAME; two in a rotation.", negative=""),
    ] = None,
    listen: Annotated[str, Parameter(help="Address to listen at; beyond loopback only behind a proxy with TLS.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, Parameter(help="Port to listen at.")] = 8484,
    quiet: Annotated[float, Parameter(help="Seconds without a push until a run.", validator=Number(gte=0))] = 5,
    longest: Annotated[float, Parameter(help="Seconds until a run, if it is never quiet.", validator=Number(gte=0))] = (
        60
    ),
    entra_tenant: Annotated[
        str | None, Parameter(help="Believe Event Grid's tokens of this tenant, by its id.")
    ] = None,
    entra_audience: Annotated[
        str | None, Parameter(help="Application, by id or URI, that the event subscription asks its tokens for.")
    ] = None,
    entra_authority: Annotated[str | None, Parameter(help="Address that signs in; that of ARCFLEET_CLOUD.")] = None,
    simulator: Simulator = None,
) -> int:
    """Receive notifications of pushes, from webhooks and Event Grid, and have redeploy-on-push run for them.

    Runs until it is stopped. Where neither --secret nor --entra-tenant is given, senders' secret is that of the
    environment variable ARCFLEET_BRIDGE_SECRET.
    """
    loading.use_simulator(simulator)
    home = Settings().home
    with prefect_server.existing(home) as server:
        # As in apply_automations.
        from arcfleet.app.bridging import bridge_command  # noqa: PLC0415

        trust = bridge_command.trusted(entra_tenant, entra_audience, entra_authority)
        sources = tuple(secret or (() if trust else (bridge_command.DEFAULT_SOURCE,)))
        options = bridge_command.Options(fleet, sources, listen, port, quiet, longest, home / "bridge.db", trust)
        return bridge_command.main(tables.console_of(stderr=True), options, server)
