"""The automations of deployments/automations: brought to a Prefect server, they do what they are for."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from prefect import flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.states import Running

from arcfleet.app import automations
from arcfleet.app.automations import Change
from arcfleet.core.reporting import events
from arcfleet.errors import ManifestError
from tasks.events import emit

pytestmark = pytest.mark.stories

FOLDER = Path(__file__).parents[2] / "deployments" / "automations"
FILES = sorted(FOLDER.glob("*.yaml"))


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[str, list[str]]]:
    """The address of a chat, and what was said in it."""
    said: list[str] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self):
            said.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_values):
            pass

    with HTTPServer(("127.0.0.1", 0), Chat) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", said
        server.shutdown()


@pytest.fixture(scope="module")
def folder(prefect_home: Path, told, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files, for a chat of ours and with no more patience than Prefect asks for."""
    body = {"text": "{{subject}} | {{body}}"}
    block = CustomWebhookNotificationBlock(name="arcfleet", url=told[0], json_data=body)
    block.save("arcfleet", overwrite=True)
    folder = tmp_path_factory.mktemp("automations")
    for file in FILES:
        if file.name == "image-pushed.yaml":  # It needs a deployment; see test_redeploy_on_push.
            continue
        text = file.read_text().replace("ms-teams-webhook/arcfleet", "custom-webhook/arcfleet")
        (folder / file.name).write_text(text.replace("within: 600", "within: 10"))
    yield folder
    # The next stories on this server have runs that are silent for longer.
    with get_client(sync_client=True) as client:
        for found in client.read_automations():
            client.delete_automation(found.id)


async def apply(*paths: Path) -> dict[str, Change]:
    return dict(await automations.apply(automations.read(paths)))


async def until(condition, seconds=240):
    async with asyncio.timeout(seconds):
        while not (found := condition()):  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(0.2)
        return found


async def test_a_second_time_changes_nothing_and_a_changed_file_is_brought_in_place(folder, tmp_path):
    first, second = await apply(folder), await apply(folder)
    value = yaml.safe_load((folder / "gate-pending.yaml").read_text())
    value["description"] = "Another one."
    (tmp_path / "gate.yaml").write_text(yaml.safe_dump(value))
    changed, again = await apply(tmp_path / "gate.yaml"), await apply(tmp_path / "gate.yaml")
    async with get_client() as client:
        found = await client.read_automations_by_name(value["name"])

    assert set(first.values()) == {Change.CREATED}
    assert len(first) == len(FILES) - 1
    assert set(second.values()) == {Change.UNCHANGED}
    assert (list(changed.values()), list(again.values())) == ([Change.CHANGED], [Change.UNCHANGED])
    assert [item.description for item in found] == ["Another one."]


async def test_one_that_somebody_switched_off_stays_so(folder):
    await apply(folder)
    name = yaml.safe_load((folder / "run-lost.yaml").read_text())["name"]
    async with get_client() as client:
        (made,) = await client.read_automations_by_name(name)
        await client.pause_automation(made.id)

        assert (await apply(folder))[name] is Change.UNCHANGED
        (found,) = await client.read_automations_by_name(name)
        await client.resume_automation(made.id)

    assert not found.enabled


async def test_a_pending_gate_and_a_lost_run_are_told_to_people(folder, told):
    await apply(folder)
    _, said = told
    emit(events.gate_pending("plants-eu", "calm-otter", "canary", "approval", "ops may answer until 14:00Z"))

    @flow(name="deploy-fleet")
    async def lost():
        pass

    async with get_client() as client:
        run = await client.create_flow_run(lost, name="lost-otter", state=Running())
        resource = {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}
        related = {"prefect.resource.role": "flow", "prefect.resource.id": f"prefect.flow.{run.flow_id}"}
        related["prefect.resource.name"] = "deploy-fleet"
        emit_event("prefect.flow-run.heartbeat", resource, related=[related])
        await until(lambda: any("lost-otter" in text for text in said))
        ended = await client.read_flow_run(run.id)

    assert ended.state.is_crashed()
    assert any("plants-eu waits at gate approval" in text and "until 14:00Z" in text for text in said)
    assert any("deploy-fleet Crashed" in text and "no heartbeat" in text for text in said)


BAD = {
    "a misspelt key": ("trigger.expct", ["a"], "trigger.expct  is no key"),
    "a misspelt key of an action": ("actions.0.boddy", "a", "actions[0].boddy  is no key"),
    "another type of trigger": ("trigger.type", "webhook", "trigger.type  should be one of event"),
    "a wrong value": ("trigger.threshold", "many", "trigger.threshold"),
    "no name": ("name", None, "name"),
    "too little patience": ("trigger.within", -1, "trigger.within"),
    "no actions": ("actions", None, "actions"),
    "an unknown key": ("color", "red", "color  is no key"),
}


@pytest.mark.parametrize(("path", "new", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_with_the_place(path, new, message, tmp_path):
    value = yaml.safe_load((FOLDER / "gate-pending.yaml").read_text())
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    at = value
    for key in parents:
        at = at[key]
    at[last] = new
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(value))

    with pytest.raises(ManifestError) as caught:
        automations.read([tmp_path])

    assert message in str(caught.value)
    assert str(caught.value).startswith("bad.yaml:")


async def test_what_prefect_does_not_have_is_told_with_the_place_before_anything_is_changed(folder, tmp_path):
    for name, key, value in (("a", "block", "slack-webhook/nobody"), ("b", "deployment", "no-flow/nobody")):
        action = {"type": "send-notification", "body": "x"} if key == "block" else {"type": "run-deployment"}
        text = {"name": name, "trigger": {"type": "event", "expect": ["x"]}, "actions": [action | {key: value}]}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(text))
    (tmp_path / "0.yaml").write_text((folder / "gate-pending.yaml").read_text().replace("a gate waits", "never made"))

    with pytest.raises(ManifestError) as caught:
        await apply(tmp_path)
    async with get_client() as client:
        assert not [item for item in await client.read_automations() if "never made" in item.name]

    assert [problem.split()[1] for problem in caught.value.problems] == ["actions[0].block", "actions[0].deployment"]
