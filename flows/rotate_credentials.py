"""rotate_credentials: new passwords for the sites of a fleet, without cutting one off."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from flows import fleet_run, rotation
from flows.parameters import FleetFile, Labels, MaxFailures, SiteNames, Wait


@flow(name="rotate-credentials", flow_run_name=fleet_run.name, persist_result=False)
async def rotate_credentials(
    fleet: FleetFile,
    sites: SiteNames = (),
    labels: Labels = None,
    *,
    now: Annotated[bool, Field(json_schema_extra={"title": "Rotate now"})] = False,
    restart_pods: Annotated[bool, Field(json_schema_extra={"title": "Restart pods"})] = False,
    max_failures: MaxFailures = None,
    wait: Wait = False,
) -> State[Any]:
    """Rotate the passwords that are due, and end those that were replaced long enough ago.

    A new sync password goes into the idle slot, the extension is given it, and the registry must be seen in contact
    with it; the old one holds until then and for `credentials.retireAfter` longer, and stays where the proof fails.
    Then the client token's, into the site's pull secrets, likewise.

    Args:
        fleet: Path of the fleet file, as the process that runs this sees it.
        sites: Names of the sites; all of the file where none is given.
        labels: Only sites that carry all of these labels.
        now: Rotate whatever the passwords' age.
        restart_pods: Replace the pods whose pull secret was changed; without it they meet it at their next pull.
        max_failures: Stop starting sites after more failures than this; so many and one are worked on at once. What the
            file says of each wave where not given, and 0 where it says nothing.
        wait: Where another run works on the fleet, wait for its end; else this run is refused.
    """
    way = partial(rotation.rotate, asked=now, restart=restart_pods)
    return await fleet_run.run(
        fleet, sites, labels or {}, None, way=way, max_failures=max_failures, careful=True, queue=wait
    )
