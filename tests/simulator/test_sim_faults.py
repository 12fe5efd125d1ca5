"""Injected faults, as real clients meet them."""

import httpx
import pytest

VERSION = "?api-version=2025-11-01"


@pytest.fixture
def registry(worlds):
    return worlds.acr + VERSION


def test_a_status_is_answered_so_many_times(sim, http, registry):
    headers = {"Retry-After": "2"}
    sim.fault({"path": "registries/acreu1", "times": 2, "effect": {"status": 429, "headers": headers}})

    answers = [http.get(registry) for _ in range(3)]

    assert [a.status_code for a in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "2"
    assert sim.get("/faults")[0]["hits"] == 2


def test_the_first_matches_can_pass(sim, http, registry):
    sim.fault({"path": "acreu1", "after": 1, "times": 1, "effect": {"status": 500, "body": {"error": {}}}})

    assert [http.get(registry).status_code for _ in range(3)] == [200, 500, 200]


def test_method_and_query_select_requests(sim, http, registry):
    sim.fault({"method": "put", "path": "acreu1", "effect": {"status": 500}})
    sim.fault({"path": r"API-VERSION=2025", "times": 1, "effect": {"status": 503}})

    assert [http.get(registry).status_code for _ in range(2)] == [503, 200]


def test_a_site_selects_requests(sim, http, worlds):
    sim.fault({"path": "", "site": "k-ber1", "effect": {"status": 500}})

    assert http.get(worlds.arc + VERSION).status_code == 500
    assert http.get(worlds.arc.replace("k-ber1", "k-ber2") + VERSION).status_code == 200


def test_a_reset_comes_before_the_write(sim, http, worlds, site):
    sim.fault({"path": "generateCredentials", "times": 1, "effect": {"reset": True}})
    body = {"tokenId": f"{worlds.acr}/tokens/berlin1", "name": "password1"}

    with pytest.raises(httpx.TransportError):
        http.post(f"{worlds.acr}/generateCredentials{VERSION}", json=body)

    assert site.acr.tokens.get("rg-acr", "acreu1", "berlin1").credentials.passwords == []


def test_a_late_reset_loses_only_the_answer(sim, http, worlds, site):
    sim.fault({"path": "generateCredentials", "times": 1, "effect": {"resetAfter": True}})
    body = {"tokenId": f"{worlds.acr}/tokens/berlin1", "name": "password1"}

    with pytest.raises(httpx.TransportError):
        http.post(f"{worlds.acr}/generateCredentials{VERSION}", json=body)

    assert len(site.acr.tokens.get("rg-acr", "acreu1", "berlin1").credentials.passwords) == 1
    assert sim.audit()[0]["status"] is None


@pytest.mark.parametrize(
    ("effect", "kind", "check"),
    [
        ({"truncate": True}, "application/json; charset=utf-8", lambda text: text.startswith('{"sku"')),
        ({"html": True}, "text/html", lambda text: text.startswith("<html>")),
        ({"empty": True}, "application/json; charset=utf-8", lambda text: text == ""),
    ],
)
def test_a_spoiled_answer_is_a_success_without_its_json(http, registry, effect, kind, check):
    http.post("/control/faults", json={"path": "acreu1", "effect": effect})

    answer = http.get(registry)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert check(answer.text)
    with pytest.raises(ValueError, match=r".*"):
        answer.json()


def test_a_delayed_write_is_applied_although_its_client_gives_up(sim, http, worlds, site):
    sim.fault({"path": "generateCredentials", "effect": {"delay": 60}})
    body = {"tokenId": f"{worlds.acr}/tokens/berlin1", "name": "password1"}

    with pytest.raises(httpx.ReadTimeout):
        http.post(f"{worlds.acr}/generateCredentials{VERSION}", json=body, timeout=0.1)
    sim.step(60)

    assert len(site.acr.tokens.get("rg-acr", "acreu1", "berlin1").credentials.passwords) == 1


def test_rules_are_dropped_together(sim, http, registry):
    sim.fault({"path": "acreu1", "effect": {"status": 500}})

    sim.clear_faults()

    assert http.get(registry).status_code == 200
    assert sim.get("/faults") == []


@pytest.mark.parametrize(
    "rule",
    [
        {"path": "x"},
        {"path": "(", "effect": {"reset": True}},
        {"effect": {"boom": 1}},
        {"x": 1, "effect": {"reset": 1}},
    ],
)
def test_a_senseless_rule_is_refused(sim, rule):
    answer = httpx.post(f"{sim.control}/faults", json=rule, trust_env=False)

    assert answer.status_code == 400
    assert answer.json()["errors"]
