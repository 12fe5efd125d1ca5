"""The command line. Prefect is imported only by the commands that run flows, so the others answer at once."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number
from pydantic import ValidationError

from arcfleet import __version__, fleetfile
from arcfleet.app import audit as auditing
from arcfleet.app import explain as explaining
from arcfleet.app import loading, rehearsal, runs, serving, status, steering, tables, watching
from arcfleet.app import plan as planning
from arcfleet.app import validate as validating
from arcfleet.app.live import print_report
from arcfleet.app.parameters import FleetPath, Json, Labels, Names, Simulator, Wait, Width
from arcfleet.app.removal import remove
from arcfleet.app.server import prefect_server
from arcfleet.app.tables import print_json
from arcfleet.core.auditing import fleet_audit
from arcfleet.core.counts import some
from arcfleet.core.fleet import json_schema
from arcfleet.core.planning import fleet_plan
from arcfleet.errors import FleetError, ManifestError

app = App(
    name="arcfleet",
    version=__version__,
    suppress_keyboard_interrupt=False,  # main tells what a stop means.
    help="Put Azure's connected registry on a fleet of Arc-enabled Kubernetes clusters, and keep it there.",
)
app.command(remove)


@app.command
def deploy(
    fleet: FleetPath,
    *,
    site: Names = None,
    label: Labels = None,
    max_concurrency: Width = None,
    wait: Wait = False,
    simulator: Simulator = None,
    json_output: Json = False,
) -> int:
    """Deploy a fleet: bring every site to what its file says. A second run on a healthy fleet changes nothing.

    Exit codes: 0 all sites are as they should be; 1 bad input, nothing was sent; 3 a site failed; 4 a site was left
    out, because its cluster is out of contact; 5 stopped by failures or an unanswered gate; 6 rejected at a gate;
    7 aborted.
    """
    console = tables.console_of(stderr=json_output)
    loaded = loading.load(fleet, site, label, simulator)
    report = runs.run(console, fleet, loaded, runs.deploy_fleet, max_concurrency=max_concurrency, wait=wait)
    return runs.show(console, report, json_output=json_output)


@app.command
def rotate(
    fleet: FleetPath,
    *,
    site: Names = None,
    label: Labels = None,
    now: Annotated[bool, Parameter(help="Rotate whatever the passwords' age.", negative="")] = False,
    restart_pods: Annotated[bool, Parameter(help="Restart pods whose pull secret changed.", negative="")] = False,
    max_failures: Annotated[
        int | None, Parameter(help="Stop after more failures than this.", validator=Number(gte=0))
    ] = None,
    wait: Wait = False,
    simulator: Simulator = None,
    json_output: Json = False,
) -> int:
    """Rotate the sync and pull passwords that are due, and end those that were replaced long enough ago.

    A new password goes into the idle slot and is seen to work before the old one ends. One site more than may fail is
    worked on at once; without waves in the fleet file and without --max-failures, no site may.

    Exit codes: as those of deploy.
    """
    console = tables.console_of(stderr=json_output)
    loaded = loading.load(fleet, site, label, simulator)
    options = {"now": now, "restart_pods": restart_pods, "max_failures": max_failures, "wait": wait}
    report = runs.run(console, fleet, loaded, runs.rotate_credentials, **options)
    return runs.show(console, report, json_output=json_output)


@app.command(name="plan")
def plan_command(
    fleet: FleetPath,
    *,
    site: Names = None,
    label: Labels = None,
    calls: Annotated[bool, Parameter(help="Print every write that would be made.", negative="")] = False,
    simulator: Simulator = None,
    json_output: Json = False,
) -> int:
    """Show what a deploy would do now, and what stands in its way. Changes nothing.

    Exit codes: 0 nothing to do; 2 there are changes; 1 bad input, or a site is blocked and nothing else is to do.
    """
    console = tables.console_of()
    loaded = loading.load(fleet, site, label, simulator)
    made = asyncio.run(loading.read(planning.make, loaded))
    print_json(fleet_plan.to_json(made)) if json_output else planning.print_plan(console, made, calls=calls)
    return planning.exit_code(made)


@app.command(name="status")
def status_command(
    fleet: FleetPath,
    *,
    site: Names = None,
    label: Labels = None,
    watch: Annotated[bool, Parameter(help="Look again and again, until stopped with Ctrl-C.", negative="")] = False,
    interval: Annotated[float, Parameter(help="Seconds between looks.", validator=Number(gte=1))] = 15,
    simulator: Simulator = None,
    json_output: Json = False,
) -> int:
    """Show how a fleet stands, with the tables of `az acr connected-registry list` and `show`. Changes nothing.

    With --site, every part of that site too: Arc, extension, connected registry, images, workloads.

    Exit codes: 0 every site is healthy, or a watch was stopped; 1 bad input; 3 one is not healthy.
    """
    console = tables.console_of()
    loaded = loading.load(fleet, site, label, simulator)

    def show(found: status.FleetStatus) -> None:
        print_json(status.to_json(found)) if json_output else tables.print_status(console, found, chains=bool(site))

    if watch:
        with contextlib.suppress(KeyboardInterrupt):
            # Each look is one of its own: nothing that an earlier one was told is used again.
            look = partial(loading.read, status.read, loaded)
            asyncio.run(watching.watch(console, look, show, interval, lines=json_output))
        return 0
    found = asyncio.run(loading.read(status.read, loaded))
    show(found)
    return 3 if any(item.finding for item in found.sites) else 0


@app.command(name="audit")
def audit_command(
    fleet: FleetPath,
    *,
    site: Names = None,
    label: Labels = None,
    repair: Annotated[bool, Parameter(help="Deploy the sites that differ, and look again.", negative="")] = False,
    simulator: Simulator = None,
    json_output: Json = False,
) -> int:
    """Show what was changed behind our back: what, since when, by whom; and what can't be compared.

    Changes nothing, unless with --repair: that deploys the sites that differ, and takes back the fields of workloads
    that were ours.

    Exit codes: 0 nothing differs; 2 something does (with --repair: still); 1 bad input, or a site could not be audited.
    """
    console = tables.console_of(stderr=json_output)
    loaded = loading.load(fleet, site, label, simulator)
    found = asyncio.run(loading.read(auditing.make, loaded))
    if repair and found.repairable:
        auditing.print_audit(console, found)
        differing = loaded.choose(found.repairable, {})
        print_report(console, runs.run(console, fleet, differing, runs.audit_fleet, policy="repair"))
        found = asyncio.run(loading.read(auditing.make, loaded))
    print_json(fleet_audit.to_json(found)) if json_output else auditing.print_audit(console, found)
    if found.repairable and not repair:
        console.print(
            f"to put it right: arcfleet audit {shlex.quote(str(fleet))} --repair", markup=False, soft_wrap=True
        )
    return auditing.exit_code(found)


@app.command
def validate(fleet: FleetPath, *, json_output: Json = False) -> int:
    """Check a fleet's files and say in short what they hold. Sends nothing.

    Exit codes: 0 the fleet is valid; 1 it is not: every problem is listed with its place.
    """
    if not json_output:
        validating.print_summary(tables.console_of(), validating.summary_of(fleet))
        return 0
    try:
        print_json(validating.summary_of(fleet))
    except ManifestError as error:
        print_json(validating.problems_of(error))
        return 1
    return 0


@app.command
def explain(
    fleet: FleetPath,
    site: Annotated[str, Parameter(name="SITE", help="The site's name.")],
    *,
    simulator: Simulator = None,
    json_output: Json = False,
) -> int:
    """Show every effective value of a site, and the line that it comes from.

    Azure is asked only where the fleet lists its sites by sitesFrom.
    """
    name, values = explaining.values_of(fleet, site, simulator)
    if json_output:
        print_json(explaining.to_json(name, site, values))
    else:
        explaining.print_values(tables.console_of(), values)
    return 0


@app.command
def schema() -> int:
    """Print the fleet file's JSON Schema, for editors."""
    print_json(json_schema.schema())
    return 0


