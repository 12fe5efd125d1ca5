"""The commands that talk to a run that is under way: what it does; its orders; its gates' answers."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.markdown import Markdown
from rich.prompt import Confirm
from rich.text import Text

from arcfleet import fleetfile
from arcfleet.app import loading, runs, tables
from arcfleet.app.parameters import FleetOrName, FleetPath, Json, Simulator
from arcfleet.app.server import prefect_server
from arcfleet.core.fleet.manifest import no_such_site
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.orders import Orders
from arcfleet.core.runs.outcomes import COUNTED, WELL, Status
from arcfleet.errors import ManifestError, PermanentError
from arcfleet.settings import Settings

if TYPE_CHECKING:
    # Prefect reads its settings when it is imported, so that comes when they are set.
    from tasks.steering import Gate, UnderWay

As = Annotated[str | None, Parameter(name="--as", help="Who speaks; your login name where not given.")]
Comment = Annotated[str, Parameter(name="--comment", help="Kept with the answer.")]
Yes = Annotated[bool, Parameter(name="--yes", help="Do not ask back.", negative="")]
Change = Callable[[Orders], Orders]


def runs_command(fleet: FleetOrName, *, json_output: Json = False) -> int:
    """Show which run holds a fleet, what it is doing, and whether a gate waits for an answer.

    Exit codes: 0 a run is under way; 1 none is.
    """
    with _server(fleet):
        run = asyncio.run(_holder(fleet))
    tables.print_json(_json(run)) if json_output else _show(tables.console_of(), fleet, run)
    return 0


def pause(fleet: FleetOrName, *, as_: As = None) -> int:
    """Pause a fleet's run: nothing new is begun, and sites under way stop after the step that they are in."""
    words = "pauses: nothing new is begun, and sites under way stop after the step that they are in"
    return _order(fleet, as_, words, lambda told: replace(told, paused=True), then="resume")


def resume(fleet: FleetOrName, *, as_: As = None) -> int:
    """Let a paused run go on, also one that was paused in the Prefect UI."""
    return _order(fleet, as_, "goes on", lambda told: replace(told, paused=False), lift=True)


def abort(fleet: FleetOrName, *, as_: As = None) -> int:
    """End a fleet's run: sites under way stop after the step that they are in, and the others are not begun.

    Nothing is rolled back; the next deploy continues from there.
    """
    words = "ends: nothing new is begun, and sites under way stop after the step that they are in"
    return _order(fleet, as_, words, lambda told: replace(told, aborted=True), then="deploy")


def skip(fleet: FleetOrName, site: Annotated[str, Parameter(name="SITE")], *, as_: As = None) -> int:
    """Have a fleet's run leave a site out that it has not begun."""
    _check_site(fleet, site)
    words = f"leaves {site} out, unless it has begun it by then"
    return _order(fleet, as_, words, lambda told: replace(told, skip=tuple(dict.fromkeys([*told.skip, site]))))


def retry(
    fleet: FleetPath,
    *,
    failed: Annotated[bool, Parameter(help="Only what failed, not what was left out.", negative="")] = False,
    as_: As = None,
    simulator: Simulator = None,
    json_output: Json = False,
) -> int:
    """Try again what failed: in the run that is under way, else in a new one over the sites of the last.

    A new run takes the sites, too, that the last one left out or did not come to, unless --failed is given.

    Exit codes: as those of deploy where a new run is begun, else 0.
    """
    name, console = _name(fleet), tables.console_of(stderr=json_output)
    with prefect_server.available(Settings().home) as server:
        server.wait_ready()
        if asyncio.run(_find(name)):
            again: Change = lambda told: replace(told, retries=told.retries + 1)  # noqa: E731
            return _order(fleet, as_, "tries the sites that have failed again", again)
        sites = asyncio.run(_left_over(name, failed=failed))
        if not sites:
            console.print(f"nothing to try again: the last run of fleet {name} on this server left no such site")
            return 0
        console.print(f"no run of fleet {name} is under way; a new one takes {', '.join(sites)}\n", soft_wrap=True)
        loaded = loading.load(fleet, sites, None, simulator)
        report = runs.run(console, fleet, loaded, runs.deploy_fleet)
    return runs.show(console, report, json_output=json_output)


