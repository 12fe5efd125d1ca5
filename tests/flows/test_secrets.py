"""No password that was ever generated is found anywhere but where it belongs. Stories of whole commands: test_leaks."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from urllib.parse import quote

import httpx
import pytest
from leaks import Watch, disguises, files_below, hits

from arcfleet.core.runs.outcomes import Result
from tests.conftest import fleet_of, fleet_text

PASSWORD = "a" * 20 + "/Z3+" + "b7" * 11 + "+ACR" + "c9~>" * 2
"""Of the form of a token's password, with what URL encoding and base64 change."""
KINDS = ("logs", "artifacts", "events", "flow_runs", "task_runs")


async def all_of(api: httpx.AsyncClient, kind: str) -> list[dict]:
    """Return everything of a kind that Prefect's API shows."""
    if kind == "events":
        # Of the last flow run the final event comes last: what is asked for before it is there is not all.
        page = (await api.post("/events/filter", json={"limit": 50})).raise_for_status().json()
        found = list(page["events"])
        while page["next_page"]:
            page = (await api.get(page["next_page"])).raise_for_status().json()
            found += page["events"]
        return found
    found = []
    while True:
        body = {"limit": 200, "offset": len(found)}
        page = (await api.post(f"/{kind}/filter", json=body)).raise_for_status().json()
        found += page
        if not page:
            return found


async def recorded(flow_runs: int) -> dict[str, list[dict]]:
    """Return what the API shows, once it shows the end of so many flow runs."""
    deadline = time.monotonic() + 30
    async with httpx.AsyncClient(base_url=os.environ["PREFECT_API_URL"], timeout=30, trust_env=False) as api:
        while True:
            found = {kind: await all_of(api, kind) for kind in KINDS}
            # A state is named as the fleet's result, for example "Completed with failures".
            final = ("prefect.flow-run.Completed", "prefect.flow-run.Failed")
            ends = [e for e in found["events"] if e["event"].startswith(final)]
            if len(ends) >= flow_runs and found["task_runs"]:
                return found
            assert time.monotonic() < deadline, f"{len(ends)} of {flow_runs} flow runs have ended, by their events"
            await asyncio.sleep(0.5)


