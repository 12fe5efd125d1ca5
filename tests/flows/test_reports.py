"""What a run leaves behind: files in arcfleet's home, and artifacts that Prefect's API gives back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

from arcfleet.core.reporting import report as rendering
from arcfleet.core.runs.outcomes import Result, Status
from tasks import board
from tests.conftest import fleet_of, fleet_text


async def artifacts(key: str) -> Sequence[Any]:
    """Return the versions of an artifact, the newest first."""
    async with get_client() as client:
        return await client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])), sort=ArtifactSort.CREATED_DESC
        )


def read(page: str) -> tuple[str, dict[str, Any]]:
    """Return a kept report's page, and its JSON."""
    return Path(page).read_text(), json.loads(Path(page).with_name("report.json").read_text())


def named(text: str, name: str) -> str:
    """Return a fleet file's text under another fleet name, so that its artifacts are its own."""
    return text.replace("name: test", f"name: {name}")


async def test_a_run_is_kept_as_a_page_and_published(simulate, deploy, prefect_home):
    text = named(fleet_text(3), "kept")
    sim = simulate(fleet_of(text))
    sim.site("k-s2", connectivity="Offline")
    sim.fault({"effect": {"extensionFails": {"cluster": "k-s3", "code": "InstallationFailed", "message": "no"}}})

    report = await deploy(sim, text)

    page, plain = read(report.page)
    assert "<b>s3</b>" in page
    assert Path(report.page).parent.parent == prefect_home / "runs"
    assert [(site["site"], site["outcome"]) for site in plain["sites"]] == [
        (outcome.site, outcome.status) for outcome in report.outcomes
    ]
    table, *_ = await artifacts("fleet-kept")
    assert [row["outcome"] for row in json.loads(table.data)] == ["✓ succeeded", "… deferred", "✗ failed"]
    (kept,) = await artifacts("report-json-kept")
    published = json.loads(kept.data.removeprefix("```json\n").removesuffix("\n```"))
    assert published["sites"] == plain["sites"]
    (overview,) = await artifacts("report-kept")
    assert report.page in overview.data
    (left_out,) = await artifacts("left-out-kept")
    assert "## s2: deferred" in left_out.data
    (failed,) = await artifacts("site-kept-s3")
    assert "**cause**" in failed.data
    assert not await artifacts("site-kept-s2")


async def test_the_steps_of_a_site_follow_each_other_from_the_runs_beginning(simulate, deploy):
    text = fleet_text(3, rollout={"maxConcurrency": 1})
    sim = simulate(fleet_of(text), extensionInstall=60)

    report = await deploy(sim, text)

    assert report.result is Result.COMPLETED
    ends = 0.0
    for outcome in report.outcomes:
        assert outcome.wave == report.waves[0]
        for record in outcome.steps:
            assert record.began >= ends
            ends = record.began + record.seconds
    assert ends <= report.seconds


async def test_a_report_that_can_not_be_kept_is_no_failure_of_the_run(simulate, deploy, tmp_path, monkeypatch):
    text = fleet_text(1)
    sim = simulate(fleet_of(text))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ARCFLEET_HOME", str(tmp_path / "file"))

    report = await deploy(sim, text)

    assert (report.page, report.outcomes[0].status) == ("", Status.SUCCEEDED)


async def test_progress_and_table_are_kept_current_while_a_run_goes(simulate, deploy, monkeypatch):
    monkeypatch.setattr(board, "PROGRESS_EVERY", 0.3)
    monkeypatch.setattr(board, "TABLE_EVERY", 0.0)
    waves = [{"name": "first", "match": {"labels": {"ring": "a"}}}, {"name": "second", "rest": True}]
    text = named(fleet_text(2, rollout={"waves": waves}), "shown").replace(
        "name: s1\n", "name: s1\n  labels: {ring: a}\n"
    )
    sim = simulate(fleet_of(text), speed=120, extensionInstall=120)

    run = asyncio.create_task(deploy(sim, text))
    seen: set[str] = set()
    async with asyncio.timeout(90):
        while not run.done():
            for table in await artifacts("fleet-shown"):
                seen |= {row["outcome"] for row in json.loads(table.data)}
            await asyncio.sleep(0.1)
    report = await run

    assert report.result is Result.COMPLETED
    assert {"● install extension", "· to come", "✓ succeeded"} <= seen
    (progress,) = await artifacts("progress-shown")
    assert (progress.data, progress.description) == (100.0, rendering.headline(report))
    # One of the run, so that whoever opens it sees how the run ended.
    (table,) = await artifacts("fleet-shown")
    assert table.description == rendering.headline(report)
    assert [row["outcome"] for row in json.loads(table.data)] == ["✓ succeeded", "✓ succeeded"]
