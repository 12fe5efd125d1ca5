"""A run's report as files: hostile texts stay texts, and a folder is there whole or not at all."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from arcfleet import report_files
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.planning.plan import Step
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import FleetReport, Outcome, Status, StepRecord
from tests.unit.test_report import REPORT, WAVED

EVIL = "</script><script>alert(1)</script><img src=http://a/x onerror=alert(1)>\"' onload=alert(1) {{ 7*7 }} {% raw %}"


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def evil() -> FleetReport:
    finding = Finding(Verdict.FAILED, Reason.REFUSED, EVIL, EVIL, EVIL, (EVIL,), EVIL)
    steps = (StepRecord(Step.OBSERVE, 2.0, began=1.0),)
    bad = Outcome("berlin", Status.FAILED, 1, finding, steps, (EVIL,), (finding,), wave=EVIL)
    gates = (replace(WAVED.gates[0], by=EVIL, comment=EVIL, plan=EVIL),)
    return replace(
        WAVED, fleet=EVIL, run=EVIL, path=EVIL, because=EVIL, url=f"javascript:{EVIL}", outcomes=(bad,), gates=gates
    )


def test_texts_of_others_bring_no_tag_no_attribute_and_no_script_into_the_page():
    page = Tags(report_files.html(evil()))

    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not {"img", "iframe", "link", "object", "base", "form"} & {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "src"]
    assert "".join(page.text).count(EVIL) >= 8
    assert "49" not in "".join(page.text)


def test_only_an_address_of_the_web_becomes_a_link():
    assert [a for tag, a in Tags(report_files.html(evil())).tags if tag == "a"] == []
    linked = report_files.html(replace(WAVED, url="http://127.0.0.1:4200/runs/flow-run/1"))
    assert [a["href"] for tag, a in Tags(linked).tags if tag == "a"] == ["http://127.0.0.1:4200/runs/flow-run/1"]


def test_the_page_asks_nothing_of_a_network_and_its_policy_lets_only_its_own_script_run():
    page = report_files.html(WAVED)

    assert not re.findall(r"""(?:src|href|url\(|@import|fetch)[=\s"'(]*(?:https?:)?//""", page)
    (policy,) = [a["content"] for tag, a in Tags(page).tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert re.fullmatch(r"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/]{43}='", policy)


def test_every_site_is_in_the_table_and_its_steps_on_the_scale():
    tags = Tags(report_files.html(WAVED)).tags

    rows = [a["data-site"] for tag, a in tags if tag == "tr" and "data-site" in a]
    assert sorted(rows) == sorted(outcome.site for outcome in WAVED.outcomes)
    assert [a["title"] for tag, a in tags if tag == "i" and "width" in (a.get("style") or "")] == [
        "observe 0:01 (0:00 to 0:01)", "roll out 1:11 (0:01 to 1:12)",
    ]  # fmt: skip
    assert [a["data-site"] for tag, a in tags if tag == "details" and "card" in (a["class"] or "")] == [
        "berlin",
        "malmo",
    ]


def test_a_run_has_a_folder_with_a_page_markdown_and_json(tmp_path):
    page = report_files.write(REPORT, tmp_path)

    assert page == tmp_path / "runs" / "calm-fox" / "report.html"
    assert page.read_text(encoding="utf-8") == report_files.html(REPORT)
    assert json.loads(page.with_name("report.json").read_text())["run"] == "calm-fox"
    assert page.with_name("report.md").read_text().startswith("# plants · calm-fox")
    assert [item.name for item in (tmp_path / "runs").iterdir()] == ["calm-fox"]


def test_a_later_run_of_the_same_name_leaves_the_earlier_report(tmp_path):
    first, second = report_files.write(REPORT, tmp_path), report_files.write(replace(REPORT, seconds=9), tmp_path)

    assert (first.parent.name, second.parent.name) == ("calm-fox", "calm-fox-2")
    assert first.read_text() != second.read_text()


NAMES = {
    "usual": ("plants-eu · calm-otter", "plants-eu-calm-otter"),
    "out of the folder": ("../../etc/x", "etc-x"),
    "hidden": (".new", "new"),
    "nothing": ("··", "run"),
    "long": ("x" * 500, "x" * 100),
}


@pytest.mark.parametrize(("run", "folder"), NAMES.values(), ids=NAMES)
def test_a_runs_name_becomes_a_folder_of_the_runs(run, folder):
    assert report_files.folder_of(run) == folder


def test_what_can_not_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report_files.os, "fsync", full)

    with pytest.raises(OSError, match="No space"):
        report_files.write(REPORT, tmp_path)

    assert list((tmp_path / "runs").iterdir()) == []
