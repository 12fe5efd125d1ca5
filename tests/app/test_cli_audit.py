"""`arcfleet audit` as an operator uses it: what it prints, its exit codes, and its repair."""

from __future__ import annotations

import json

from tests.app.test_cli import arcfleet
from tests.conftest import fleet_of, fleet_text


def test_drift_is_told_with_its_exit_code_and_is_gone_after_a_repair(simulate, tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(fleet_text(2))
    sim = simulate(fleet_of(fleet_text(2)), speed=300, extensionInstall=60)
    address = ("--simulator", sim.url)

    fresh = arcfleet("audit", str(path), *address, home=tmp_path)
    repaired = arcfleet("audit", str(path), "--repair", *address, home=tmp_path)
    again = arcfleet("audit", str(path), "--json", *address, home=tmp_path)

    assert fresh.returncode == 2, fresh.stderr
    assert "≠  s1" in fresh.stdout
    assert "extension is missing" in fresh.stdout
    assert "default/regcred is missing" in fresh.stdout
    assert "2 of 2 sites differ from the file" in fresh.stdout
    assert f"to put it right: arcfleet audit {path} --repair" in fresh.stdout
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert "completed · 2 succeeded" in repaired.stdout
    assert "none of 2 sites differ from the file" in repaired.stdout
    assert again.returncode == 0
    assert [site["drift"] for site in json.loads(again.stdout)["sites"]] == [[], []]