def approve(fleet: FleetOrName, *, as_: As = None, comment: Comment = "", yes: Yes = False) -> int:
    """Answer the gate that a fleet's run waits at: go on. In a terminal the question is shown and you are asked back.

    Exit codes: 0 the run has the answer; 1 there is no gate, or the answer is not taken.
    """
    return _answer(fleet, "approve", as_, comment, yes=yes)


def reject(fleet: FleetOrName, *, as_: As = None, comment: Comment = "", yes: Yes = False) -> int:
    """Answer the gate that a fleet's run waits at: do not go on, the run ends. As approve otherwise."""
    return _answer(fleet, "reject", as_, comment, yes=yes)


COMMANDS: dict[str, Callable[..., int]] = {
    "runs": runs_command,
    "pause": pause,
    "resume": resume,
    "abort": abort,
    "skip": skip,
    "retry": retry,
    "approve": approve,
    "reject": reject,
}


def _order(fleet: Path, by: str | None, words: str, change: Change, *, then: str = "", lift: bool = False) -> int:
    with _server(fleet):
        run = asyncio.run(_tell(fleet, lambda told: replace(change(told), by=by or getpass.getuser()), lift=lift))
    console = tables.console_of()
    console.print(Text(f"run {run.lease.name} {words}. It hears of it within 2 s."), soft_wrap=True)
    if then:
        console.print(Text(f"go on: {_command(then, fleet)}", "dim"), soft_wrap=True)
    return 0


async def _tell(fleet: Path, change: Change, *, lift: bool) -> UnderWay:
    from tasks import steering  # noqa: PLC0415

    run = await _holder(fleet)
    await steering.order(_name(fleet), run, change)
    if lift and run.paused_by_hand:
        await steering.lift(run)
    return run


def _answer(fleet: Path, decision: str, as_: str | None, comment: str, *, yes: bool) -> int:
    console, name = tables.console_of(), as_ or getpass.getuser()
    with _server(fleet):
        run = asyncio.run(_holder(fleet))
        if run.gate is None:
            remedy = f"what the run is doing: {_command('runs', fleet)}"
            raise PermanentError(Reason.NO_RUN, f"run {run.lease.name} waits at no gate", remedy)
        if console.is_terminal and sys.stdin.isatty():
            console.print(Markdown(run.gate.question), "")
            if not yes and not Confirm.ask(f"{decision} gate {run.gate.place} as {name}?", console=console):
                console.print("not answered")
                return 1
        answer = {"decision": decision, "name": name, "comment": comment}
        asyncio.run(_send(_name(fleet), run, answer))
        console.print(Text(f"{name} answered gate {run.gate.place}: {decision}. The run hears of it within 2 s."))
        again = asyncio.run(_asked_again(_name(fleet), run))
    if again is None:
        return 0
    console.print(Text(f"the answer does not hold: {again.question.partition(chr(10))[0]}", "bold red"), soft_wrap=True)
    console.print(Text(f"the gate waits on; its question: {_command('runs', fleet)}", "dim"), soft_wrap=True)
    return 1


async def _send(fleet: str, run: UnderWay, answer: Mapping[str, str]) -> None:
    """Send an answer to the question that was shown, and to no other."""
    from tasks import steering  # noqa: PLC0415

    now = await _find(fleet)
    if now is None or now.gate != run.gate:
        raise PermanentError(
            Reason.CONFLICT, "not answered: somebody else has, or another question is asked by now", "look again"
        )
    await steering.answer(run, answer)


async def _asked_again(fleet: str, run: UnderWay) -> Gate | None:
    from tasks import steering  # noqa: PLC0415

    return await steering.asked_again(fleet, run)


