"""`arcfleet up`: Prefect's server with its UI, a worker and the deployments of one fleet, on this machine.

All that it starts is tied to it: it ends with the command, also when that is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from arcfleet import fleetfile
from arcfleet.app import loading, rehearsal
from arcfleet.app.server import keeper, prefect_env, prefect_server, tied
from arcfleet.app.server.prefect_server import PrefectServer
from arcfleet.app.server.processes import APART
from arcfleet.core.counts import some
from arcfleet.core.fleet.manifest import Fleet
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from arcfleet.settings import Settings

PROJECT = Path(__file__).parents[2]
POOL = "fleet"
AUTOMATIONS = ("image-pushed.yaml", "run-lost.yaml")
"""Those of deployments/automations that need no notification block, which is the operator's to make."""
SHOWN = {
    "deploy-fleet": "deploy the fleet",
    "deploy-site": "deploy one site",
    "plan-fleet": "plan it, read-only",
    "audit-fleet": "what was changed",
    "rotate-credentials": "rotate passwords",
}
"""Deployments whose form is linked: what each is for."""
WATCH = 0.5
"""Seconds between two looks whether what was started still runs."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    fleet: Path
    port: int
    simulator: str | None
    rehearse: bool
    speed: float


def main(console: Console, options: Options) -> int:
    """Run everything until it is stopped with Ctrl-C, which is a success, or until a part of it ends by itself.

    Raises:
        ManifestError: The fleet, or the simulator's address, can't be used.
        PermanentError: A part does not start, for example since the port is taken.
    """
    fleet = fleetfile.load(options.fleet)
    with contextlib.ExitStack() as stack:
        if options.rehearse:
            running = stack.enter_context(rehearsal.running(rehearsal.world_of(fleet), speed=options.speed))
            rehearsal.enter(running.addresses)
        else:
            loading.use_simulator(options.simulator)
        home = Settings().home
        # The server that the variable names is another one, or this one when it ran before.
        os.environ.pop("PREFECT_API_URL", None)
        began = time.monotonic()
        server = stack.enter_context(prefect_server.available(home, port=options.port))
        server.wait_ready()
        _told(console, "Prefect's server", time.monotonic() - began)
        _told(console, "deployments", _deploy(options.fleet))
        ids = asyncio.run(_prepared())
        worker = stack.enter_context(_worker(home))
        console.print(_welcome(fleet, ids, server.url.removesuffix("/api"), home), soft_wrap=True)
        return _watched(console, server, worker)


@contextlib.contextmanager
def _worker(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have a worker of the pool, tied to this process, while the context is open."""
    environment = {**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "2", "ARCFLEET_PROJECT": str(PROJECT)}
    command = ("worker", "start", "--pool", POOL, "--type", "process", "--name", f"up-{os.getpid()}")
    with _log_of(home).open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "arcfleet.app.server.tied", "prefect", *command],
            stdin=subprocess.PIPE, stdout=sink, stderr=sink, env=environment, **APART,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait(timeout=tied.GRACE + 10)


def _deploy(fleet: Path) -> float:
    """Bring the work pool and the deployments of prefect.yaml to the server; return the seconds that it took."""
    began = time.monotonic()
    environment = {**os.environ, "ARCFLEET_PROJECT": str(PROJECT), "ARCFLEET_FLEET": str(fleet.resolve())}
    for command in (
        ("work-pool", "create", POOL, "--type", "process", "--overwrite"),
        ("--no-prompt", "deploy", "--all"),
    ):
        done = subprocess.run(  # noqa: S603 - as above
            [sys.executable, "-m", "prefect", *command],
            cwd=PROJECT, env=environment, check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            # Prefect's last line says only that there was an exception.
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-2:]
            message = f"prefect {' '.join(command)}: {' '.join(said)}"
            raise PermanentError(Reason.INTERNAL, message, f"see {PROJECT}/prefect.yaml")
    return time.monotonic() - began


async def _prepared() -> Mapping[str, str]:
    """Apply the automations, and return the ids of the deployments that people start."""
    # Prefect reads its settings when it is imported, so not before there is a server.
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    from arcfleet.app import automations  # noqa: PLC0415

    folder = PROJECT / "deployments" / "automations"
    await automations.apply(automations.read([folder / name for name in AUTOMATIONS]))
    async with get_client() as client:
        return {name: str((await client.read_deployment_by_name(f"{name}/{name}")).id) for name in SHOWN}


def _watched(console: Console, server: PrefectServer, worker: subprocess.Popen[bytes]) -> int:
    """Return when Ctrl-C was pressed, or a part has ended by itself."""
    try:
        while True:
            if worker.poll() is not None:
                return _ended(console, "the worker", _log_of(Settings().home))
            if server.tie and keeper.has_ended(server.tie, WATCH):
                return _ended(console, "Prefect's server", server.log)
    except KeyboardInterrupt:
        console.print("\nending; a run under way is told to stop, and the next one continues from there")
        return 0


def _ended(console: Console, what: str, log: Path | None) -> int:
    console.print(f"{what} has ended by itself; its own words: {log}", style="bold red")
    return 1


def _log_of(home: Path) -> Path:
    return prefect_env.home_of(home) / "worker.log"


def _told(console: Console, what: str, seconds: float) -> None:
    console.print(Text(f"{what:<18} ready after {seconds:.0f} s", "dim"))


def _welcome(fleet: Fleet, ids: Mapping[str, str], address: str, home: Path) -> Text:
    """Return what is up, and where to click."""
    settings = Settings()
    rehearsed = f"rehearsed against a simulator, {settings.time_scale:g} times faster"
    against = rehearsed if settings.credential == "none" else "on Azure, for real"
    links = {SHOWN[name]: f"{address}/deployments/deployment/{found}/run" for name, found in ids.items()}
    links |= {"watch the runs": f"{address}/runs", "read the reports": f"{address}/artifacts"}
    rows = [f"  {what:<20}{link}" for what, link in links.items()]
    return Text("\n".join((
        "", f"fleet {fleet.name} · {some(len(fleet.sites), 'site')} · {against}", "", *rows, "",
        "Schedules are off: switch one on at its deployment's page.",
        f"Ctrl-C ends it all. The worker's log: {_log_of(home)}",
    )))  # fmt: skip
