"""Prefect's Variables through our own client: outside a run, Prefect's `Variable` opens one and never closes it."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError

TAGS = ["arcfleet"]


async def read(client: PrefectClient, name: str) -> Any:
    """Return a Variable's value; None where there is none."""
    found = await client.read_variable_by_name(name)
    return found.value if found else None


async def write(client: PrefectClient, name: str, value: Any) -> None:
    """Change a Variable's value, or make it. One that has come to be meanwhile is changed."""
    change = VariableUpdate(name=name, value=value)
    try:
        await client.update_variable(change)
    except PrefectHTTPStatusError as error:
        if not is_missing(error):
            raise
    else:
        return
    try:
        await client.create_variable(VariableCreate(name=name, value=value, tags=TAGS))
    except ObjectAlreadyExists:
        await client.update_variable(change)


def is_missing(error: PrefectHTTPStatusError) -> bool:
    """Tell whether the server says that there is no such Variable."""
    return error.response.status_code == HTTPStatus.NOT_FOUND


async def delete(client: PrefectClient, name: str) -> None:
    """Delete a Variable, if there is one."""
    with contextlib.suppress(ObjectNotFound):
        await client.delete_variable_by_name(name)
