"""What a run's log says of an error of arcfleet's own: its words and what to do. A traceback is for defects."""

from __future__ import annotations

import logging

from arcfleet.errors import FleetError, ManifestError


def in_words(record: logging.LogRecord) -> bool:
    """Put an expected error's words in place of its traceback; a filter of loggers, which lets everything through."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, FleetError | ManifestError):
        lines = filter(None, (error.message, error.remedy)) if isinstance(error, FleetError) else (str(error),)
        record.msg, record.args, record.exc_info = "\n".join(lines), None, None
    return True


def install() -> None:
    """Have Prefect's log of flow runs say expected errors in words. Again changes nothing."""
    logging.getLogger("prefect.flow_runs").addFilter(in_words)
