"""Objects that real services showed, through the rules: captured rollouts event by event, recorded ARM answers.

The data are not on every machine; the small shapes that matter most are in the tests of each rule.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.mgmt.containerregistry import models
from azure.mgmt.kubernetesconfiguration.v2023_05_01 import models as arc_models
from examples import NOW, cluster
from kubernetes.aio import client

from arcfleet.core.verdicts import extension, pods, registry
from arcfleet.core.verdicts.patience import Suspicion
from arcfleet.core.verdicts.registry import Around
from arcfleet.gateways import acr_models, arc
from arcfleet.gateways.kube_facts import workload_facts

ABSENT = " absent ok"
DATA = Path(__file__).parents[3] / "shared" / "data"


def read(place: str) -> Any:
    path = DATA / place
    if not path.exists():
        pytest.skip("recorded and captured objects are not at hand")
    return json.loads(path.read_text())


def model(body: Any, kind: str) -> Any:
    return client.ApiClient().deserialize(json.dumps(body), kind, "application/json")


def rules_of(scenario: str) -> Iterator[tuple[str, str, str]]:
    """Yield rule, verdict and reason after each event of a captured rollout."""
    watches = read(f"kubernetes/scenario_{scenario}.json")["watches"]
    events = sorted(
        ((event["t"], kind, event) for kind in ("deployments", "pods") for event in watches[kind]),
        key=lambda item: item[0],
    )
    deployment, seen, suspicion = None, {}, Suspicion()
    for moment, kind, event in events:
        name = event["object"]["metadata"].get("name")
        if event["type"] not in {"ADDED", "MODIFIED", "DELETED"}:
            continue
        if kind == "deployments":
            deployment = None if event["type"] == "DELETED" else model(event["object"], "V1Deployment")
        elif event["type"] == "DELETED":
            seen.pop(name, None)
        else:
            seen[name] = model(event["object"], "V1Pod")
        facts = workload_facts(deployment, list(seen.values())) if deployment else None
        found = suspicion.confirm(pods.judge(facts, "web"), moment)
        yield found.rule, found.verdict.value, found.reason.value


def story(scenario: str) -> list[str]:
    """Return the findings of a captured rollout, each once while it lasts."""
    told: list[str] = []
    for found in rules_of(scenario):
        line = " ".join(found)
        if not told or told[-1] != line:
            told.append(line)
    return told


WAY = "P14 progressing rollout_progressing"
WELL, CRASHES = "P2 healthy ok", "P10 progressing crash_loop"
FLAPS = [WAY, WELL, WAY, WELL, CRASHES, WAY, WELL, CRASHES]
STORIES = {
    "rollout_ok": [WAY, WELL],
    "fail_badpassword": [WAY, "P5 progressing client_token", "P13 progressing client_token"],
    "fail_nosecret": [WAY, "P5 progressing client_token", "P13 progressing client_token"],
    "fail_notfound": [WAY, "P4 progressing image_not_on_site", "P13 progressing image_not_on_site"],
    "fail_unschedulable": [WAY, "P11 progressing unschedulable", "P13 progressing unschedulable"],
    # Available for a moment, which is why health must stay before it is believed.
    "exit0_completed": FLAPS,
    "crashloop_minready0": FLAPS,
    # After the undo the deadline of the bad update is still shown: it must last before it is a failure.
    "bad_update_then_undo": [
        WAY, WELL, WAY, "P4 progressing image_not_on_site", "P13 progressing image_not_on_site", WAY,
        "P13 progressing progress_deadline", WELL,
    ],
    "update_restart_scale": [WAY, WELL, WAY, WELL, WAY, WELL],
    "delete": [WAY, WELL, WAY, ABSENT],
}  # fmt: skip


@pytest.mark.parametrize(("scenario", "expected"), STORIES.items(), ids=list(STORIES))
def test_a_captured_rollout_is_told_as_it_was(scenario, expected):
    told = story(scenario)

    # Whether a pod or its Deployment is seen first is chance.
    assert told[1 if told[0] == ABSENT else 0 :] == expected


def bodies(recording: str, segment: str) -> list[Any]:
    """Return the recorded answers that show one object of a kind."""
    found = [
        entry["response_body"]
        for entry in read(f"recordings/{recording}.json")
        if segment in entry["path_with_query"] and isinstance(entry["response_body"], dict)
    ]
    return [body for body in found if "provisioningState" in (body.get("properties") or {})]


def test_recorded_connected_registries_were_never_activated():
    shown = [acr_models.connected_registry(models.ConnectedRegistry(body))
             for body in bodies("acr_connected_registry", "/connectedRegistries/")]  # fmt: skip

    assert len(shown) >= 12
    assert {registry.judge(cr, cluster(), now=NOW).rule for cr in shown} == {"C5"}
    assert {registry.judge(cr, cluster("Offline"), now=NOW).rule for cr in shown} == {"C10"}
    parents = {cr.name: cr.parent for cr in shown}
    assert (parents["child"], parents["rootregistry"]) == ("rootregistry", None)


def test_recorded_tokens_are_usable_once_they_have_a_password():
    tokens = [acr_models.token(models.Token(body)) for body in bodies("acr_connected_registry", "/tokens/")]
    away = acr_models.connected_registry(
        models.ConnectedRegistry(bodies("acr_connected_registry", "/connectedRegistries/")[0])
    )

    rules = {
        bool(token.passwords): registry.judge(away, cluster(), now=NOW, around=Around(token=token)).rule
        for token in tokens
    }

    assert rules == {False: "C4", True: "C5"}


EXTENSIONS = {"k8s_extension": ["E9"] * 3, "arc_extension_install": ["E9"] + ["E14"] * 5}


@pytest.mark.parametrize(("recording", "rules"), EXTENSIONS.items(), ids=list(EXTENSIONS))
def test_recorded_extensions_are_on_their_way_and_then_there(recording, rules):
    shown = [arc.extension_facts(arc_models.Extension.deserialize(body)) for body in bodies(recording, "/extensions/")]

    assert [extension.judge(item, cluster()).rule for item in shown] == rules
    # Every answer says when it was changed, on which E6, E8 and E12 rely.
    assert all(item.last_modified for item in shown)
    late = [extension.judge(item, cluster(), changed_at=NOW).rule for item in shown]
    assert late == ["E12" if rule == "E14" else rule for rule in rules]
