"""The published JSON Schema, the example fleets and the page of all keys: each agrees with the models."""

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from arcfleet import fleetfile
from arcfleet.core.fleet import json_schema, manifest, source

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "fleet.schema.json"
EXAMPLES = sorted((ROOT / "deployments" / "fleets").glob("*.yaml"))
CHECK = Draft202012Validator(json_schema.schema())


def test_the_published_schema_is_the_present_one():
    assert json.loads(PUBLISHED.read_text()) == json_schema.schema(), "arcfleet schema > docs/fleet.schema.json"


def test_the_schema_is_one():
    Draft202012Validator.check_schema(json_schema.schema())


def test_the_examples_are_there():
    assert {"demo", "nested", "rings", "small"} <= {path.stem for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid_names_the_schema_and_loads(path):
    text = path.read_text()
    value = source.read(text, path.name).value

    assert text.startswith("# yaml-language-server: $schema=../../docs/fleet.schema.json\n")
    assert [error.message for error in CHECK.iter_errors(value)] == []
    assert fleetfile.load(path).sites


def rings():
    return source.read((ROOT / "deployments" / "fleets" / "rings.yaml").read_text(), "rings").value


def changed(path, value):
    """Return the rings example with one value set."""
    whole = copy.deepcopy(rings())
    here = whole
    for part in path[:-1]:
        here = here.setdefault(part, {}) if isinstance(here, dict) else here[part]
    here[path[-1]] = value
    return whole


ACCEPTED = {
    "null in defaults": (("defaults", "kube"), None),
    "null in a site": (("sites", 0, "labels", "ring"), None),
    "null in a setting": (("sites", 0, "extension"), {"settings": {"a": None}}),
    "null deep in a group": (
        ("groups", 0, "set"),
        {"connectedRegistrySettings": {"garbageCollection": {"enabled": None}}},
    ),
    "a number as a setting": (("defaults", "extension", "settings", "a"), 5),
    "a part of a cluster": (("defaults", "cluster"), {"resourceGroup": "rg"}),
    "inventories": (
        ("sitesFrom",),
        [
            {
                "subscription": "s",
                "tags": {"a": None},
                "set": {"kube": {"context": "{cluster}"}},
                "fromTags": {"clusterIP": "x"},
            }
        ],
    ),
}
REFUSED = {
    "unknown key": (("oops",), 1),
    "unknown key of a site": (("sites", 0, "ip"), "10.0.0.1"),
    "unknown key of the defaults": (("defaults", "clusterIp"), "10.0.0.1"),
    "unknown key inside": (("groups", 0, "set", "timeouts"), {"total": "2h"}),
    "address": (("sites", 0, "clusterIP"), "10.0.0.256"),
    "leading zeros": (("sites", 0, "clusterIP"), "10.0.0.01"),
    "site name": (("sites", 0, "name"), "Essen"),
    "time": (("defaults", "timeouts"), {"online": "soon"}),
    "choice": (("sites", 0, "parentProtocol"), "ftp"),
    "label that is a number": (("sites", 0, "labels", "a"), 1),
    "null in a list's entry": (("defaults", "workloads"), [{"name": "a", "image": "b", "pin": None}]),
    "workload without a name": (("defaults", "workloads"), [{"image": "b"}]),
    "version": (("apiVersion",), "fleet/v2"),
    "concurrency": (("rollout",), {"maxConcurrency": 0}),
    "a tag that can't give a key": (("sitesFrom",), [{"subscription": "s", "fromTags": {"ensure": "x"}}]),
}  # fmt: skip


@pytest.mark.parametrize(("path", "value"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_a_layer_may_hold_is_valid(path, value):
    assert CHECK.is_valid(changed(path, value))


@pytest.mark.parametrize(("path", "value"), REFUSED.values(), ids=REFUSED)
def test_what_an_editor_can_tell_is_invalid(path, value):
    assert not CHECK.is_valid(changed(path, value))


def test_one_file_of_a_folder_is_valid_by_itself():
    assert CHECK.is_valid({"sites": rings()["sites"]})
    assert not CHECK.is_valid({"apiVersion": "fleet/v1"})


MODELS = [getattr(manifest, name) for name in manifest.__all__ if name not in {"Fleet", "Site"}]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_each_key_says_what_it_means_in_the_model_and_on_its_page(model):
    page = (ROOT / "docs" / "manifest.md").read_text()

    assert model.model_fields
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name} says nothing"
        assert f"`{field.alias}`" in page or f"`{field.alias}: " in page, f"{field.alias} is not in docs/manifest.md"
