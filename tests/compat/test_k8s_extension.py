"""The k8s-extension commands, whose wheels are in no index here: their recorded requests, sent one by one.

The requests come from `../shared/data/az-requests.json`, which the genuine az 2.91.0 with k8s-extension 1.7.0 made.
"""

import json
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

REQUESTS = Path(__file__).parents[3] / "shared/data/az-requests.json"

pytestmark = [
    pytest.mark.compat,
    pytest.mark.skipif(not REQUESTS.exists(), reason="the recorded requests are not at hand"),
]


@pytest.fixture(scope="session")
def recorded():
    """The recorded k8s-extension commands: the requests of each, several where it was recorded several times."""
    found = {}
    for command in json.loads(REQUESTS.read_text())["commands"]:
        name = command["command"].removeprefix("az ")
        if name.startswith("k8s-extension"):
            found.setdefault(name, []).append(command["requests"])
    return found


class Player:
    """Sends recorded requests as az did."""

    def __init__(self, azure, connection_string):
        self._azure = azure
        self._connection_string = connection_string
        self._operation = ""

    def play(self, requests):
        """Send each request, compare its status with the recorded one; return the last answer's body."""
        answer = None
        for request in requests:
            status, answer = self._send(request)
            assert status == request["fake_answered"]["status"], (request["path"], answer)
        return answer

    def _send(self, request):
        if "{operationId}" in request["path"]:
            return self._poll()
        path = request["path"].replace("{subscriptionId}", self._azure.subscription)
        body = request.get("body")
        protected = (body or {}).get("properties", {}).get("configurationProtectedSettings")
        if protected:
            protected["connectionString"] = self._connection_string
        accept = {"Accept": request["accept"]}
        status, headers, answer = self._azure.send(
            request["method"], f"{path}?{urlencode(request['query'])}", body, **accept
        )
        self._operation = headers.get("Azure-AsyncOperation", self._operation)
        print(f"\n{request['method']} {path}: {status}", end="")  # noqa: T201 (the transcript)
        return status, answer

    def _poll(self):
        assert "api-Version" in self._operation, "az polls the address as it was given"
        for _ in range(100):
            status, _, answer = self._azure.send("GET", self._operation, Accept="*/*")
            if answer["status"] in ("Succeeded", "Failed"):
                break
            time.sleep(0.2)
        assert answer["status"] == "Succeeded", answer
        return status, answer


@pytest.fixture
def player(az, azure):
    """The article's first step is genuine: az generates the password and makes the connection string."""
    where = ("--registry", "myacrregistry", "--name", "myconnectedregistry", "--parent-protocol", "https")
    settings = az.json("acr", "connected-registry", "get-settings", *where, "--generate-password", "1", "--yes")
    return Player(azure, settings["ACR_REGISTRY_CONNECTION_STRING"])


def test_the_life_of_an_extension(player, recorded, az):
    for name in ("create", "show"):
        answer = player.play(recorded[f"k8s-extension {name}"][0])
        assert answer["properties"]["provisioningState"] == "Succeeded"
        assert not any(answer["properties"]["configurationProtectedSettings"].values())
    (listed,) = player.play(recorded["k8s-extension list"][0])["value"]
    assert listed == answer
    for _ in range(50):
        rows = az.table("acr", "connected-registry", "list", "--registry", "myacrregistry")
        if rows[0]["CONNECTION STATE"] == "Online":
            break
    assert (rows[0]["CONNECTION STATE"], rows[0]["LOGIN SERVER"]) == ("Online", "192.100.100.1")
    updated = player.play(recorded["k8s-extension update"][0])
    assert (updated["properties"]["version"], updated["properties"]["currentVersion"]) == ("0.11.0", "0.11.0")
    player.play(recorded["k8s-extension delete"][0])
    assert player.play(recorded["k8s-extension list"][0])["value"] == []


def test_what_is_not_there(player, recorded):
    for request in recorded["k8s-extension show"][-1]:
        assert player.play([request])["error"]["code"]
