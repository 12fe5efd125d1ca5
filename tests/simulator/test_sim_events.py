"""Notifications: the handshakes, what is posted, what is tried again, and what a site tells of."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from simulator import running

VERSION = {"api-version": "2025-11-01"}


class Listener:
    """An endpoint that keeps what it gets; `agree` and `status` say how it answers."""

    def __init__(self):
        self.got = []
        self.agree = True
        self.status = 200
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_OPTIONS(self):
                listener.got.append(("OPTIONS", dict(self.headers), None))
                allowed = {"WebHook-Allowed-Origin": "eventgrid.azure.net"} if listener.agree else {}
                self.answer(200, b"", allowed)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                listener.got.append(("POST", dict(self.headers), body))
                if self.headers.get("aeg-event-type") == "SubscriptionValidation":
                    code = body[0]["data"]["validationCode"] if listener.agree else "no"
                    self.answer(200, json.dumps({"validationResponse": code}).encode(), {})
                else:
                    self.answer(listener.status, b"", {})

            def answer(self, status, body, headers):
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def bodies(self):
        return [body for method, _, body in self.got if method == "POST"]


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.close()


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.005)


def shown(sim, name="hook"):
    return next(s for s in sim.get("/subscriptions") if s["name"] == name)


def subscribe(sim, listener, *, expect="Succeeded", **more):
    sim.post("/subscriptions", {"name": "hook", "registry": "acreu1", "url": listener.url, **more})
    until(lambda: shown(sim)["state"] != "Validating")
    assert shown(sim)["state"] == expect
    listener.got.clear()


def test_event_grid_asks_before_it_delivers(sim, listener, worlds):
    sim.post("/subscriptions", {"name": "hook", "registry": "acreu1", "url": listener.url})
    until(lambda: shown(sim)["state"] == "Succeeded")
    ((_, asked, (question,)),) = listener.got
    digest = sim.push("acreu1", "app/web", "v2")
    until(lambda: shown(sim)["delivered"] == 1)
    _, headers, (event,) = listener.got[1]

    assert asked["aeg-event-type"] == "SubscriptionValidation"
    assert question["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"
    assert (headers["aeg-event-type"], headers["aeg-subscription-name"], headers["aeg-delivery-count"]) == (
        "Notification",
        "hook",
        "0",
    )
    assert (event["eventType"], event["subject"]) == ("Microsoft.ContainerRegistry.ImagePushed", "app/web:v2")
    assert event["topic"] == worlds.acr
    assert event["eventTime"] == "2026-11-24T02:00:00Z"
    target = event["data"]["target"]
    assert (target["repository"], target["tag"], target["digest"]) == ("app/web", "v2", digest)
    assert (event["data"]["action"], event["data"]["request"]["host"]) == ("push", "acreu1.azurecr.io")


def test_cloud_events_ask_with_options(sim, listener, worlds):
    sim.post(
        "/subscriptions",
        {"name": "hook", "registry": "acreu1", "url": listener.url, "schema": "CloudEventSchemaV1_0"},
    )
    until(lambda: shown(sim)["state"] == "Succeeded")
    digest = sim.push("acreu1", "app/web", "v2")
    until(lambda: shown(sim)["delivered"] == 1)
    (method, asked, _), (_, headers, event) = listener.got

    assert (method, asked["WebHook-Request-Origin"]) == ("OPTIONS", "eventgrid.azure.net")
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert (event["specversion"], event["type"], event["source"], event["data"]["target"]["digest"]) == (
        "1.0",
        "Microsoft.ContainerRegistry.ImagePushed",
        worlds.acr,
        digest,
    )


@pytest.mark.parametrize("schema", ["EventGridSchema", "CloudEventSchemaV1_0"])
def test_who_does_not_agree_gets_nothing(sim, listener, schema):
    listener.agree = False
    subscribe(sim, listener, schema=schema, expect="Failed")

    sim.post("/subscriptions", {"name": "other", "registry": "acreu1", "url": listener.url, "schema": "Webhook"})
    until(lambda: shown(sim, "other")["state"] == "Succeeded")
    sim.push("acreu1", "app/web", "v2")
    until(lambda: shown(sim, "other")["delivered"] == 1)

    assert len(listener.got) == 1
    assert shown(sim)["delivered"] == shown(sim)["failed"] == 0


def test_a_webhook_gets_its_body_and_its_own_headers(sim, listener):
    subscribe(
        sim, listener, schema="Webhook", headers={"X-Secret": "s3"}, scope="app/web:*", actions=["push", "delete"]
    )
    sim.push("acreu1", "app/job", "v2")
    digest = sim.push("acreu1", "app/web", "v2")
    until(lambda: shown(sim)["delivered"] == 1)
    httpx.request(
        "DELETE",
        f"{sim.control}/images",
        json={"registry": "acreu1", "repository": "app/web", "tag": "v2"},
        trust_env=False,
    ).raise_for_status()
    until(lambda: shown(sim)["delivered"] == 2)
    sim.post("/subscriptions/hook/ping")
    until(lambda: shown(sim)["delivered"] == 3)

    pushed, deleted, ping = listener.bodies
    assert (pushed["action"], pushed["target"]["digest"], pushed["target"]["tag"]) == ("push", digest, "v2")
    assert (deleted["action"], deleted["target"]["digest"], "tag" in deleted["target"]) == ("delete", digest, False)
    assert (ping["action"], sorted(ping)) == ("ping", ["action", "id", "timestamp"])
    assert all(headers["X-Secret"] == "s3" for _, headers, _ in listener.got)
    assert "s3" not in json.dumps(sim.get("/subscriptions"))


def test_a_chart_is_told_apart(sim, listener):
    subscribe(sim, listener)
    sim.post("/images", {"registry": "acreu1", "repository": "charts/web", "tag": "1", "chart": True})
    until(lambda: shown(sim)["delivered"] == 1)

    ((event,),) = listener.bodies
    assert event["eventType"] == "Microsoft.ContainerRegistry.ChartPushed"
    assert event["data"]["target"]["mediaType"] == "application/vnd.acr.helm.chart"


def test_a_failed_delivery_is_tried_again_with_the_same_id(sim, listener):
    subscribe(sim, listener)
    listener.status = 503
    sim.push("acreu1", "app/web", "v2")
    for failed, wait in ((1, 9), (1, 1), (2, 30), (3, 60)):
        until(lambda count=failed: len(listener.got) == shown(sim)["failed"] == count)
        sim.step(wait)
    until(lambda: shown(sim)["failed"] == 4)
    listener.status = 200
    sim.step(300)
    until(lambda: shown(sim)["delivered"] == 1)

    assert len({event["id"] for (event,) in listener.bodies}) == 1
    assert [headers["aeg-delivery-count"] for _, headers, _ in listener.got] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(("schema", "status"), [("EventGridSchema", 400), ("EventGridSchema", 403), ("Webhook", 500)])
def test_what_cannot_be_mended_is_dropped(sim, listener, schema, status):
    subscribe(sim, listener, schema=schema)
    listener.status = status
    sim.push("acreu1", "app/web", "v2")
    until(lambda: shown(sim)["dropped"] == 1)
    sim.step(86400)

    assert len(listener.got) == 1


def test_a_site_tells_of_what_has_arrived(sim, site, http, worlds, listener):
    site.install()
    place = f"{worlds.acr}/connectedRegistries/berlin1"
    patterns = {"properties": {"notificationsList": ["app/web:*:push"]}}
    http.patch(place, params=VERSION, json=patterns).raise_for_status()
    subscribe(sim, listener)
    sim.site("k-ber1", link=False)
    sim.push("acreu1", "app/job", "v2")
    digest = sim.push("acreu1", "app/web", "v2")
    until(lambda: shown(sim)["delivered"] == 2)
    sim.step(600)
    offline = len(listener.got)
    sim.site("k-ber1", link=True)
    sim.step(70)
    until(lambda: shown(sim)["delivered"] == 3)

    (event,) = listener.bodies[-1]
    assert offline == 2
    assert (event["data"]["connectedRegistry"], event["data"]["target"]["digest"]) == ({"name": "berlin1"}, digest)


def test_a_world_has_its_subscriptions(worlds, listener):
    hook = {"name": "hook", "registry": "acreu1", "url": listener.url, "schema": "Webhook"}
    with running(worlds.make(eventSubscriptions=[hook]), manual=True) as sim:
        until(lambda: shown(sim)["state"] == "Succeeded")
        sim.push("acreu1", "app/web", "v2")
        until(lambda: shown(sim)["delivered"] == 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "http://example.com/hook"}, "not on the loopback address"),
        ({"schema": "Carrier"}, "'Carrier' is none of"),
        ({"actions": ["dance"]}, "each is one of push"),
        ({"registry": "nobody"}, "no registry 'nobody'"),
    ],
)
def test_an_impossible_subscription_is_refused(sim, worlds, change, words):
    body = {"name": "hook", "registry": "acreu1", "url": "http://127.0.0.1:1/"} | change

    by_control = httpx.post(f"{sim.control}/subscriptions", json=body, trust_env=False)
    by_world = httpx.post(f"{sim.control}/world", json=worlds.make(eventSubscriptions=[body]), trust_env=False)

    assert words in by_control.json()["errors"][0]
    assert (by_world.status_code, words in by_world.json()["errors"][0]) == (400, True)
