"""Files for container hosts and clusters: what can be seen to be wrong with them without a container engine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.settings import Settings
from prefect.settings.legacy import _get_settings_fields
from prefect_redis.client import RedisMessagingSettings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deployments"
COMPOSE = yaml.safe_load((FOLDER / "scale-out" / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
VALUES = {path.stem: yaml.safe_load(path.read_text()) for path in (FOLDER / "scale-out" / "helm").glob("*.yaml")}
POOLS = {path.stem: json.loads(path.read_text()) for path in (FOLDER / "work-pools").glob("*.json")}
DOCKERFILE = (FOLDER / "worker" / "Dockerfile").read_text()
KEYS = {
    *(
        "image",
        "restart",
        "init",
        "read_only",
        "tmpfs",
        "security_opt",
        "cap_drop",
        "networks",
        "environment",
        "command",
    ),
    *("healthcheck", "env_file", "volumes", "stop_grace_period", "depends_on", "ports"),
}
"""Keys of a service that the Compose specification has, as far as they are used."""
INSTRUCTIONS = {"ARG", "FROM", "WORKDIR", "RUN", "COPY", "ENV", "USER", "CMD"}
SECRET = re.compile(r"(PASSWORD|AUTH)")
PLACEHOLDER = re.compile(r"\{\{ (\w+) \}\}")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_known_keys_and_depends_on_services_that_report_what_is_waited_for(name):
    service = SERVICES[name]

    assert service.keys() <= KEYS
    assert set(service["networks"]) <= COMPOSE["networks"].keys()
    for other, how in service.get("depends_on", {}).items():
        needs = {"service_healthy": "healthcheck", "service_completed_successfully": "command"}[how["condition"]]
        assert needs in SERVICES[other], f"{name} waits for {other}"
    for volume in service.get("volumes", ()):
        assert volume.startswith("${") or volume.split(":")[0] in COMPOSE["volumes"]


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in {"postgres", "redis"}])
def test_what_is_ours_runs_without_rights(name):
    service = SERVICES[name]

    assert service["image"].startswith("${ARCFLEET_IMAGE:?")
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_the_checks_of_health_are_those_of_whatever_goes_on():
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {"migrate", "background"}


def environments() -> dict[str, str]:
    """Return all variables of all services."""
    return {
        f"{name}.{key}": str(value) for name, it in SERVICES.items() for key, value in it.get("environment", {}).items()
    }


def test_no_secret_is_in_the_compose_file():
    secrets = {key: value for key, value in environments().items() if SECRET.search(key)}

    assert secrets
    assert all(value.startswith("${") and ":?" in value for value in secrets.values())
    assert all("${" in value for value in environments().values() if "://prefect:" in value)


def test_every_setting_is_one_that_prefect_knows():
    # Prefect ignores a variable that is misspelt.
    redis = {f"PREFECT_REDIS_MESSAGING_{name}".upper() for name in RedisMessagingSettings.model_fields}
    named = {key.partition(".")[2] for key in environments()}

    assert {name for name in named if name.startswith("PREFECT_")} - _get_settings_fields(
        Settings
    ).keys() - redis == set()


@pytest.mark.parametrize("folder", ["scale-out", "worker", "work-pools"])
def test_no_file_names_a_host_that_images_come_from(folder):
    for path in (FOLDER / folder).rglob("*"):
        assert path.is_dir() or not re.search(r"[\s'\"=][a-z0-9.-]+\.(io|com|net)/[a-z]", path.read_text()), path


@pytest.mark.parametrize("name", POOLS)
def test_a_pools_template_names_variables_that_it_has(name):
    template = POOLS[name]
    used = set(PLACEHOLDER.findall(json.dumps(template["job_configuration"])))

    assert used == template["variables"]["properties"].keys()


def test_jobs_of_the_kubernetes_pool_run_without_rights():
    pod: dict[str, Any] = POOLS["kubernetes"]["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    container = pod["containers"][0]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_the_servers_settings_are_the_same_in_compose_and_helm():
    helm = {item["name"]: item["value"] for item in VALUES["prefect-server"]["global"]["prefect"]["env"]}
    compose = SERVICES["background"]["environment"]
    # The chart sets these by keys of its own.
    own = {"DATABASE_CONNECTION_URL", "DATABASE_MIGRATE_ON_START", "API_AUTH_STRING", "UI_STATIC_DIRECTORY"}

    assert helm == {key: value for key, value in compose.items() if key.removeprefix("PREFECT_SERVER_") not in own}
    assert not {"password", "authString"} & set(re.findall(r"\w+", json.dumps(VALUES)))


def dockerfile() -> list[tuple[str, str]]:
    """Return the instructions, continued lines joined."""
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines if line.strip()]


def test_the_image_is_built_from_the_lock_and_does_not_run_as_root():
    found = dockerfile()
    last = max(at for at, (word, _) in enumerate(found) if word == "FROM")

    assert {word for word, _ in found} <= INSTRUCTIONS
    assert {rest.split()[0] for word, rest in found if word == "FROM"} == {"${PYTHON_IMAGE}"}
    assert [rest for word, rest in found[last:] if word == "USER"] == ["1001:1001"]
    assert all("--require-hashes" in rest for word, rest in found if word == "RUN" and ".lock" in rest)
    json.loads(found[-1][1])


def test_what_the_image_copies_exists_and_is_sent_to_the_build():
    sent = {line[1:] for line in (FOLDER / "worker" / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"}
    copied = {
        source for word, rest in dockerfile() if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]
    }

    assert copied == sent
    assert all((ROOT / source).exists() for source in copied)
