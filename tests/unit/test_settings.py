"""Settings: from the environment, and never unsigned or unencrypted beyond this machine."""

import os

import pytest
from pydantic import ValidationError

from arcfleet.settings import CLOUDS, Settings, is_loopback

LOOPBACK = "http://127.0.0.1:8080"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in list(os.environ):
        if name.upper().startswith("ARCFLEET_"):
            monkeypatch.delenv(name)


LOOPBACKS = {
    "http://127.0.0.1:8080": True,
    "http://127.8.8.8": True,
    "http://[::1]:8080/x": True,
    "http://localhost": True,
    "HTTP://LOCALHOST:1": True,
    "http://localhost.evil.example": False,
    "http://127.0.0.1.evil.example": False,
    "http://127.0.0.1@evil.example": False,
    "http://10.0.0.1": False,
    "http://0.0.0.0": False,
    "127.0.0.1:8080": False,
    "": False,
}


@pytest.mark.parametrize(("url", "expected"), LOOPBACKS.items(), ids=LOOPBACKS)
def test_only_this_machine_is_loopback(url, expected):
    assert is_loopback(url) is expected


def test_without_any_setting_azures_public_cloud_is_meant():
    settings = Settings()

    assert (settings.arm, settings.authority) == ("https://management.azure.com", "login.microsoftonline.com")
    assert settings.arm_scope == "https://management.azure.com/.default"
    assert (settings.credential, settings.time_scale, settings.home.name) == ("default", 1.0, ".arcfleet")


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_cloud_has_its_own_endpoint_and_authority(cloud):
    settings = Settings(cloud=cloud)

    assert (settings.arm, settings.authority) == CLOUDS[cloud]
    assert settings.arm_scope.startswith(settings.arm)


def test_the_environment_is_read_with_its_prefix(monkeypatch):
    monkeypatch.setenv("ARCFLEET_ARM_ENDPOINT", f"{LOOPBACK}/")
    monkeypatch.setenv("ARCFLEET_CREDENTIAL", "none")
    monkeypatch.setenv("CLOUD", "AzureChinaCloud")

    settings = Settings()

    assert (settings.arm, settings.credential, settings.cloud) == (LOOPBACK, "none", "AzureCloud")


ACCEPTED = {
    "loopback without a credential": {"arm_endpoint": LOOPBACK, "credential": "none"},
    "loopback with one": {"arm_endpoint": LOOPBACK},
    "https elsewhere": {"arm_endpoint": "https://arm.example"},
    "registry on this machine": {"registry_endpoint": "http://localhost:5000"},
    "registry on this machine, encrypted": {"registry_endpoint": "https://127.0.0.1:5000"},
}
NEEDS = "needs ARCFLEET_ARM_ENDPOINT at a loopback address"
REFUSED = {
    "plain http elsewhere": ({"arm_endpoint": "http://arm.example"}, "must be https, or a loopback address"),
    "a registry elsewhere": ({"registry_endpoint": "https://acr.example"}, "must be a loopback address"),
    "a registry that only looks like this machine": (
        {"registry_endpoint": "https://localhost.evil.example"},
        "must be a loopback address",
    ),
    "plain http to a registry": ({"registry_endpoint": "http://10.0.0.1"}, "must be a loopback address"),
    "no scheme": ({"arm_endpoint": "127.0.0.1:8080"}, "must be https, or a loopback address"),
    "no URL": ({"arm_endpoint": "http://[::1"}, "Invalid IPv6 URL"),
    "no credential for Azure": ({"credential": "none"}, NEEDS),
    "no credential elsewhere": ({"credential": "none", "arm_endpoint": "https://arm.example"}, NEEDS),
    "no credential, loopback registry only": ({"credential": "none", "registry_endpoint": LOOPBACK}, NEEDS),
    "unknown cloud": ({"cloud": "AzureGermanCloud"}, "cloud"),
    "time stands still": ({"time_scale": 0}, "time_scale"),
    "no time": ({"time_scale": "nan"}, "time_scale"),
    "no usual length": ({"install_usual": -1}, "install_usual"),
    "no time for a request": ({"request_timeout": 0}, "request_timeout"),
}


@pytest.mark.parametrize("values", ACCEPTED.values(), ids=ACCEPTED)
def test_a_rehearsal_on_this_machine_and_https_anywhere_are_accepted(values):
    assert Settings(**values)


@pytest.mark.parametrize(("values", "why"), REFUSED.values(), ids=REFUSED)
def test_what_would_go_unsigned_or_in_clear_over_a_network_is_refused(values, why):
    with pytest.raises(ValidationError, match=why):
        Settings(**values)


def test_settings_are_frozen_and_do_not_show_a_kubeconfig():
    settings = Settings(kubeconfig_content="token: hunter2")

    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    with pytest.raises(ValidationError, match="frozen"):
        settings.cloud = "AzureChinaCloud"


HIDDEN = {
    "beside a wrong value": {"kubeconfig_content": "hunter2", "time_scale": 0},
    "beside values that do not go together": {"kubeconfig_content": "hunter2", "credential": "none"},
    "a wrong value itself": {"time_scale": "hunter2"},
}


@pytest.mark.parametrize("values", HIDDEN.values(), ids=HIDDEN)
def test_an_error_never_shows_what_was_given(values):
    with pytest.raises(ValidationError) as refused:
        Settings(**values)

    assert "hunter2" not in str(refused.value)


def test_an_error_never_shows_what_the_environment_holds(monkeypatch):
    monkeypatch.setenv("ARCFLEET_KUBECONFIG_CONTENT", "hunter2")
    monkeypatch.setenv("ARCFLEET_CREDENTIAL", "none")

    with pytest.raises(ValidationError, match=NEEDS) as refused:
        Settings()

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        *[pytest.param({"cloud": cloud}, "", id=cloud) for cloud in CLOUDS],
        pytest.param({"arm_endpoint": "https://management.azure.com/"}, "", id="Azure's own, given"),
        pytest.param({"arm_endpoint": LOOPBACK}, "_at_127_0_0_1_8080", id="simulator"),
        pytest.param({"arm_endpoint": "https://Arm.Stack.example/x"}, "_at_arm_stack_example", id="another"),
    ],
)
def test_what_is_kept_about_azure_is_told_from_what_is_kept_about_a_simulator(given, place):
    assert Settings(**given).place == place
