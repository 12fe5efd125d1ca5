"""remove_fleet: take arcfleet's work away again, children before their parents."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from arcfleet.core.removals import Asked
from flows import fleet_run, removal
from tasks.removal import confirm_removal


@flow(name="remove-fleet", flow_run_name=fleet_run.name, persist_result=False)
async def remove_fleet(
    fleet: str,
    confirm: str,
    sites: list[str] | None = None,
    labels: dict[str, str] | None = None,
    *,
    workloads: bool = False,
    connected_registry: bool = False,
    abandon_offline: bool = False,
    max_concurrency: Annotated[int, Field(ge=1)] | None = None,
    wait: bool = False,
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
        sites or (),
        labels or {},
        max_concurrency,
        way=partial(removal.remove, asked=asked),
        reverse=True,
        queue=wait,
        command=f"remove {asked.options}",
    )
