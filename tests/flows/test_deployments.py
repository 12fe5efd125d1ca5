"""prefect.yaml: every key is one that Prefect knows, its forms read well, and deploying it again changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from prefect.cli.deploy import _models as models
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError

from tests.flows.processes import ROOT, run

FILE = yaml.safe_load((ROOT / "prefect.yaml").read_text())
DEPLOYMENTS = {item["name"]: item for item in FILE["deployments"]}
PAUSING = DEPLOYMENTS.keys() - {"audit-fleet", "plan-fleet"}
"""Deployments whose runs can be paused, at a gate or by a person."""
TIMES = {"created", "updated", "last_polled", "status"}
"""Of a deployment as the API shows it: what tells when, not what."""


def unknown(value: dict[str, Any], model: type) -> set[str]:
    fields = model.model_fields
    return set(value) - fields.keys() - {field.alias for field in fields.values()}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_key_is_one_that_prefect_knows(name):
    # Prefect ignores the others: a key that is misspelt would do nothing.
    item = DEPLOYMENTS[name]

    assert unknown(item, models.DeploymentConfig) == set()
    assert unknown(item["work_pool"], models.WorkPoolConfig) == set()
    assert unknown(item.get("concurrency_limit", {}), models.ConcurrencyLimitSpec) == set()
    for schedule in item.get("schedules", ()):
        models.RawScheduleConfig.model_validate(schedule)
        assert schedule.keys() >= {"slug", "timezone", "active"}


def test_the_check_of_keys_finds_a_misspelt_one():
    assert unknown(FILE, models.PrefectYamlModel) == {"definitions"}
    assert unknown({"name": "x", "trigger": []}, models.DeploymentConfig) == {"trigger"}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_each_has_a_description_tags_and_a_form_that_is_enforced(name):
    item = DEPLOYMENTS[name]

    assert item["description"].endswith(".")
    assert item["tags"][0] == "arcfleet"
    assert item["enforce_parameter_schema"] is True


@pytest.mark.parametrize("name", sorted(PAUSING))
def test_a_run_that_can_pause_has_no_slot_to_lose(name):
    assert "concurrency_limit" not in DEPLOYMENTS[name]


async def shown() -> dict[str, dict[str, Any]]:
    """Return every deployment as the API shows it, without times."""
    async with get_client() as client:
        found = [item.model_dump(mode="json") for item in await client.read_deployments()]
    return {item["name"]: timeless(item) for item in found if item["name"] in DEPLOYMENTS}


def timeless(value: Any) -> Any:
    match value:
        case dict():
            return {key: timeless(item) for key, item in value.items() if key not in TIMES}
        case list():
            return [timeless(item) for item in value]
    return value


@pytest.fixture
def deploy_all(prefect_home, monkeypatch):
    monkeypatch.setenv("ARCFLEET_FLEET", str(ROOT / "deployments" / "fleets" / "small.yaml"))
    run("prefect", "work-pool", "create", "fleet", "--type", "process", "--overwrite")
    return lambda: run("prefect", "--no-prompt", "deploy", "--all")


async def test_deploying_twice_changes_nothing_and_forms_are_good(deploy_all):
    deploy_all()
    first = await shown()
    deploy_all()

    assert await shown() == first
    assert first.keys() == DEPLOYMENTS.keys()
    assert all(item["version"] and item["id"] for item in first.values())
    assert [item["slug"] for item in first["deploy-fleet"]["schedules"]] == ["nightly"]
    for name, item in first.items():
        for parameter, schema in item["parameter_openapi_schema"]["properties"].items():
            where = f"{name}: {parameter}"
            assert schema.get("description"), where
            assert schema["title"][0].isupper(), where
            assert "default" in schema or parameter in item["parameter_openapi_schema"]["required"], where
    for wrong in ({"max_concurrency": 0}, {"sites": "oslo"}, {"wait": "perhaps"}, {"fleet": ""}):
        await refused(first["deploy-fleet"]["id"], wrong)


async def refused(deployment: str, parameters: dict[str, Any]) -> None:
    """See that no run is made of parameters that the form's schema refuses."""
    async with get_client() as client:
        with pytest.raises(PrefectHTTPStatusError) as raised:
            await client.create_flow_run_from_deployment(deployment, parameters=parameters)
    assert raised.value.response.status_code == 409
    assert next(iter(parameters)) in raised.value.response.text
