"""The parameters that flows share, as the form of the Prefect UI shows them: title, example, bounds.

Each one's help is the docstring of its flow. The title goes in as `json_schema_extra`, since Prefect sets every field's
own title to the parameter's name. Defaults are plain: the form shows none that a factory would make.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

FleetFile = Annotated[
    str, Field(min_length=1, examples=["/srv/fleets/plants-eu.yaml"], json_schema_extra={"title": "Fleet file"})
]
SiteName = Annotated[str, Field(min_length=1, examples=["berlin-1"], json_schema_extra={"title": "Site"})]
SiteNames = Annotated[
    Sequence[Annotated[str, Field(min_length=1)]],
    Field(examples=[["berlin-1", "lyon"]], json_schema_extra={"title": "Sites"}),
]
Labels = Annotated[dict[str, str] | None, Field(examples=[{"ring": "canary"}], json_schema_extra={"title": "Labels"})]
Width = Annotated[int | None, Field(ge=1, json_schema_extra={"title": "Sites at once"})]
MaxFailures = Annotated[int | None, Field(ge=0, json_schema_extra={"title": "Failures allowed"})]
Wait = Annotated[bool, Field(json_schema_extra={"title": "Wait for another run"})]
