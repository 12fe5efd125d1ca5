"""remove_fleet: take arcfleet's work away again, children before their parents."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from arcfleet.core.removing.removals import Asked
from flows import fleet_run, removal
from flows.parameters import FleetFile, Labels, SiteNames, Wait, Width
from tasks.removal import confirm_removal


@flow(name="remove-fleet", flow_run_name=fleet_run.name, persist_result=False)
async def remove_fleet(
    fleet: FleetFile,
    confirm: Annotated[str, Field(min_length=1, json_schema_extra={"title": "Name of the fleet, to confirm"})],
    sites: SiteNames = (),
    labels: Labels = None,
    *,
    workloads: Annotated[bool, Field(json_schema_extra={"title": "Workloads too"})] = False,
    connected_registry: Annotated[bool, Field(json_schema_extra={"title": "Connected registries too"})] = False,
    abandon_offline: Annotated[bool, Field(json_schema_extra={"title": "Abandon clusters out of contact"})] = False,
    max_concurrency: Width = None,
    wait: Wait = False,
) -> State[Any]:
    """Remove sites of a fleet: the extension, and with `ensure` what was made for the site in its cloud registry.

    What is gone already is passed over, so a run that was stopped is continued by the next one.

    Args:
        fleet: Path of the fleet file, as the process that runs this sees it.
        confirm: The fleet's name (metadata.name), else nothing is removed.
        sites: Names of the sites; all of the file where none is given.
        labels: Only sites that carry all of these labels.
        workloads: What arcfleet applied in the clusters too, and its logins in pull secrets.
        connected_registry: The connected registries of sites without `ensure` too.
        abandon_offline: Let Azure forget the extensions on clusters that are out of contact.
        max_concurrency: How many sites at once; what the file says of each wave where not given.
        wait: Where another run works on the fleet, wait for its end; else this run is refused.
    """
    await confirm_removal(fleet, confirm)
    asked = Asked(workloads, connected_registry, abandon_offline)
    return await fleet_run.run(
        fleet,
        sites,
        labels or {},
        max_concurrency,
        way=partial(removal.remove, asked=asked),
        reverse=True,
        queue=wait,
        command=f"remove {asked.options}",
    )
