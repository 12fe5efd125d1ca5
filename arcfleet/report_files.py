"""A run's report as files: one page that opens without a server and without a network, markdown, and JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import tempfile
from itertools import count
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from arcfleet.core.durations import clock_time
from arcfleet.core.reporting import report as rendering
from arcfleet.core.reporting import run_page
from arcfleet.core.runs.outcomes import FleetReport

PAGE = "report.html"
OPEN_SITES, OPEN_LINES = 5, 60
"""How many sites' causes are unfolded at first, and of how many sites a wave's times."""


def write(report: FleetReport, home: Path) -> Path:
    """Write a run's report into a folder of its own, `runs/<run>`, and return its page.

    The folder appears with all of its files or not at all, also where the process is killed in between.

    Args:
        report: The report.
        home: arcfleet's home.

    Raises:
        OSError: It can't be written.
    """
    texts = {
        PAGE: html(report),
        "report.md": run_page.markdown(report),
        "report.json": json.dumps(rendering.to_json(report), indent=2, default=str) + "\n",
    }
    runs = home / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=runs))
    try:
        for name, text in texts.items():
            with (made / name).open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return _put(made, runs, folder_of(report.run)) / PAGE


def _put(made: Path, runs: Path, name: str) -> Path:
    """Give a folder its name; where an earlier run of the same name has it, with a number."""
    for number in count(1):
        place = runs / (name if number == 1 else f"{name}-{number}")
        if not place.exists():
            return made.rename(place)
    raise AssertionError  # count() does not end.


def folder_of(run: str) -> str:
    """Return the name of a run's folder, for example `plants-eu-calm-otter` of `plants-eu · calm-otter`."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", run).strip("-")[:100] or "run"


def html(report: FleetReport) -> str:
    """Return the page."""
    # Values are escaped wherever they stand; and should one get through, the page's policy runs no script but ours.
    environment = Environment(
        loader=PackageLoader("arcfleet"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = clock_time
    script = _source(environment, "report.js")
    return environment.get_template("report.html.j2").render(
        report=report,
        headline=rendering.headline(report),
        style=Markup(_source(environment, "report.css")),  # noqa: S704 - a file of ours
        script=Markup(script),  # noqa: S704 - a file of ours
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        waves=run_page.waves(report),
        gates=rendering.gate_lines(report),
        statuses=run_page.statuses(report),
        steps=run_page.steps_of(report),
        ticks=run_page.ticks(report),
        reasons=run_page.reasons(report),
        explained=[(outcome, rendering.block(outcome, report.path)) for outcome in rendering.explained(report)],
        unfolded_sites=OPEN_SITES,
        unfolded_lines=OPEN_LINES,
    )


def _source(environment: Environment, name: str) -> str:
    assert environment.loader
    return environment.loader.get_source(environment, name)[0]
