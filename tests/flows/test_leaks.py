"""Stories of the command line as an operator runs it, on Prefect's own database: no password is left anywhere.

A run is killed in the middle of an installation; the next one goes on from there and meets a refused pull secret, a
lost answer to generateCredentials, a failed installation and a defect of ours. A second story rotates, repairs, hears
of pushes, and removes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from databases import Database, free_port, lacking, postgresql
from leaks import Watch, files_below, hits

from simulator import Simulator
from tests.conftest import fleet_of, fleet_text
from tests.flows.audit_world import Behind

TEXT = fleet_text(3)
LIBRARIES = "azure,kubernetes,client,aiohttp,httpx,httpcore,asyncio,arcfleet"
LOUD = {
    "PREFECT_LOGGING_LEVEL": "DEBUG",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "DEBUG",
    "PREFECT_SERVER_LOGGING_LEVEL": "DEBUG",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "DEBUG",
    "PREFECT_LOGGING_EXTRA_LOGGERS": LIBRARIES,
}
CREDENTIAL = "azure-client-secret-0123456789-abcdefghijklmnopqrstuvwxyz"
DEFECTIVE = """
import runpy
from arcfleet.steps import extension

install = extension.install

async def defective(gateways, site, facts, credential, on_change):
    revealed = credential.connection_string.reveal()
    if site.name == "s3":
        raise ZeroDivisionError(f"a defect of ours at {site.name}, with {len(revealed)} characters in its frame")
    return await install(gateways, site, facts, credential, on_change)

extension.install = defective
runpy.run_module("arcfleet.app.cli", run_name="__main__")
"""
"""The command line with a step that fails as none is meant to, while a password is in a local variable."""


@dataclass
class Operator:
    """Somebody at a terminal: an arcfleet home, a folder of temporary files, and what the commands have printed."""

    folder: Path
    environment: dict[str, str]
    printed: int = 0

    @property
    def home(self) -> Path:
        """arcfleet's home."""
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        """Where temporary files go."""
        return self.folder / "temporary"

    @contextlib.contextmanager
    def running(self, *arguments: str, program: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """Run the command line; its output goes to a file."""
        code = ["-c", program] if program else ["-m", "arcfleet.app.cli"]
        self.printed += 1
        with (self.folder / f"printed-{self.printed}").open("wb") as sink:
            command = [sys.executable, *code, *arguments]
            with subprocess.Popen(command, env=self.environment, stdout=sink, stderr=sink) as process:
                try:
                    yield process
                finally:
                    process.kill()

    def run(self, *arguments: str, program: str | None = None) -> int:
        """Run the command line to its end and return its exit code."""
        with self.running(*arguments, program=program) as process:
            return process.wait(timeout=120)


@pytest.fixture
def database() -> Iterator[Database]:
    """The database of Prefect's server: PostgreSQL where it is installed, else SQLite, which test_secrets has too."""
    with contextlib.nullcontext(Database()) if lacking() else postgresql() as found:
        yield found


@pytest.fixture
def operator(tmp_path: Path, database: Database) -> Operator:
    """An operator whose Prefect uses the database, and logs everything."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ARCFLEET_", "PREFECT_"))}
    places = {"ARCFLEET_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary")}
    # Unused in a rehearsal; where it goes all the same is what is tested.
    places["AZURE_CLIENT_SECRET"] = CREDENTIAL
    (tmp_path / "temporary").mkdir()
    (tmp_path / "fleet.yaml").write_text(TEXT)
    return Operator(tmp_path, {**kept, **places, **LOUD, **database.environment, "COLUMNS": "200"})


def until(condition, what: str) -> None:
    """Wait for something that happens soon."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def installing(sim: Simulator) -> int:
    """Return for how many sites an installation was begun."""
    return sum(entry["method"] == "PUT" and "/extensions/" in entry["path"] for entry in sim.audit())


def killed(operator: Operator, sim: Simulator, watch: Watch) -> dict[str, bytes]:
    """Deploy a site, and kill the run while the extension is being installed; return its processes before that."""
    with operator.running(*deployment(operator, sim, "--site", "s1")) as process:
        until(lambda: installing(sim), "the installation did not begin")
        found = watch.processes()
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
    until(lambda: not watch.processes(), "Prefect's server outlived its parent")
    return found


def deployment(operator: Operator, sim: Simulator, *more: str) -> list[str]:
    """Return the arguments of a deploy."""
    return command("deploy", operator, sim, *more)


def command(name: str, operator: Operator, sim: Simulator, *more: str) -> list[str]:
    """Return the arguments of a command."""
    return [name, str(operator.folder / "fleet.yaml"), "--simulator", sim.url, *more]


def troubles(sim: Simulator) -> None:
    """Have the next run meet a lost answer, a failed installation and a refused pull secret."""
    sim.fault({"path": "generateCredentials", "times": 1, "effect": {"resetAfter": True}})
    failure = {"cluster": "k-s2", "code": "InstallationFailed", "message": "it did not work"}
    sim.fault({"effect": {"extensionFails": failure}})
    # Not the dry run, after which nothing would be minted.
    refused = {"status": 422, "body": {"kind": "Status", "code": 422, "message": "the secret is not taken"}}
    sim.fault({"path": r"/kube/k-s1/.*/secrets\?(?!.*dryRun)", "method": "POST", "times": 1, "effect": refused})


def test_stories_of_the_command_line_leave_no_password_anywhere(simulate, operator, database):
    sim = simulate(fleet_of(TEXT), speed=300, extensionInstall=600)
    before = set(sim.secrets())
    with Watch(operator.home, operator.temporary) as watch:
        running = killed(operator, sim, watch)
        troubles(sim)
        code = operator.run(*deployment(operator, sim), program=DEFECTIVE)

    assert code == 3
    places = {**files_below(operator.folder), **watch.seen, **database.dump()}
    passwords = set(sim.secrets()) - before
    assert hits(places, passwords) == set()
    # Azure's credential stays in the environment of the command that it was given to; the server has none of it.
    (holder,) = hits(running, [CREDENTIAL])
    assert b"arcfleet.app.cli" in running[holder.replace("environ", "cmdline")]
    assert all(name.endswith("/environ") for name in hits(places, [CREDENTIAL]))
    # That is worth something only if all of it happened, and if it was looked at.
    assert len(passwords) >= 5  # Of the sync tokens, one of them twice, and of s1's client token.
    printed = places[str(operator.folder / "printed-2")].decode()
    for said in ("a defect of ours at s3", "Traceback", "it did not work", "the secret is not taken", "DEBUG"):
        assert said in printed
    rows = b"\n".join(content for name, content in places.items() if name.endswith("rows") or name == "pg_dump")
    for kept in (b"ZeroDivisionError", b"it did not work", b"install extension", b"prefect.task-run.Completed"):
        assert kept in rows
    assert b"arcfleet.app.server.prefect_server" in b"".join(running.values())


SHARED = "the-bridge-s-shared-secret/0123456789+abcdefghijklmnopqrstuvwxyz"
DAY = 86_400


@contextlib.contextmanager
def listening(operator: Operator, sim: Simulator, secret: Path) -> Iterator[str]:
    """Run Prefect's server and the bridge, and yield the bridge's address."""
    with operator.running("ui"):
        # The file with its address may be the last one's still.
        shown = operator.folder / f"printed-{operator.printed}"
        until(lambda: b"Ctrl-C" in shown.read_bytes(), "no server came up")
        port = free_port()
        with operator.running(*command("bridge", operator, sim, "--secret", f"file:{secret}", "--port", str(port))):
            url = f"http://127.0.0.1:{port}"
            until(lambda: _answers(f"{url}/health"), "the bridge did not come up")
            yield url


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url, trust_env=False).status_code == httpx.codes.OK
    return False


