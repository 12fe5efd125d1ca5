"""Prefect's server, where it does not answer: its client's errors become ours here, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.exceptions import PrefectException

from arcfleet.core.reasons import Reason
from arcfleet.errors import TransientError


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise our error where the Prefect server does not answer about `what`."""
    try:
        yield
    except (httpx.HTTPError, PrefectException) as error:
        raise TransientError(
            Reason.UNREACHABLE, f"{what}: the Prefect server does not answer ({type(error).__name__})"
        ) from None
