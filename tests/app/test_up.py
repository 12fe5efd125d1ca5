"""`arcfleet up`, and a person's way through Prefect's UI in a real browser: form, run, approval, report."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.stories

ROOT = Path(__file__).parents[2]
FLEET = ROOT / "deployments" / "fleets" / "gated.yaml"
CHROMIUM = shutil.which("chromium")


@dataclass
class Up:
    """A running `arcfleet up`: its process, its UI, the links that it printed, and what marks all of its processes."""

    process: subprocess.Popen[bytes]
    address: str
    links: dict[str, str]
    mark: str

    def processes(self) -> list[int]:
        """Return the ids of all processes that carry the mark in their environment, below whatever parent."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/environ"):
            try:
                environment = entry.read_bytes()
            except OSError:
                continue
            if self.mark.encode() in environment:
                found.append(int(entry.parent.name))
        return found

    def gone(self, seconds: float) -> bool:
        """Wait until none of the processes is left, at most so long."""
        deadline = time.monotonic() + seconds
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.2)
        return not self.processes()


@contextmanager
def running(home: Path) -> Iterator[Up]:
    """Have `arcfleet up` run a rehearsal while the context is open."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # The server is not given what begins with ARCFLEET_.
    mark = f"UP_TEST={home}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = ["up", str(FLEET), "--rehearse", "--speed", "120", "--port", str(port)]
    log = home / "up.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "arcfleet.app.cli", *command],
            env={**environment, "ARCFLEET_HOME": str(home), "UP_TEST": str(home)}, stdout=sink, stderr=sink,
        )  # fmt: skip
    up = Up(process, f"http://127.0.0.1:{port}", {}, mark)
    try:
        deadline = time.monotonic() + 180
        while "Ctrl-C" not in (text := log.read_text()):
            assert process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.2)
        up.links = {name.strip(): link for name, link in re.findall(r"^  (.+?) +(http\S+)$", text, re.MULTILINE)}
        yield up
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("up")) as found:
        yield found


@pytest.fixture
def page(up):
    """A page of Debian's Chromium."""
    if not CHROMIUM:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright for this platform")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--no-proxy-server"])
        found = browser.new_page(viewport={"width": 1280, "height": 1000})
        found.set_default_timeout(30_000)
        yield found
        browser.close()


def begin(page) -> None:
    """Submit the form, and open the page of the run."""
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile(r"/deployment/[^/]*$"))
    link = page.locator("a[href*='/runs/flow-run/']").first.get_attribute("href")
    page.goto(page.url.partition("/deployments")[0] + link)


def test_a_person_fills_the_form_approves_the_gate_and_reads_the_report(up, page):
    page.goto(up.links["deploy the fleet"])
    page.get_by_text("Fleet file", exact=True).wait_for()
    assert page.get_by_text("Names of the sites to deploy; all of the file where none is given.").is_visible()
    field = page.locator("textarea").first
    assert field.input_value() == str(FLEET)

    # Nothing is begun from a form that is not right.
    field.fill("")
    page.get_by_role("button", name="Submit").click()
    page.get_by_text("'fleet' is a required property").wait_for()
    field.fill(str(FLEET))
    begin(page)

    page.get_by_role("button", name="Resume").click(timeout=90_000)
    dialog = page.get_by_role("dialog").last
    dialog.get_by_text("gate after wave canary").wait_for()
    assert "leuven + create: extension newest version" in dialog.inner_text()
    dialog.get_by_role("button", name="Submit").click()
    dialog.get_by_text("'name' is a required property").wait_for()
    dialog.locator(".p-select-button button").focus()
    for key in ("Enter", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    dialog.locator("textarea").first.fill("Ada")
    dialog.get_by_role("button", name="Submit").click()

    page.get_by_text("Completed", exact=True).first.wait_for(timeout=90_000)
    page.get_by_text("Task Runs", exact=True).click()
    page.get_by_text("namur · roll out web").wait_for()
    page.get_by_text("Artifacts", exact=True).last.click()
    page.get_by_text("3 succeeded").first.wait_for()
    page.get_by_text("fleet-bakeries").first.click()
    page.get_by_text("bruges", exact=True).first.wait_for()


def test_ctrl_c_ends_everything(up):
    assert len(up.processes()) >= 4

    up.process.send_signal(signal.SIGINT)

    assert up.process.wait(timeout=60) == 0
    assert up.gone(5)


def test_nothing_is_left_behind_when_it_is_killed(tmp_path):
    with running(tmp_path) as up:
        assert len(up.processes()) >= 4

        up.process.kill()

        assert up.gone(40)


def test_a_port_that_is_taken_is_said(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "arcfleet.app.cli", "up", str(FLEET), "--rehearse", "--port", port]
        environment = {**os.environ, "ARCFLEET_HOME": str(tmp_path)}
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=60)

    assert (done.returncode, "in use" in done.stderr) == (1, True)