async def test_no_password_is_left_anywhere(simulate, deploy, prefect_home, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    text = fleet_text(3)
    sim = simulate(fleet_of(text), extensionInstall=60)
    before = set(sim.secrets())
    sim.fault({"path": "generateCredentials", "times": 1, "effect": {"resetAfter": True}})
    failure = {"cluster": "k-s2", "code": "InstallationFailed", "message": "it did not work"}
    sim.fault({"effect": {"extensionFails": failure}})
    refused = {"status": 422, "body": {"kind": "Status", "code": 422, "message": "the secret is not taken"}}
    sim.fault({"path": "/kube/k-s3/.*/secrets", "method": "POST", "after": 1, "times": 1, "effect": refused})

    first = await deploy(sim, text)
    again = await deploy(sim, text)
    shown = await recorded(2)

    printed = capfd.readouterr()
    places = files_below(prefect_home) | files_below(tmp_path)
    places |= {"log": caplog.text.encode(), "stdout": printed.out.encode(), "stderr": printed.err.encode()}
    places |= {f"API {kind}": json.dumps(found).encode() for kind, found in shown.items()}
    passwords = set(sim.secrets()) - before
    assert hits(places, passwords) == set()
    # That is worth something only if all of it happened, and if it was looked at.
    assert [outcome.status for outcome in first.outcomes] == ["succeeded", "failed", "failed"]
    assert again.result is Result.COMPLETED
    # Each site's sync token and client token, s2's sync token twice, and the one whose answer was lost.
    assert len(passwords) >= 8
    assert any(name.endswith("prefect.db rows") for name in places)
    for name, said in {
        "log": "it did not work",
        "API logs": "it did not work",
        "API artifacts": "the secret is not taken",
        "API events": "install extension",
        "API task_runs": "client login",
    }.items():
        assert said.encode() in places[name], name


async def test_prefect_knows_of_a_secret_only_which_task_it_came_from(simulate, deploy, prefect_home):
    text = fleet_text(1)
    sim = simulate(fleet_of(text), extensionInstall=60)
    # Flows of other tests may have results.
    before = set((prefect_home / "prefect").glob("storage/*"))

    assert (await deploy(sim, text)).result is Result.COMPLETED

    shown = await recorded(1)
    latest = max(shown["flow_runs"], key=lambda run: run["created"])["id"]
    runs = {run["name"]: run for run in shown["task_runs"] if run["flow_run_id"] == latest}
    generated, installing = runs["s1 · generate credential"], runs["s1 · install extension"]
    assert installing["task_inputs"]["credential"] == [{"input_type": "task_run", "id": generated["id"]}]
    inputs = [entry for run in runs.values() for of_one in run["task_inputs"].values() for entry in of_one]
    assert {entry["input_type"] for entry in inputs} <= {"task_run", "parameter"}
    # Neither parameters nor results are stored, for which a task's arguments would have to be pickled.
    assert {run["state"]["state_details"]["task_parameters_id"] for run in runs.values()} == {None}
    results = [run["state"]["data"] for run in runs.values() if run["state"]["data"]]
    assert all(result.get("type") != "reference" for result in results)
    assert set((prefect_home / "prefect").glob("storage/*")) == before


async def test_a_service_that_echoes_what_it_was_sent_leaks_nothing(simulate, deploy, prefect_home, caplog):
    caplog.set_level(logging.DEBUG)
    text = fleet_text(1)
    sim = simulate(fleet_of(text), extensionInstall=60)
    canary = "SyncTokenPassword=canary0123456789canary"
    body = {"error": {"code": "InternalServerError", "message": f"bad value ConnectedRegistryName=x;{canary};y"}}
    sim.fault({"method": "PUT", "path": "extensions/plant1", "effect": {"status": 500, "body": body}})

    report = await deploy(sim, text)

    assert "SyncTokenPassword=***" in report.outcomes[0].finding.message
    assert hits({**files_below(prefect_home), "log": caplog.text.encode()}, ["canary0123456789canary"]) == set()


def pull_secret(password: str) -> bytes:
    """Return a pull secret as the Kubernetes API sends it."""
    auth = base64.b64encode(f"token1:{password}".encode()).decode()
    config = json.dumps({"auths": {"10.96.0.50": {"username": "token1", "password": password, "auth": auth}}})
    return json.dumps({"data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()}}).encode()


FORMS = {
    "plain": PASSWORD.encode(),
    "URL": quote(PASSWORD, safe="").encode(),
    "base64": base64.b64encode(PASSWORD.encode()),
    "base64 for URLs": base64.urlsafe_b64encode(PASSWORD.encode()),
    "user:password": base64.b64encode(f"user:{PASSWORD}".encode()),
    "token1:password": base64.b64encode(f"token1:{PASSWORD}".encode()),
    "dockerconfigjson": base64.b64encode(f'{{"password":"{PASSWORD}"}}'.encode()),
    "auth alone in a dockerconfigjson": base64.b64encode(b'{"auth":"%s"}' % base64.b64encode(f"u:{PASSWORD}".encode())),
    "pull secret": pull_secret(PASSWORD),
    "connection string": f"SyncTokenName=s;SyncTokenPassword={PASSWORD};ParentGatewayEndpoint=x".encode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_search_finds_a_password_in_every_disguise(form):
    assert hits({"here": b"..." + form + b"...", "not here": b"aaaa"}, ["z" * 52, PASSWORD]) == {"here"}


def test_no_disguise_is_so_short_that_it_is_found_by_chance():
    assert min(len(form) for form in disguises(PASSWORD)) >= 40


def test_the_search_finds_a_password_that_a_database_holds(tmp_path):
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE log (message TEXT)")
        # So long that it is spread over pages, with a seam in every password: only the rows show one whole.
        database.execute("INSERT INTO log VALUES (?)", [PASSWORD * 200])
        database.commit()
        places = files_below(tmp_path)

    assert any(name.endswith("rows") for name in hits(places, [PASSWORD]))
    assert any(name.endswith("-wal") for name in hits(places, [PASSWORD]))


@pytest.mark.parametrize("place", ["cmdline", "environ", "temporary"])
def test_the_search_finds_a_password_that_a_process_shows_for_a_moment(tmp_path, place):
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    temporary.mkdir()
    environment = {"ARCFLEET_HOME": str(home)} | ({"TOKEN": PASSWORD} if place == "environ" else {})
    argument = PASSWORD if place == "cmdline" else "none"
    with Watch(home, temporary) as watch:
        command = [sys.executable, "-c", "import time; time.sleep(1)", argument]
        with subprocess.Popen(command, env=environment):
            if place == "temporary":
                (temporary / "short-lived").write_text(PASSWORD)
                time.sleep(0.5)
                (temporary / "short-lived").unlink()

    assert {name.rpartition("/")[2] for name in hits(watch.seen, [PASSWORD])} == {
        {"temporary": "short-lived"}.get(place, place)
    }