@contextlib.contextmanager
def _server(fleet: Path) -> Iterator[None]:
    """Have the Prefect server that a run of the fleet would be known to.

    Raises:
        PermanentError: There is none, so there is no run either.
    """
    with prefect_server.running(Settings().home) as server:
        if server is None:
            remedy = (
                f"begin one: {_command('deploy', fleet)}; of one elsewhere: set PREFECT_API_URL to its Prefect server"
            )
            raise PermanentError(Reason.NO_RUN, "no run is under way on this machine", remedy)
        server.wait_ready()
        yield


async def _find(name: str) -> UnderWay | None:
    from tasks import steering  # noqa: PLC0415

    return await steering.under_way(name)


async def _holder(fleet: Path) -> UnderWay:
    run = await _find(_name(fleet))
    if run is None:
        remedy = f"begin one: {_command('deploy', fleet)}"
        raise PermanentError(Reason.NO_RUN, f"no run of fleet {_name(fleet)} is under way", remedy)
    return run


async def _left_over(name: str, *, failed: bool) -> list[str]:
    from tasks import steering  # noqa: PLC0415

    ended = await steering.last_outcomes(name)
    wanted = COUNTED | {Status.BLOCKED} if failed else frozenset(Status) - WELL
    return [site for site, status in ended.items() if status in wanted]


def _name(fleet: Path) -> str:
    """Return a fleet's name: that of the file, else what was given."""
    if not fleet.exists() and not fleet.suffix:
        return str(fleet)
    try:
        return fleetfile.load(fleet).name
    except ManifestError as error:
        # Somebody may be at work on the file while its run has to be stopped.
        hint = f"{fleet}  can't be used; the fleet's name does as well, in place of its file"
        raise ManifestError((*error.problems, hint), error.more) from None


def _check_site(fleet: Path, site: str) -> None:
    """Refuse a name that is not of the fleet, where the file alone says which are."""
    _name(fleet)
    loaded = fleetfile.load(fleet) if fleet.exists() else None
    known = [found.name for found in loaded.sites] if loaded and not loaded.inventories else [site]
    if site not in known:
        raise ManifestError((no_such_site(site, known),))


def _command(name: str, fleet: Path) -> str:
    given = "FLEET.yaml" if name == "deploy" and not fleet.exists() else str(fleet)
    return f"arcfleet {name} {shlex.quote(given)}"


def _doing(run: UnderWay, fleet: Path) -> str:
    by = f" by {run.told.by}" if run.told.by else ""
    if run.told.aborted:
        return f"is being ended{by}"
    if run.gate:
        answers = f"{_command('approve', fleet)}, or reject"
        return f"waits for an answer at gate {run.gate.place}: {answers}" + (f"; paused{by} too" * run.told.paused)
    if run.told.paused:
        return f"is paused{by}; go on: {_command('resume', fleet)}"
    if run.paused_by_hand:
        return f"is paused in the Prefect UI; go on: {_command('resume', fleet)}"
    return "works"


def _show(console: Console, fleet: Path, run: UnderWay) -> None:
    console.print(Text(f"{run.lease}", "bold"), soft_wrap=True)
    console.print(Text(_doing(run, fleet), "yellow"), soft_wrap=True)
    if run.gate:
        console.print("", Markdown(run.gate.question))
    console.print(Text("\nits log", "dim"))
    for moment, line in run.log:
        console.print(Text.assemble((f"  {moment:%H:%M:%S}Z  ", "dim"), line), soft_wrap=True)


def _json(run: UnderWay) -> dict[str, Any]:
    gate = {"place": run.gate.place, "question": run.gate.question} if run.gate else None
    return {
        "holder": run.lease.to_json(),
        "told": run.told.to_json(),
        "pausedInPrefect": run.paused_by_hand,
        "gate": gate,
        "log": [{"at": moment.isoformat(), "line": line} for moment, line in run.log],
    }
