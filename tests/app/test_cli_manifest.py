"""validate, explain and schema as an operator uses them; and a fleet whose sites Azure lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from arcfleet.core.fleet import json_schema
from tests.app.test_cli import arcfleet
from tests.conftest import SUBSCRIPTION, fleet_of, fleet_text

FLEETS = Path(__file__).parents[2] / "deployments" / "fleets"


def test_validate_says_in_short_what_a_fleet_holds(tmp_path):
    result = arcfleet("validate", str(FLEETS / "rings.yaml"), home=tmp_path)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "fleet plants is valid",
        "  sites        4",
        "  registries   2    acrplantseu (2), acrplantsus (2)",
        "  groups       3    groups[0] region=eu (2), groups[1] region=us (2), groups[2] ring=canary (2)",
        "  workloads    2    web (4), api (3)",
    ]


def test_validate_lists_every_problem(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(fleet_text(2).replace("10.96.0.50", "10.0.0.300", 1).replace("name: s2", "name: no"))

    result = arcfleet("validate", str(path), home=tmp_path)
    as_json = arcfleet("validate", str(path), "--json", home=tmp_path)

    assert result.returncode == as_json.returncode == 1
    assert "sites[1].name  YAML reads this as the boolean false: put it in quotes" in result.stderr
    assert result.stderr.endswith("2 problems; nothing was sent\n")
    assert json.loads(as_json.stdout) == {
        "schema": 1,
        "valid": False,
        "problems": result.stderr.splitlines()[:-1],
        "more": 0,
    }


def test_validate_says_how_many_problems_are_not_listed(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(f"{fleet_text(1)}{''.join(f'key{i}: x{chr(10)}' for i in range(300))}")

    result = arcfleet("validate", str(path), home=tmp_path)

    assert result.stderr.splitlines()[-2:] == ["… and at least 200 more", "300 problems; nothing was sent"]


def test_validate_takes_a_folder(tmp_path):
    folder = tmp_path / "plants"
    folder.mkdir()
    whole = yaml.safe_load(fleet_text(2))
    sites = whole.pop("sites")
    (folder / "a.yaml").write_text(yaml.safe_dump(whole))
    (folder / "b.yaml").write_text(yaml.safe_dump({"sites": sites}))

    result = arcfleet("validate", str(folder), "--json", home=tmp_path)

    assert json.loads(result.stdout)["sites"] == 2


@pytest.mark.parametrize("width", ["80", "120"])
def test_explain_shows_each_value_with_its_line(tmp_path, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)

    result = arcfleet("explain", str(FLEETS / "rings.yaml"), "essen", home=tmp_path)

    lines = result.stdout.splitlines()
    assert "registry: acrplantseu          rings.yaml:15  groups[0]" in lines
    assert "  version: (deleted)           rings.yaml:21  deleted by null in groups[2]" in lines
    assert "ensure: false                                 default of arcfleet" in lines
    assert max(map(len, lines)) <= 80


def test_explain_as_json_and_of_a_site_that_is_not_there(tmp_path):
    found = arcfleet("explain", str(FLEETS / "nested.yaml"), "oulu-cell-1", "--json", home=tmp_path)
    missing = arcfleet("explain", str(FLEETS / "nested.yaml"), "oulu-cel-1", home=tmp_path)

    values = {line["key"]: line for line in json.loads(found.stdout)["values"]}
    assert values["parent"] == {
        "key": "parent",
        "value": "oulu",
        "source": "groups[1]",
        "place": "nested.yaml:20:19",
        "deleted": False,
    }
    assert missing.returncode == 1
    assert missing.stderr.startswith("oulu-cel-1  the fleet has no such site; did you mean oulu-cell-1?")


def test_schema_prints_the_published_one(tmp_path):
    assert json.loads(arcfleet("schema", home=tmp_path).stdout) == json_schema.schema()


@pytest.fixture
def inventory(tmp_path):
    """A fleet file that lists one site and has Azure list the others."""
    value = yaml.safe_load(fleet_text(1))
    entry = {
        "subscription": SUBSCRIPTION,
        "set": {"clusterIP": "10.96.0.50", "kube": {"context": "{cluster}"}},
        "fromTags": {"connectedRegistry": "arcfleet-registry"},
    }
    path = tmp_path / "fleet.yaml"
    path.write_text(yaml.safe_dump({**value, "sitesFrom": [entry]}))
    return path


def tagged(world):
    for number, cluster in enumerate(world["clusters"], 1):
        cluster["tags"] = {"arcfleet-registry": f"plant{number}"}


def test_sites_that_azure_lists_are_planned_explained_and_shown(inventory, simulate, tmp_path):
    sim = simulate(fleet_of(fleet_text(2)), change=tagged)
    address = ("--simulator", sim.url)

    offline = arcfleet("validate", str(inventory), home=tmp_path)
    before = sim.counters()["total"]
    plan = arcfleet("plan", str(inventory), "--json", *address, home=tmp_path)
    explained = arcfleet("explain", str(inventory), "k-s2", *address, home=tmp_path)
    status = arcfleet("status", str(inventory), "--json", *address, home=tmp_path)

    assert before == 0
    assert offline.stdout.endswith("1 inventory not asked: sites may be added; arcfleet plan asks Azure\n")
    assert plan.returncode == 2, plan.stderr
    assert [site["site"] for site in json.loads(plan.stdout)["sites"]] == ["s1", "k-s2"]
    assert "connectedRegistry: plant2  " in explained.stdout
    assert [site["site"] for site in json.loads(status.stdout)["sites"]] == ["s1", "k-s2"]
