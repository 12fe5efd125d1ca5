"""The genuine az in an environment of its own, logged in to `python -m simulator --tls`."""

import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

AZ = Path(__file__).parents[2] / ".compat/bin/az"
TENANT = "00000000-0000-0000-0000-00000000feed"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
ACR = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/myresourcegroup/providers/Microsoft.ContainerRegistry/registries"

# Two clusters: one with a connected registry that runs, one that waits for its extension.
WORLD = {
    # az asks again only after 30 s, as the answer names no time.
    "timings": {"deactivate": 0},
    "registries": [
        {
            "name": "myacrregistry",
            "resourceGroup": "myresourcegroup",
            "location": "eastus",
            "images": [{"repository": "hello-world", "tag": "latest"}],
            "connectedRegistries": [
                {"name": "myconnectedregistry", "repositories": ["hello-world"]},
                {"name": "berlin1", "mode": "ReadWrite", "repositories": ["hello-world"], "clientTokens": ["pull"]},
            ],
        }
    ],
    "clusters": [
        {
            "name": "myarck8scluster",
            "resourceGroup": "myresourcegroup",
            "location": "eastus",
            "kubernetes": {"serviceCIDRs": ["192.100.0.0/16"]},
        },
        {
            "name": "k-berlin",
            "resourceGroup": "myresourcegroup",
            "location": "eastus",
            "extension": {"connectedRegistry": "berlin1", "clusterIP": "10.96.0.50"},
        },
    ],
}


class Azure:
    """The simulator's process as a client over HTTPS sees it."""

    subscription = SUBSCRIPTION

    def __init__(self, description):
        self.url = description["arm"]
        self.ca = description["ca"]
        self._context = ssl.create_default_context(cafile=self.ca)

    def send(self, method, path, body=None, **headers):
        """Send one request; return status, headers, and the JSON of the answer or None."""
        data = None if body is None else json.dumps(body).encode()
        url = path if path.startswith(self.url) else self.url + path
        headers = {"Authorization": "Bearer compat", "Content-Type": "application/json", **headers}
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 (our own URL)
        try:
            with urllib.request.urlopen(request, timeout=60, context=self._context) as answer:  # noqa: S310
                return answer.status, answer.headers, json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, json.loads(error.read() or "null")

    def control(self, method, path, body=None):
        """Ask the control endpoint."""
        status, _, answer = self.send(method, f"/control/{path}", body)
        assert status == 200, answer
        return answer

    def registry(self, path):
        """Return what ARM shows below the registry."""
        return self.send("GET", f"{ACR}/myacrregistry{path}?api-version=2026-09-01-preview")[2]


class Az:
    """The command `az`; it prints each call and its answer, so that a person can read along."""

    def __init__(self, environment):
        self._environment = environment

    def __call__(self, *arguments, code=0):
        """Run one command; return what it wrote to its standard output and, as `.err`, to the other one."""
        command = [str(AZ), *arguments]
        streams = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        done = subprocess.run(command, env=self._environment, timeout=120, check=False, **streams)
        print(f"\n$ az {' '.join(arguments)}\n{done.stderr}{done.stdout}", end="")  # noqa: T201 (the transcript)
        assert done.returncode == code, done.stderr
        return SimpleNamespace(out=done.stdout, err=done.stderr)

    def json(self, *arguments):
        """Run one command; return its answer."""
        return json.loads(self(*arguments, "-o", "json").out)

    def table(self, *arguments):
        """Run one command; return its table: a list of rows, each a dict by heading."""
        return rows(self(*arguments, "-o", "table").out)


def rows(text):
    """Read az's table by the widths that its second line rules."""
    lines = text.splitlines()
    if not lines:
        return []
    starts = [i for i, c in enumerate(lines[1]) if c == "-" and (i == 0 or lines[1][i - 1] == " ")]
    ends = [*starts[1:], None]
    heading, _, *body = ([line[a:b].strip() for a, b in zip(starts, ends, strict=True)] for line in lines)
    return [dict(zip(heading, cells, strict=True)) for cells in body]


@pytest.fixture(scope="session")
def process() -> Iterator[Azure]:
    """`python -m simulator --tls`, which ends with its standard input."""
    command = [sys.executable, "-m", "simulator", "--tls", "--speed", "60", "--world", "-", "--until-eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as simulator:
        simulator.stdin.write(json.dumps(WORLD) + "\n")
        simulator.stdin.flush()
        line = simulator.stdout.readline()
        assert line, "the simulator did not start"
        yield Azure(json.loads(line))
        simulator.stdin.close()
        simulator.wait(timeout=30)


@pytest.fixture(scope="session")
def logged_in(process, tmp_path_factory) -> Az:
    """Let az know the simulator as a cloud, and log in."""
    if not AZ.exists():
        pytest.skip("azure-cli is not installed: make compat does it")
    home = tmp_path_factory.mktemp("azure")
    az = Az(
        {
            **os.environ,
            "AZURE_CONFIG_DIR": str(home),
            "AZURE_EXTENSION_DIR": str(home / "extensions"),
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_NO_COLOR": "true",
            "REQUESTS_CA_BUNDLE": process.ca,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
    )
    az("cloud", "register", "--name", "simulator", "--endpoint-resource-manager", process.url)
    az("cloud", "set", "--name", "simulator")
    client = ("--username", "11111111-1111-1111-1111-111111111111", "--password", "secret")
    az("login", "--service-principal", *client, "--tenant", TENANT)
    return az


@pytest.fixture
def azure(process) -> Iterator[Azure]:
    """A simulator with its first world; afterwards it must have known every request."""
    process.control("POST", "world", WORLD)
    process.control("POST", "counters/reset")
    yield process
    unknown = [e["path"] for e in process.control("GET", "audit") if "unknown" in e["kind"]]
    assert process.control("GET", "counters")["unknownRoutes"] == 0, unknown


@pytest.fixture
def az(logged_in, azure) -> Az:
    return logged_in
