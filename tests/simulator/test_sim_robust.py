"""Requests that no well-behaved client sends: each gets an error of the right kind, never a 500."""

import pytest

VERSION = {"api-version": "2025-11-01"}
EXTENSION = "providers/Microsoft.KubernetesConfiguration/extensions/berlin1"


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("PUT", "{acr}", b"{}", 400),
        ("PUT", "{acr}", b'{"location": 5}', 400),
        ("PUT", "{acr}", b'{"location": "westeurope", "sku": "Premium"}', 400),
        ("PUT", "{acr}x-", b'{"location": "westeurope", "sku": {"name": "Premium"}}', 400),
        ("PATCH", "{acr}", b'{"sku": {"name": "Best"}}', 400),
        ("PATCH", "{acr}", b'{"tags": []}', 400),
        ("PATCH", "{acr}", b'{"properties": {"dataEndpointEnabled": "yes"}}', 400),
        ("PUT", "{acr}/tokens/x", b"", 400),
        ("PUT", "{acr}/tokens/x", b"[]", 400),
        ("PUT", "{acr}/tokens/x", b'{"properties": []}', 404),
        ("PUT", "{acr}/tokens/x", b'{"properties": "x"}', 400),
        ("PATCH", "{acr}/tokens/x", b"{}", 404),
        ("PATCH", "{acr}/scopeMaps/x", b"{}", 404),
        ("PUT", "{acr}/connectedRegistries/x", b"{}", 400),
        ("PUT", "{acr}/connectedRegistries/munich1", b"{}", 404),
        ("PATCH", "{acr}/connectedRegistries/berlin1", b'{"properties": {"syncProperties": {"schedule": "x"}}}', 400),
        ("PATCH", "{acr}/connectedRegistries/berlin1", b'{"properties": {"syncProperties": {"syncWindow": "x"}}}', 400),
        ("POST", "{acr}/generateCredentials", b"{}", 404),
        ("POST", "{acr}/connectedRegistries/munich1/deactivate", b"", 404),
        ("DELETE", "{acr}/connectedRegistries/munich1", b"", 204),
        ("DELETE", "{acr}/tokens/munich1", b"", 204),
        ("DELETE", "{acr}/scopeMaps/munich1", b"", 204),
        ("POST", "{acr}/tokens/x", b"{}", 405),
        ("GET", "{acr}/operationStatuses/x", b"", 404),
        ("GET", "{acr}/tokens/x/operationResults/x", b"", 404),
        ("PUT", "{arc}/" + EXTENSION, b"{}", 400),
        ("PATCH", "{arc}/" + EXTENSION, b"{}", 404),
        ("GET", "{arc}/" + EXTENSION + "/operations/x", b"", 404),
        ("GET", "/subscriptions/x", b"", 404),
        ("GET", "/kube/nowhere/version", b"", 404),
        ("GET", "/registry/nowhere.azurecr.io/v2/", b"", 404),
        ("GET", "/", b"", 404),
        ("GET", "/registry/acreu1.azurecr.io/other", b"", 404),
        ("POST", "/registry/acreu1.azurecr.io/oauth2/exchange", b"", 401),
        ("GET", "/registry/acreu1.azurecr.io/oauth2/token", b"", 401),
    ],
)
def test_a_bad_request_is_answered_in_kind(http, worlds, method, path, content, status):
    url = path.format(acr=worlds.acr, arc=worlds.arc)

    answer = http.request(method, url, params=VERSION, content=content)

    assert answer.status_code == status
    if status >= 400 and url.startswith("/subscriptions"):
        assert answer.json()["error"]["code"]


def test_the_authority_describes_itself(sim, http):
    endpoints = http.get("/metadata/endpoints").json()
    tenant = http.get("/common/v2.0/.well-known/openid-configuration").json()

    assert endpoints["authentication"]["loginEndpoint"] == sim.url
    assert tenant["token_endpoint"] == f"{sim.url}/common/oauth2/v2.0/token"
