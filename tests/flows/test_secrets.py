"""No password that was ever generated is found anywhere but where it belongs."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tests.conftest import fleet_of, fleet_text


def disguises(password: str) -> Iterator[bytes]:
    """Yield a password as it may lie in a file: plain, URL-encoded, and inside base64 at each of three offsets."""
    yield password.encode()
    yield quote(password, safe="").encode()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + password.encode())
        # The first and last characters depend on what stands beside it.
        yield encoded[4:-4]


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_no_password_is_left_anywhere(simulate, deploy, prefect_home, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    text = fleet_text(3)
    sim = simulate(fleet_of(text), extensionInstall=60)
    sim.fault({"path": "generateCredentials", "times": 1, "effect": {"resetAfter": True}})
    failure = {"cluster": "k-s2", "code": "InstallationFailed", "message": "it did not work"}
    sim.fault({"effect": {"extensionFails": failure}})

    await deploy(sim, text)
    await deploy(sim, text)

    printed = capfd.readouterr()
    places = files_below(prefect_home) | files_below(tmp_path)
    places |= {"log": caplog.text.encode(), "stdout": printed.out.encode(), "stderr": printed.err.encode()}
    secrets = sim.secrets()
    assert len(secrets) >= 7
    assert any(name.endswith("prefect.db") for name in places)
    found = {
        name for name, content in places.items() for password in secrets for d in disguises(password) if d in content
    }
    assert found == set()


async def test_a_service_that_echoes_what_it_was_sent_leaks_nothing(simulate, deploy, prefect_home, caplog):
    caplog.set_level(logging.DEBUG)
    text = fleet_text(1)
    sim = simulate(fleet_of(text), extensionInstall=60)
    canary = "SyncTokenPassword=canary0123456789canary"
    body = {"error": {"code": "InternalServerError", "message": f"bad value ConnectedRegistryName=x;{canary};y"}}
    sim.fault({"method": "PUT", "path": "extensions/plant1", "effect": {"status": 500, "body": body}})

    report = await deploy(sim, text)

    assert "SyncTokenPassword=***" in report.outcomes[0].finding.message
    places = {**files_below(prefect_home), "log": caplog.text.encode()}
    assert [name for name, content in places.items() if b"canary0123456789" in content] == []


def test_the_search_finds_a_password_in_every_disguise():
    password = "a" * 42 + "+ACR" + "b" * 6

    for form in (
        password.encode(),
        quote(password, safe="").encode(),
        base64.b64encode(f"user:{password}".encode()),
        base64.b64encode(f"token1:{password}".encode()),
        base64.b64encode(f'{{"password":"{password}"}}'.encode()),
    ):
        assert any(disguise in b"..." + form + b"..." for disguise in disguises(password))
