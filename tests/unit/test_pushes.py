"""What senders tell of pushes: the forms that Azure documents are read, and nothing else is believed."""

import copy
import json
from datetime import UTC, datetime

import pytest
from examples import DIGEST, REGISTRY_ID

from arcfleet.core.sync import pushes
from arcfleet.core.sync.pushes import MAX_EVENTS, Arrived, NotUnderstoodError, Other, Push, Validation

# As container-registry-webhook-reference has it.
WEBHOOK = {
    "id": "cb8c3971-9adc-488b-8f2a-43cbb4974ff5",
    "timestamp": "2017-11-17T16:52:01.343145347Z",
    "action": "push",
    "target": {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "size": 524,
        "digest": DIGEST,
        "length": 524,
        "repository": "app/web",
        "tag": "stable",
    },
    "request": {
        "id": "3cbb6949-7549-4fa1-86cd-a6d5451dffc7",
        "host": "acreu1.azurecr.io",
        "method": "PUT",
        "useragent": "docker/17.09.0-ce go/go1.8.3 git-commit/afdb6d4 kernel/4.10.0-27-generic os/linux arch/amd64",
    },
}
EVENT = {
    "id": "831e1650-001e-001b-66ab-eeb76e069631",
    "topic": REGISTRY_ID,
    "subject": "app/web:stable",
    "eventType": "Microsoft.ContainerRegistry.ImagePushed",
    "eventTime": "2018-04-25T21:39:47.6549614Z",
    "data": WEBHOOK,
    "dataVersion": "1.0",
    "metadataVersion": "1",
}
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "831e1650-001e-001b-66ab-eeb76e069631",
    "source": REGISTRY_ID,
    "type": "Microsoft.ContainerRegistry.ImagePushed",
    "subject": "app/web:stable",
    "time": "2018-04-25T21:39:47.6549614Z",
    "data": WEBHOOK,
}
CHART = {
    "id": "6356e9e0-627f-4fed-8b2d-d9059b5143ac",
    "timestamp": "2019-03-05T23:45:31.2614267Z",
    "action": "chart_push",
    "target": {
        "mediaType": "application/vnd.acr.helm.chart",
        "size": 25265,
        "digest": DIGEST,
        "repository": "repo",
        "tag": "wordpress-5.4.0.tgz",
        "name": "wordpress",
        "version": "5.4.0.tgz",
    },
}
DELETION = {
    "id": "afc359ce-df7f-4e32-bdde-1ff8aa80927b",
    "timestamp": "2017-11-17T16:54:53.657764628Z",
    "action": "delete",
    "target": {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "digest": DIGEST,
        "repository": "a",
    },
    "request": {"id": "3d78b540", "host": "acreu1.azurecr.io", "method": "DELETE", "useragent": "python-requests/2"},
}


def read(value):
    return pushes.parse(json.dumps(value).encode())


def changed(value, path, new):
    """Return a copy of a notification with one value replaced."""
    value = copy.deepcopy(value)
    *parents, last = path.split(".")
    at = value
    for key in parents:
        at = at[key]
    at[last] = new
    return value


PUSH = Push(WEBHOOK["id"], "acreu1", "acreu1.azurecr.io", "app/web", "stable", DIGEST)


def test_a_webhook_tells_of_a_push():
    assert read(WEBHOOK) == (PUSH,)


@pytest.mark.parametrize("event", [EVENT, CLOUD_EVENT], ids=["EventGridSchema", "CloudEventSchemaV1_0"])
def test_both_forms_of_event_grid_tell_of_a_push_and_of_the_registry_s_id(event):
    (push,) = read([event])

    assert (str(push), push.digest, push.topic) == (str(PUSH), DIGEST, REGISTRY_ID)


def test_a_batch_is_read_in_its_order():
    second = changed(EVENT, "data.target.tag", "next")

    assert [str(push) for push in read([EVENT, second])] == ["acreu1/app/web:stable", "acreu1/app/web:next"]


def test_event_grid_s_question_whether_its_events_are_wanted_is_recognised():
    event = EVENT | {
        "eventType": pushes.VALIDATION,
        "data": {"validationCode": "512d38b6", "validationUrl": "http://x"},
    }

    assert read([event]) == (Validation("512d38b6"),)


@pytest.mark.parametrize(
    "value",
    [
        DELETION,
        CHART,
        {"id": "1", "timestamp": "2026-11-24T12:00:00Z", "action": "ping"},
        EVENT | {"eventType": "Microsoft.ContainerRegistry.ImageDeleted", "data": DELETION},
        EVENT | {"eventType": "Microsoft.ContainerRegistry.ChartPushed", "data": CHART},
        changed(WEBHOOK, "target.tag", None),
    ],
    ids=["delete", "chart", "ping", "ImageDeleted", "ChartPushed", "no tag"],
)
def test_what_is_no_push_of_an_image_to_the_cloud_starts_nothing(value):
    (notice,) = read(value)

    assert isinstance(notice, Other)


ARRIVED = WEBHOOK | {"connectedRegistry": {"name": "berlinplant"}}


