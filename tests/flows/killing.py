"""A deploy in a process of its own, which kills itself at a given instant as nothing else could stop it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping

from arcfleet.core.planning.plan import Step


class Killer:
    """A watcher that ends its process: as a step begins, while one waits, or as the site ends.

    Args:
        instant: `begin`, `waiting` or `end`.
        step: The step that is meant; none for `end`.
    """

    def __init__(self, instant: str, step: Step | None) -> None:
        self._instant = (instant, step)
        self._step: Step | None = None

    def begin(self, _site, step):
        self._step = step
        self._at("begin", step)

    def waiting(self, _site, _finding):
        self._at("waiting", self._step)

    def end(self, _outcome):
        self._at("end", None)

    def start(self, sites, run, throttled):
        pass

    def wave(self, progress):
        pass

    def finish(self, report):
        pass

    def _at(self, instant: str, step: Step | None) -> None:
        if (instant, step) == self._instant:
            os.kill(os.getpid(), signal.SIGKILL)


def deploy(path: str, environment: Mapping[str, str], instant: str, step: Step | None) -> None:
    """Deploy a fleet until the instant comes."""
    os.environ.update(environment)
    from flows.deploy_fleet import deploy_fleet  # noqa: PLC0415 - in the process that it is for
    from tasks import runtime  # noqa: PLC0415

    runtime.watcher.set(Killer(instant, step))
    asyncio.run(deploy_fleet(path, return_state=True))
