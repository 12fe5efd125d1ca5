"""SIGTERM, by which workers and service managers end a run: sites stop between two steps, and the report is written."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def draining(interrupt: Callable[[], None]) -> Iterator[None]:
    """Call `interrupt` on SIGTERM while the context is open, in place of Prefect's own handler, which breaks off.

    Without signals, on Windows or outside the main thread, the run is broken off as before.
    """
    before = signal.getsignal(signal.SIGTERM)
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGTERM, interrupt)
    except (NotImplementedError, RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