@pytest.mark.parametrize("value", [ARRIVED, [EVENT | {"data": ARRIVED}]], ids=["webhook", "event"])
def test_a_connected_registry_tells_what_has_come_to_it_and_when(value):
    (push,) = read(value)

    assert (str(push), push.digest) == ("acreu1/app/web:stable at berlinplant", DIGEST)
    assert push.arrived == Arrived("berlinplant", datetime(2017, 11, 17, 16, 52, 1, 343145, UTC))


ODD = {
    "a name alone": ARRIVED | {"connectedRegistry": "berlinplant"},
    "no name": ARRIVED | {"connectedRegistry": {}},
    "no possible name": ARRIVED | {"connectedRegistry": {"name": "../plant"}},
    "without a time": {key: value for key, value in ARRIVED.items() if key != "timestamp"},
    "no time": ARRIVED | {"timestamp": "yesterday"},
    "a number": ARRIVED | {"timestamp": 1},
    "without an offset": ARRIVED | {"timestamp": "2026-11-24T12:00:00"},
    "long ago": ARRIVED | {"timestamp": "0001-01-01T00:00:00+14:00"},
    "never": ARRIVED | {"timestamp": "9999-12-31T23:59:59.999999Z"},
    "its own address": changed(ARRIVED, "request.host", "10.96.0.50"),
    "no digest": changed(ARRIVED, "target.digest", ""),
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_what_a_connected_registry_tells_in_another_form_is_left_out_and_the_rest_is_read(value):
    odd, push = read([value, WEBHOOK])

    assert isinstance(odd, Other)
    assert push == PUSH


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("acreu1.azurecr.io", "acreu1"),
        ("ACReu1.azurecr.io", "acreu1"),
        ("acreu1-a1b2c3d4.azurecr.io", "acreu1"),
        ("acreu1.azurecr.us", "acreu1"),
    ],
)
def test_a_login_server_names_its_registry(host, name):
    assert pushes.registry_of(host) == name


JINJA = "{{ config.__class__ }}"
HOSTILE = {
    "jinja as repository": changed(WEBHOOK, "target.repository", JINJA),
    "jinja as tag": changed(WEBHOOK, "target.tag", JINJA),
    "jinja as digest": changed(WEBHOOK, "target.digest", JINJA),
    "jinja as host": changed(WEBHOOK, "request.host", JINJA),
    "path upwards": changed(WEBHOOK, "target.repository", "../../etc/passwd"),
    "shell": changed(WEBHOOK, "target.repository", "a;rm -rf /"),
    "substitution": changed(WEBHOOK, "target.tag", "$(id)"),
    "option": changed(WEBHOOK, "target.tag", "--yes"),
    "percent": changed(WEBHOOK, "target.repository", "%2e%2e"),
    "look-alike": changed(WEBHOOK, "target.repository", "\u0430pp/web"),
    "newline": changed(WEBHOOK, "target.repository", "app/web\nERROR all is lost"),
    "newline at the end": changed(WEBHOOK, "target.tag", "stable\n"),
    "nul": changed(WEBHOOK, "target.tag", "stable\0"),
    "long repository": changed(WEBHOOK, "target.repository", "a" * 300),
    "number as repository": changed(WEBHOOK, "target.repository", 7),
    "list as tag": changed(WEBHOOK, "target.tag", ["stable"]),
    "no digest": changed(WEBHOOK, "target.digest", ""),
    "another host": changed(WEBHOOK, "request.host", "acreu1.azurecr.io.example.com"),
    "no host": WEBHOOK | {"request": None},
    "no target": WEBHOOK | {"target": None},
    "empty id": WEBHOOK | {"id": ""},
    "endless id": WEBHOOK | {"id": "x" * 10_000},
    "another registry's topic": EVENT | {"topic": REGISTRY_ID.replace("acreu1", "acreu2")},
    "data is a text": EVENT | {"data": "push"},
    "validation without a code": EVENT | {"eventType": pushes.VALIDATION, "data": {}},
    "neither form": {"hello": "world"},
    "a text": "push",
    "nothing": None,
    "no event": [],
    "another version of CloudEvents": CLOUD_EVENT | {"specversion": "0.3"},
    "one bad among good": [EVENT, changed(EVENT, "data.target.tag", JINJA)],
    "too many": [EVENT] * (MAX_EVENTS + 1),
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_what_azure_does_not_send_is_refused_whole_and_in_one_line(value):
    with pytest.raises(NotUnderstoodError) as caught:
        read(value)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "body",
    [b"", b"push", b"\xff\xfe{}", b'{"action": NaN}', b"[" * 100_000, b"1" * 10_000, b'{"a":' * 50_000],
    ids=["empty", "text", "no UTF-8", "NaN", "deep", "long number", "deep objects"],
)
def test_what_is_no_json_is_refused(body):
    with pytest.raises(NotUnderstoodError):
        pushes.parse(body)


def test_a_secret_in_a_notification_is_not_repeated():
    leaking = changed(WEBHOOK, "target.tag", "-----BEGIN PRIVATE KEY-----")

    with pytest.raises(NotUnderstoodError) as caught:
        read(leaking)

    assert "PRIVATE" not in str(caught.value)
