"""Roles: what a caller may do, what he is told he may do, and what he is refused."""

import base64
import json

import httpx
import pytest

from simulator.roles import operation

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
VERSION = {"api-version": "2022-04-01"}
DEPLOYER = {
    "clientId": "deployer",
    "objectId": "11111111-0000-0000-0000-000000000000",
    "token": "fake",
    "roles": [
        {
            "name": "Connected registries of one group",
            "scope": f"{SUB}/resourceGroups/rg-acr",
            "actions": ["Microsoft.ContainerRegistry/registries/*"],
            "notActions": ["Microsoft.ContainerRegistry/registries/*/delete", "*/generateCredentials/action"],
        },
        {"scope": f"{SUB}/resourceGroups/rg-arc", "actions": ["*/read"]},
    ],
}
PERMISSIONS = "/providers/Microsoft.Authorization/permissions"


def as_principals(sim, *principals):
    sim.post("/principals", {"principals": list(principals)})


def allowing(*actions, scope=SUB):
    return {"clientId": "deployer", "token": "fake", "roles": [{"scope": scope, "actions": list(actions)}]}


@pytest.fixture
def limited(sim, http):
    as_principals(sim, DEPLOYER)
    return http


def test_a_world_without_principals_allows_everything(http, worlds):
    answer = http.get(worlds.acr + PERMISSIONS, params=VERSION).json()

    assert answer == {"value": [{"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []}]}
    assert http.delete(f"{worlds.acr}/connectedRegistries/berlin1", params=VERSION).status_code == 200


@pytest.mark.parametrize(
    ("scope", "count"),
    [
        (SUB, 0),
        (f"{SUB}/resourcegroups/RG-ACR", 1),
        (f"{SUB}/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry/registries/acreu1", 1),
        (f"{SUB}/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry/registries/acreu1/tokens/berlin1", 1),
        (f"{SUB}/resourceGroups/rg-arc/providers/Microsoft.Kubernetes/connectedClusters/k-ber1", 1),
        (
            f"{SUB}/resourceGroups/rg-arc/providers/Microsoft.Kubernetes/connectedClusters/k-ber1"
            "/providers/Microsoft.KubernetesConfiguration/extensions/berlin1",
            1,
        ),
    ],
)
def test_permissions_are_those_that_hold_at_a_scope(limited, scope, count):
    answer = limited.get(scope + PERMISSIONS, params=VERSION)

    assert (answer.status_code, len(answer.json()["value"])) == (200, count)


def test_permissions_show_each_role(limited, worlds):
    (shown,) = limited.get(worlds.acr + PERMISSIONS, params=VERSION).json()["value"]

    role = DEPLOYER["roles"][0]
    assert shown == {
        "actions": role["actions"],
        "notActions": role["notActions"],
        "dataActions": [],
        "notDataActions": [],
    }


@pytest.mark.parametrize(
    ("method", "place", "action", "scope"),
    [
        ("POST", "{acr}/generateCredentials", "Microsoft.ContainerRegistry/registries/generateCredentials/action", ""),
        ("DELETE", "{acr}/tokens/berlin1", "Microsoft.ContainerRegistry/registries/tokens/delete", "/tokens/berlin1"),
        (
            "PUT",
            "{arc}/providers/Microsoft.KubernetesConfiguration/extensions/berlin1",
            "Microsoft.KubernetesConfiguration/extensions/write",
            "/providers/Microsoft.KubernetesConfiguration/extensions/berlin1",
        ),
    ],
)
def test_what_no_role_allows_is_refused_in_arm_s_words(limited, worlds, method, place, action, scope):
    where = worlds.acr if place.startswith("{acr}") else worlds.arc
    answer = limited.request(method, place.format(acr=worlds.acr, arc=worlds.arc), params=VERSION, json={})

    assert answer.status_code == 403
    assert answer.json()["error"] == {
        "code": "AuthorizationFailed",
        "message": "The client 'deployer' with object id '11111111-0000-0000-0000-000000000000' does not have "
        f"authorization to perform action '{action}' over scope '{where}{scope}' or the scope is invalid. "
        "If access was recently granted, please refresh your credentials.",
    }


def test_a_refused_write_changes_nothing(sim, limited, worlds):
    limited.delete(f"{worlds.acr}/tokens/berlin1", params=VERSION)

    assert limited.get(f"{worlds.acr}/tokens/berlin1", params=VERSION).status_code == 200
    assert sim.counters()["unknownRoutes"] == 0


def test_what_a_role_allows_is_done(limited, worlds):
    change = {"properties": {"logging": {"logLevel": "Debug"}}}
    answer = limited.patch(f"{worlds.acr}/connectedRegistries/berlin1", params=VERSION, json=change)

    assert (answer.status_code, answer.json()["properties"]["logging"]["logLevel"]) == (200, "Debug")
    assert limited.get(f"{worlds.arc}", params=VERSION).status_code == 200


def test_access_comes_before_existence(limited):
    group = f"{SUB}/resourceGroups/rg-none/providers/Microsoft.Kubernetes/connectedClusters/k1"

    assert limited.get(group, params=VERSION).json()["error"]["code"] == "AuthorizationFailed"


def test_lists_of_a_subscription_show_what_the_caller_may_see(sim, http):
    kinds = ("Microsoft.Kubernetes/connectedClusters", "Microsoft.ContainerRegistry/registries")
    as_principals(sim, allowing("Microsoft.Kubernetes/connectedClusters/read", scope=f"{SUB}/resourceGroups/rg-arc"))

    found = {kind: http.get(f"{SUB}/providers/{kind}", params=VERSION) for kind in kinds}
    index = http.get(f"{SUB}/resources", params=VERSION).json()["value"]

    assert [c["name"] for c in found[kinds[0]].json()["value"]] == ["k-ber1", "k-ber2"]
    assert found[kinds[1]].status_code == 403
    assert [r["name"] for r in index] == ["k-ber1", "k-ber2"]
    assert [s["subscriptionId"] for s in http.get("/subscriptions", params=VERSION).json()["value"]] == [SUB[15:]]


def test_a_stranger_sees_no_subscription(sim, http):
    as_principals(sim, {"clientId": "somebody"})

    assert http.get("/subscriptions", params=VERSION).json() == {"value": []}
    assert http.get(f"{SUB}/resources", params=VERSION).status_code == 403
    assert http.get(SUB + PERMISSIONS, params=VERSION).json() == {"value": []}


def test_registering_a_provider_needs_a_right_at_the_subscription(sim, http, worlds):
    sim.load(worlds.make(providers={"Microsoft.KubernetesConfiguration": "NotRegistered"}))
    place = f"{SUB}/providers/Microsoft.KubernetesConfiguration"
    as_principals(sim, allowing("*/read"))
    state = http.get(place, params=VERSION).json()["registrationState"]
    refused = http.post(f"{place}/register", params=VERSION)
    as_principals(sim, allowing("Microsoft.KubernetesConfiguration/register/action"))
    done = http.post(f"{place}/register", params=VERSION)

    assert (state, refused.status_code) == ("NotRegistered", 403)
    assert "'Microsoft.KubernetesConfiguration/register/action'" in refused.json()["error"]["message"]
    assert done.json()["registrationState"] == "Registered"


def test_a_client_of_the_authority_is_known_by_its_id(sim):
    as_principals(sim, {"clientId": "deployer", "roles": [{"scope": SUB, "actions": ["*"]}]})

    def reads(client_id):
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": "x"}
        token = httpx.post(f"{sim.url}/tenant/oauth2/v2.0/token", data=form, trust_env=False).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{sim.url}{SUB}", params=VERSION, headers=headers, trust_env=False)

    assert reads("deployer").status_code == 200
    assert "The client 'other' with object id" in reads("other").json()["error"]["message"]


@pytest.mark.parametrize(
    ("actions", "status", "catalog"),
    [
        (["Microsoft.ContainerRegistry/registries/pull/read"], 200, ["app/job", "app/web"]),
        (["Microsoft.ContainerRegistry/registries/push/write"], 403, []),
    ],
)
def test_pulling_with_an_entra_token_needs_its_own_right(sim, http, actions, status, catalog):
    as_principals(sim, allowing(*actions))
    place = "/registry/acreu1.azurecr.io"
    form = {"grant_type": "access_token", "service": "acreu1.azurecr.io", "access_token": "fake"}
    refresh = http.post(f"{place}/oauth2/exchange", data=form).json()["refresh_token"]

    def bearer(scope):
        form = {"grant_type": "refresh_token", "scope": scope, "refresh_token": refresh}
        return {"Authorization": "Bearer " + http.post(f"{place}/oauth2/token", data=form).json()["access_token"]}

    pull, everything = bearer("repository:app/web:pull"), bearer("registry:catalog:*")
    assert http.get(f"{place}/v2/app/web/manifests/stable", headers=pull).status_code == status
    for path in ("/v2/_catalog", "/acr/v1/_catalog"):
        assert http.get(place + path, headers=everything).json() == {"repositories": catalog}


def test_an_entra_token_without_a_role_on_the_registry_is_not_exchanged(sim, http):
    as_principals(sim, allowing("*", scope=f"{SUB}/resourceGroups/rg-arc"))
    form = {"grant_type": "access_token", "service": "acreu1.azurecr.io", "access_token": "fake"}

    answer = http.post("/registry/acreu1.azurecr.io/oauth2/exchange", data=form)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")


def test_impossible_roles_are_refused(sim):
    answer = httpx.post(
        f"{sim.control}/principals",
        json={"principals": [{"clientId": "a", "roles": [{"scope": "/", "actions": "*"}, {"actions": []}]}]},
        trust_env=False,
    )

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        "world.principals[0].roles[0].actions: must be a list of texts",
        "world.principals[0].roles[1]: scope is missing",
    ]


def test_the_token_s_payload_may_be_anything(sim, http):
    as_principals(sim, DEPLOYER)
    strange = base64.urlsafe_b64encode(json.dumps([1]).encode()).decode().rstrip("=")

    for token in ("a.b.c", f"a.{strange}.c", "é"):
        headers = {"Authorization": f"Bearer {token}".encode()}
        assert http.get(SUB, params=VERSION, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", SUB, ("Microsoft.Resources/subscriptions/read", SUB)),
        ("GET", f"{SUB}/resourceGroups/g", ("Microsoft.Resources/subscriptions/resourceGroups/read", "{}")),
        ("GET", f"{SUB}/providers/Microsoft.X/things", ("Microsoft.X/things/read", SUB)),
        ("POST", f"{SUB}/providers/Microsoft.X/checkNameAvailability", ("Microsoft.X/checkNameAvailability/read", SUB)),
        (
            "POST",
            f"{SUB}/resourceGroups/g/providers/Microsoft.X/things/a/parts/b/stop",
            ("Microsoft.X/things/parts/stop/action", f"{SUB}/resourceGroups/g/providers/Microsoft.X/things/a/parts/b"),
        ),
    ],
)
def test_requests_need_the_operation_that_their_path_names(method, path, expected):
    assert operation(method, path) == (expected[0], expected[1].format(path))