@app.command
def simulate(
    fleet: Annotated[Path | None, Parameter(name="FLEET", help="Make everything that this fleet refers to.")] = None,
    *,
    port: Annotated[int, Parameter(help="Port on 127.0.0.1; a free one where 0.")] = 0,
    tls: Annotated[bool, Parameter(help="Speak https, with a CA of its own making.", negative="")] = False,
    speed: Annotated[float, Parameter(help="Seconds of the simulated world per real second.")] = 1.0,
) -> int:
    """Run the simulator until it is stopped. Prints one JSON line with its addresses, its kubeconfig and its CA."""
    world = rehearsal.world_of(fleetfile.load(fleet)) if fleet else {}
    with rehearsal.running(world, port=port, speed=speed, tls=tls) as running, contextlib.suppress(KeyboardInterrupt):
        print_json(dict(running.addresses), indent=None)
        running.wait()
    return 0


for function in (serving.ui, serving.up, serving.bridge, serving.automations):
    app.command(function)
for name, command in steering.COMMANDS.items():
    app.command(command, name=name)


def main() -> None:
    """Run the command line; bad input ends with exit code 1 and a list of problems."""
    errors = tables.console_of(stderr=True)
    try:
        code = app(result_action="return_value")
    except ManifestError as error:
        for problem in error.problems:
            errors.print(problem, markup=False, soft_wrap=True)
        if error.more:
            errors.print(f"… and at least {error.more:,} more")
        count = len(error.problems) + error.more
        errors.print(f"{some(count, 'problem')}; nothing was sent", style="bold")
        code = 1
    except FleetError as error:
        errors.print(error.message, *filter(None, [error.remedy]), sep="\n", markup=False, soft_wrap=True)
        code = 1
    except KeyboardInterrupt:
        errors.print("stopped; what Azure had begun goes on, and the next run continues from there", style="bold")
        code = 130
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            errors.print(f"settings: {detail['msg'].removeprefix('Value error, ')}", markup=False, soft_wrap=True)
        code = 1
    prefect_server.leave(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