def told(url: str) -> list[int]:
    """Tell the bridge of a push with its secret, in a header and in the address, and with another one."""
    target = {"repository": "app/web", "tag": "stable", "digest": f"sha256:{'ab' * 32}"}
    push = {"action": "push", "id": "1", "target": target, "request": {"host": "acreu1.azurecr.io"}}
    ways = ({"headers": {"X-Arcfleet-Secret": SHARED}}, {"params": {"code": SHARED}}, {"params": {"code": SHARED[1:]}})
    return [httpx.post(f"{url}/push", json=push, trust_env=False, **way).status_code for way in ways]


@pytest.mark.stories
def test_a_rotation_a_repair_the_bridge_and_a_removal_leave_no_password_either(
    simulate, operator, database, tmp_path_factory
):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret"
    secret.write_text(SHARED)
    secret.chmod(0o600)
    sim = simulate(fleet_of(TEXT), speed=300, extensionInstall=60, extensionUpdate=30)
    before = set(sim.secrets())
    codes = []
    with Watch(operator.home, operator.temporary) as watch:
        codes.append(operator.run(*deployment(operator, sim)))
        codes.append(operator.run(*command("rotate", operator, sim, "--now", "--restart-pods")))
        sim.step(2 * DAY)
        codes.append(operator.run(*command("rotate", operator, sim)))
        Behind(sim).extension(configurationSettings={"service.clusterIP": "10.96.0.77"})
        codes.append(operator.run(*command("audit", operator, sim, "--repair")))
        with listening(operator, sim, secret) as url:
            answers = told(url)
            codes.append(operator.run(*command("remove", operator, sim, "--workloads", "--yes-remove", "test")))

    assert (codes, answers) == ([0] * 5, [200, 200, 401])
    places = {**files_below(operator.folder), **watch.seen, **database.dump()}
    passwords = set(sim.secrets()) - before
    assert hits(places, [*passwords, SHARED, SHARED[1:]]) == set()
    # Each site's two tokens, at the deploy, at the rotation, at the end of the old ones; and the repair's.
    assert len(passwords) >= 3 * 2 * 3 + 1
