"""The parameters that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

FleetPath = Annotated[
    Path, Parameter(name="FLEET", help="The fleet file, or a folder whose *.yaml files are one fleet.")
]
FleetOrName = Annotated[
    Path, Parameter(name="FLEET", help="The fleet file or folder, or the fleet's name where there is no such file.")
]
Names = Annotated[list[str] | None, Parameter(name="--site", help="Only this site; may be repeated.", negative="")]
Labels = Annotated[
    list[str] | None, Parameter(name="--label", help="Only sites with this label, key=value.", negative="")
]
Json = Annotated[bool, Parameter(name="--json", help="Print JSON instead of tables.", negative="")]
Width = Annotated[int | None, Parameter(help="How many sites at once.", validator=Number(gte=1))]
Wait = Annotated[bool, Parameter(help="Queue behind another run of the fleet, in place of being refused.", negative="")]
Simulator = Annotated[
    str | None,
    Parameter(name="--simulator", env_var="ARCFLEET_SIMULATOR", help="Rehearse against the simulator at this address."),
]
