"""arcfleet's own events: what each says, that docs/events.md says the same, and that no secret is among it."""

import re
from pathlib import Path

import pytest
import yaml

from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.planning.plan import Step
from arcfleet.core.reasons import Reason
from arcfleet.core.reporting import events
from arcfleet.core.reporting.events import EventName
from arcfleet.core.runs.outcomes import Ended, FleetReport, Outcome, Result, Status, StepRecord
from flows import fleet_run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
FINDING = Finding(Verdict.FAILED, Reason.CRASH_LOOP, "web", "web restarts", remedy="look at its log")
OUTCOMES = (
    Outcome("berlin", Status.SUCCEEDED),
    Outcome("essen", Status.FAILED, finding=FINDING, steps=(StepRecord(Step.ROLL_OUT, 1.0),)),
    Outcome("wien", Status.BLOCKED, finding=FINDING),
    Outcome("oslo", Status.DEFERRED, finding=FINDING),
)
REPORT = FleetReport("plants", "calm-otter", 61.4, OUTCOMES)
MADE = (
    events.run_started("plants", "calm-otter", 4),
    events.run_ended(REPORT),
    events.wave_started("plants", "calm-otter", "canary", 1),
    events.wave_ended("plants", "calm-otter", "canary", "passed", {"succeeded": 1}),
    events.site_failed("plants", "calm-otter", OUTCOMES[1]),
    events.gate_pending("plants", "calm-otter", "canary", "approval", "ops, until 14:00Z"),
    events.gate_answered("plants", "calm-otter", "canary", "approval", answer="approved", by="ops"),
    events.image_pushed("plants", "acreu1", "app/web", "stable", "sha256:ab"),
)


def documented() -> dict[str, list[str]]:
    """Return the keys of each event's payload as the page has them."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in PAGE.split("\n## Payloads\n")[1].split("\n## ")[0].splitlines():
        match = re.match(r"\| (?:`(?P<event>[a-z.]+)`)? ?\| `(?P<key>\w+)` \| \w+ \| .+ \|$", line)
        if match:
            name = match["event"] or name
            found.setdefault(name, []).append(match["key"])
    return found


def test_every_event_is_made_and_listed():
    listed = re.findall(r"^\| `(arcfleet\.[a-z.]+)` \| [^|]+ \| `arcfleet\.", PAGE, re.MULTILINE)

    assert [event.event for event in MADE] == [
        EventName.RUN_STARTED, EventName.RUN_ENDED, EventName.WAVE_STARTED, EventName.WAVE_ENDED,
        EventName.SITE_FAILED, EventName.GATE_PENDING, EventName.GATE_ANSWERED, EventName.IMAGE_PUSHED,
    ]  # fmt: skip
    assert {event.event for event in MADE} == set(EventName)
    assert sorted(listed) == sorted(EventName)


@pytest.mark.parametrize("event", MADE, ids=lambda event: event.event)
def test_a_payload_has_the_keys_that_the_page_names(event):
    assert list(event.payload) == documented()[event.event]


def test_a_report_tells_of_each_site_that_is_not_well_and_then_of_the_end():
    told = list(events.of_report(REPORT))

    assert [(event.event, event.resource) for event in told] == [
        (EventName.SITE_FAILED, "arcfleet.site.plants.essen"),
        (EventName.SITE_FAILED, "arcfleet.site.plants.wien"),
        (EventName.RUN_ENDED, "arcfleet.fleet.plants"),
    ]
    assert told[0].payload["step"] == "roll out"
    assert told[0].payload["remedy"] == "look at its log"
    assert told[-1].payload["counts"] == {"succeeded": 1, "failed": 1, "blocked": 1, "deferred": 1}
    assert told[-1].payload["result"] == Result.COMPLETED_WITH_FAILURES


def test_automations_listen_to_events_that_there_are():
    for file in (ROOT / "deployments" / "automations").glob("*.yaml"):
        expected = yaml.safe_load(file.read_text())["trigger"]["expect"]
        own = {name for name in expected if name.startswith("arcfleet.")}
        assert own <= set(EventName)


def test_the_run_of_a_push_is_given_what_a_push_tells_and_no_fleet():
    (action,) = yaml.safe_load((ROOT / "deployments/automations/image-pushed.yaml").read_text())["actions"]
    pushed = MADE[-1].payload

    assert action["parameters"] == {key: f"{{{{ event.payload.{key} }}}}" for key in ("registry", "repository")}
    assert action["parameters"].keys() <= pushed.keys()


def test_every_end_of_a_run_that_is_no_success_is_told_to_people():
    told = set(yaml.safe_load((ROOT / "deployments/automations/run-failed.yaml").read_text())["trigger"]["expect"])
    left = Outcome("graz", Status.NOT_STARTED)
    ends = [FleetReport("plants", "calm-otter", 1.0, (*OUTCOMES, left), ended=how) for how in Ended]
    names = {fleet_run.final_state(end).name for end in ends if end.result not in {Result.COMPLETED, Result.INCOMPLETE}}

    assert names == {"Completed with failures", "Stopped", "Rejected", "Aborted"}
    assert {f"prefect.flow-run.{name}" for name in names} <= told
