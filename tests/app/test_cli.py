"""The command line as an operator uses it: a process of its own, its exit code, what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import fleet_of, fleet_text


def arcfleet(*arguments: str, home) -> subprocess.CompletedProcess[str]:
    """Run a command of arcfleet."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ARCFLEET_", "PREFECT_"))}
    return subprocess.run(
        [sys.executable, "-m", "arcfleet.app.cli", *arguments],
        env={**environment, "ARCFLEET_HOME": str(home), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def fleet_file(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(fleet_text(2))
    return path


def test_deploy_then_status_then_deploy_again(fleet_file, simulate, tmp_path):
    sim = simulate(fleet_of(fleet_text(2)), speed=300, extensionInstall=60)
    sim.site("k-s2", connectivity="Offline")
    address = ("--simulator", sim.url)

    first = arcfleet("deploy", str(fleet_file), *address, home=tmp_path)
    tables = arcfleet("status", str(fleet_file), *address, home=tmp_path)
    second = arcfleet("deploy", str(fleet_file), "--site", "s1", "--json", *address, home=tmp_path)

    assert first.returncode == 4, first.stderr
    assert "✓ s1" in first.stdout
    assert "[A2 arc_offline]" in first.stdout
    assert "incomplete · 1 succeeded, 1 deferred" in first.stdout
    assert first.stderr == ""
    assert tables.returncode == 3
    assert "NAME    MODE      CONNECTION STATE  PARENT  LOGIN SERVER  LAST SYNC (UTC)" in tables.stdout
    assert second.returncode == 0, second.stderr
    report = json.loads(second.stdout)
    assert [(site["site"], site["outcome"]) for site in report["sites"]] == [("s1", "noop")]


def test_status_as_json(fleet_file, simulate, tmp_path):
    sim = simulate(fleet_of(fleet_text(2)))

    result = arcfleet("status", str(fleet_file), "--json", "--simulator", sim.url, home=tmp_path)

    value = json.loads(result.stdout)
    assert result.returncode == 3
    assert value["sites"][0]["registry"] == "Offline"
    assert value["connectedRegistries"]["acreu1"][0]["NAME"] == "plant1"


def test_a_bad_fleet_file_ends_with_every_problem_and_its_place(fleet_file, tmp_path):
    fleet_file.write_text(fleet_text(2).replace("10.96.0.50", "10.0.0.300", 1).replace("plant2", "cr"))

    result = arcfleet("deploy", str(fleet_file), home=tmp_path)

    assert result.returncode == 1
    assert "sites[0].clusterIP  '10.0.0.300' is not an IPv4 address" in result.stderr
    assert "sites[1].connectedRegistry  'cr' is not accepted" in result.stderr
    assert "2 problems; nothing was sent" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--site", "s9"], "--site s9  the fleet has no such site"),
        (["--label", "ring"], "--label ring  write key=value"),
        (["--label", "ring=x"], "--label ring=x  no site carries it"),
        (["--simulator", "http://127.0.0.1:9"], "no simulator answers there"),
        (["--simulator", "http://192.0.2.1"], "not an address of this machine"),
    ],
)
def test_bad_arguments_are_told_before_anything_is_sent(fleet_file, tmp_path, arguments, message):
    result = arcfleet("status", str(fleet_file), *arguments, home=tmp_path)

    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_simulate_prints_its_addresses_and_holds_the_fleet(fleet_file, tmp_path):
    command = [sys.executable, "-m", "arcfleet.app.cli", "simulate", str(fleet_file), "--speed", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            addresses = json.loads(process.stdout.readline())
            result = arcfleet("status", str(fleet_file), "--json", "--simulator", addresses["arm"], home=tmp_path)
        finally:
            process.terminate()

    assert set(addresses["kube"]) == {"k-s1", "k-s2"}
    assert "apiVersion: v1" in addresses["kubeconfig"]
    assert addresses["ca"] is None
    assert [site["arc"] for site in json.loads(result.stdout)["sites"]] == ["Connected", "Connected"]


def test_plan_exits_with_2_for_changes_and_0_for_none(fleet_file, simulate, tmp_path):
    sim = simulate(fleet_of(fleet_text(2)), speed=300, extensionInstall=60)
    address = ("--simulator", sim.url)

    fresh = arcfleet("plan", str(fleet_file), "--calls", *address, home=tmp_path)
    arcfleet("deploy", str(fleet_file), *address, home=tmp_path)
    settled = arcfleet("plan", str(fleet_file), *address, home=tmp_path)

    assert fresh.returncode == 2, fresh.stderr
    assert "fleet test · 2 sites · plan " in fresh.stdout
    assert "APPLY k-s1 namespaces/default/deployments/web" in fresh.stdout
    assert "2 sites change\n2 pods start · 4 passwords are generated, none into a slot in use\n" in fresh.stdout
    assert settled.returncode == 0, settled.stdout
    assert settled.stdout.rstrip().endswith("nothing to do")


def test_plan_as_json_and_a_blocked_fleet(fleet_file, simulate, tmp_path):
    sim = simulate(fleet_of(fleet_text(2)))
    for cluster in ("k-s1", "k-s2"):
        empty = {"kind": "NodeList", "items": []}
        sim.fault({"path": f"/kube/{cluster}/.*/nodes", "effect": {"status": 200, "body": empty}})

    result = arcfleet("plan", str(fleet_file), "--json", "--simulator", sim.url, home=tmp_path)
    shown = arcfleet("plan", str(fleet_file), "--simulator", sim.url, home=tmp_path)

    value = json.loads(result.stdout)
    assert (result.returncode, shown.returncode) == (1, 1)
    assert [site["finding"]["reason"] for site in value["sites"]] == ["no_suitable_node"] * 2
    assert "no ready linux/amd64 node" in shown.stdout
    assert "2 of 2 sites can't be deployed now" in shown.stdout


def test_remove_shows_its_plan_refuses_another_name_and_removes_what_was_deployed(fleet_file, simulate, tmp_path):
    sim = simulate(fleet_of(fleet_text(2)), speed=300, extensionInstall=60, extensionDelete=20)
    address = ("--simulator", sim.url)
    arcfleet("deploy", str(fleet_file), *address, home=tmp_path)
    written = sum(entry["write"] for entry in sim.audit())

    shown = arcfleet("remove", str(fleet_file), "--workloads", "--calls", *address, home=tmp_path)
    refused = arcfleet("remove", str(fleet_file), "--yes-remove", "tset", *address, home=tmp_path)

    assert (shown.returncode, refused.returncode) == (2, 1), shown.stderr
    assert "DELETE connectedClusters/k-s1/extensions/plant1" in shown.stdout
    assert "kept: connected registry: the site has no ensure; --connected-registry deletes it" in shown.stdout
    assert "2 sites are removed" in shown.stdout
    assert "nothing was removed; to confirm: --yes-remove test" in shown.stdout
    assert "'tset' is not the name of the fleet; nothing was removed" in refused.stderr
    assert sum(entry["write"] for entry in sim.audit()) == written

    confirm = ("--workloads", "--yes-remove", "test")
    removed = arcfleet("remove", str(fleet_file), *confirm, "--json", *address, home=tmp_path)
    again = arcfleet("remove", str(fleet_file), "--workloads", *address, home=tmp_path)

    assert removed.returncode == 0, removed.stderr
    report = json.loads(removed.stdout)
    assert [(site["outcome"], site["changes"][-1]) for site in report["sites"]] == [
        ("succeeded", "journal of passwords")
    ] * 2
    assert again.returncode == 0
    assert "nothing left to remove" in again.stdout
