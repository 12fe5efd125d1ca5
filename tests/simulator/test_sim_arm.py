"""ARM's envelope: ids without case, api-versions, errors, limits; the aio clients; identity over TLS."""

import asyncio
import time

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.identity import ClientSecretCredential
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistry.aio import ContainerRegistryManagementClient as AioAcr
from azure.mgmt.containerregistry.models import GenerateCredentialsParameters
from azure.mgmt.kubernetesconfiguration.v2023_05_01.aio import SourceControlConfigurationClient as AioArc
from azure.mgmt.kubernetesconfiguration.v2023_05_01.models import Extension

from simulator import running

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TYPE = "microsoft.containerregistry.connectedregistry"
VERSION = {"api-version": "2025-11-01"}


class StaticAuth(SansIOHTTPPolicy):
    def on_request(self, request):
        request.http_request.headers["Authorization"] = "Bearer fake"


class AioCredential:
    async def get_token(self, *_scopes, **_options):
        return AccessToken("fake", 4102444800)

    async def close(self):
        pass

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        pass


def test_ids_have_no_case(http, worlds):
    mixed = worlds.acr.upper().replace("/SUBSCRIPTIONS", "/subscriptions")

    assert http.get(mixed, params=VERSION).json()["id"] == worlds.acr


def test_an_api_version_is_needed_and_any_will_do(http, worlds):
    missing, odd = http.get(worlds.acr), http.get(worlds.acr, params={"API-Version": "1999-01-01"})

    assert missing.status_code == 400
    assert missing.json()["error"]["code"] == "MissingApiVersionParameter"
    assert odd.status_code == 200


def test_without_a_token_nothing_is_shown(http, worlds):
    answer = http.get(worlds.acr, params=VERSION, headers={"Authorization": ""})

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationFailed")
    assert "authorization_uri" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (SUBSCRIPTION, "11111111-1111-1111-1111-111111111111", "SubscriptionNotFound"),
        ("rg-acr", "rg-none", "ResourceGroupNotFound"),
        ("rg-acr", "rg-arc", "ResourceNotFound"),
        ("registries/acreu1", "registries/none", "ResourceNotFound"),
        ("registries/acreu1", "registries/acreu1/unknown/x", "NotFound"),
    ],
)
def test_what_is_not_there_is_named(http, worlds, old, new, code):
    answer = http.get(worlds.acr.replace(old, new), params=VERSION)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)


def test_a_resource_s_404_is_the_recorded_one(http, worlds):
    answer = http.get(f"{worlds.acr}/scopeMaps/nothing", params=VERSION)

    message = "The resource nothing could not be found."
    expected = {"error": {"code": "ResourceNotFound", "message": message}, "status": "Failed"}
    assert answer.json() == expected


def test_every_answer_has_identifiers_and_what_is_left(http, worlds):
    answer = http.get(worlds.acr, params=VERSION, headers={"x-ms-client-request-id": "mine"})

    headers = answer.headers
    assert {"x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id"} <= set(headers)
    assert headers["x-ms-client-request-id"] == "mine"
    assert int(headers["x-ms-ratelimit-remaining-subscription-global-reads"]) > 0
    assert headers["Date"] == "Tue, 24 Nov 2026 02:00:00 GMT"


def test_the_bucket_empties_and_refills_in_simulated_time(sim, http, worlds):
    sim.load(worlds.make(limits={"armReads": {"bucket": 3, "refill": 0.5}, "armWrites": None}))

    answers = [http.get(worlds.acr, params=VERSION) for _ in range(4)]
    sim.step(2)
    again = http.get(worlds.acr, params=VERSION)

    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[0].headers["x-ms-ratelimit-remaining-subscription-reads"] == "2"
    assert answers[-1].headers["Retry-After"] == "2"
    assert answers[-1].json()["error"]["code"] == "TooManyRequests"
    assert again.status_code == 200


def test_latency_is_simulated_time(worlds):
    with running(worlds.make(timings={"getLatency": 60}), speed=1000) as sim:
        began = time.monotonic()
        httpx.get(sim.url + worlds.acr, params=VERSION, headers={"Authorization": "Bearer x"}, trust_env=False)
        took = time.monotonic() - began

    assert 0.05 < took < 2


def test_az_finds_registries_by_name(http):
    query = VERSION | {"$filter": "resourceType eq 'Microsoft.ContainerRegistry/registries'"}
    found = http.get(f"/subscriptions/{SUBSCRIPTION}/resources", params=query).json()["value"]

    assert [r["name"] for r in found] == ["acreu1"]
    everything = http.get(f"/subscriptions/{SUBSCRIPTION}/resources", params=VERSION).json()["value"]
    assert [r["name"] for r in everything] == ["acreu1", "k-ber1", "k-ber2"]


def test_subscriptions_groups_clusters_and_providers_are_listed(http):
    def names(path):
        return [v["name" if "name" in v else "subscriptionId"] for v in http.get(path, params=VERSION).json()["value"]]

    place = f"/subscriptions/{SUBSCRIPTION}"
    assert names("/subscriptions") == [SUBSCRIPTION]
    assert names(f"{place}/resourcegroups") == ["rg-acr", "rg-arc"]
    assert names(f"{place}/providers/Microsoft.Kubernetes/connectedClusters") == ["k-ber1", "k-ber2"]
    provider = http.get(f"{place}/providers/Microsoft.KubernetesConfiguration", params=VERSION).json()
    assert provider["registrationState"] == "Registered"


async def test_the_aio_clients_bring_a_site_online(sim):
    options = {"authentication_policy": StaticAuth(), "polling_interval": 0.05}
    token = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry"
    token += "/registries/acreu1/tokens/berlin1"
    async with (
        AioAcr(AioCredential(), SUBSCRIPTION, sim.url, **options) as acr,
        AioArc(AioCredential(), SUBSCRIPTION, sim.url, **options) as arc,
    ):
        made = await acr.registries.begin_generate_credentials(
            "rg-acr", "acreu1", GenerateCredentialsParameters(token_id=token, name="password1")
        )
        password = (await made.result()).passwords[0].value
        gateway = "acreu1.westeurope.data.azurecr.io"
        string = (
            f"ConnectedRegistryName=berlin1;SyncTokenName=berlin1;SyncTokenPassword={password};"
            f"ParentGatewayEndpoint={gateway};ParentEndpointProtocol=https"
        )
        body = Extension(
            extension_type="Microsoft.ContainerRegistry.ConnectedRegistry",
            configuration_settings={"service.clusterIP": "10.96.0.50"},
            configuration_protected_settings={"connectionString": string},
        )
        where = ("rg-arc", "Microsoft.Kubernetes", "connectedClusters", "k-ber1", "berlin1")
        poller = await arc.extensions.begin_create(*where, body)
        await asyncio.to_thread(sim.step, 400)
        extension = await poller.result()
        online = [c.connection_state async for c in acr.connected_registries.list("rg-acr", "acreu1")]

    assert extension.provisioning_state == "Succeeded"
    assert online == ["Online"]


def test_azure_identity_gets_its_token_over_tls(worlds):
    with running(worlds.make(), tls=True) as sim:
        credential = ClientSecretCredential(
            "00000000-0000-0000-0000-00000000feed",
            "client",
            "secret",
            authority=sim.url,
            disable_instance_discovery=True,
            connection_verify=sim.ca,
        )
        client = ContainerRegistryManagementClient(
            credential,
            SUBSCRIPTION,
            sim.url,
            connection_verify=sim.ca,
            credential_scopes=[f"{sim.url}/.default"],
        )
        names = [r.name for r in client.registries.list()]
        client.close()
        credential.close()

        assert names == ["acreu1"]
        assert sim.description["arm"].startswith("https://127.0.0.1:")
        assert sim.counters()["byKind"]["identity POST token"] == 1


def test_long_lists_come_in_pages(sim, http, worlds):
    names = [f"token-{i:03}" for i in range(250)]
    maps = [{"name": "all"}]
    sim.load(worlds.make(registry={"scopeMaps": maps, "tokens": [{"name": n, "scopeMap": "all"} for n in names]}))

    first = http.get(f"{worlds.acr}/tokens", params=VERSION).json()
    second = http.get(first["nextLink"]).json()

    assert len(first["value"]) == 200
    assert "nextLink" not in second
    assert [t["name"] for t in first["value"] + second["value"]][:250] == names


def test_every_list_has_pages(sim, http, worlds):
    place = f"/subscriptions/{SUBSCRIPTION}"
    pair = [{"name": "berlin1"}, {"name": "berlin2"}]
    second = {"name": "acreu2"}
    first = worlds.make(registry={"connectedRegistries": pair})["registries"][0]
    sim.load(worlds.make(registries=[first, second], pageSize=1))
    site = {"extensionType": TYPE, "configurationSettings": {}, "configurationProtectedSettings": {}}
    for name in ("one", "two"):
        put = f"{worlds.arc}/providers/Microsoft.KubernetesConfiguration/extensions/{name}"
        assert http.put(put, params=VERSION, json={"properties": site}).status_code == 201

    lists = {
        f"{place}/resources": 4,
        f"{place}/resourceGroups": 2,
        f"{place}/providers/Microsoft.Kubernetes/connectedClusters": 2,
        f"{worlds.arc.rsplit('/', 1)[0]}": 2,
        f"{place}/providers/Microsoft.ContainerRegistry/registries": 2,
        f"{worlds.acr.rsplit('/', 1)[0]}": 2,
        f"{worlds.acr}/connectedRegistries": 2,
        f"{worlds.acr}/tokens": 2,
        f"{worlds.acr}/scopeMaps": 2,
        f"{worlds.arc}/providers/Microsoft.KubernetesConfiguration/extensions": 2,
    }
    assert {path: len(list(_pages(http, path))) for path in lists} == lists


def _pages(http, path):
    answer = http.get(path, params=VERSION).json()
    while True:
        (item,) = answer["value"]
        yield item["id"]
        if not answer.get("nextLink"):
            return
        answer = http.get(answer["nextLink"]).json()


def test_clusters_show_their_tags(sim, http, worlds):
    sim.load(worlds.make(clusters=[{"name": "k-ber1", "tags": {"ring": "1"}}]))

    (cluster,) = http.get(worlds.arc.rsplit("/", 1)[0], params=VERSION).json()["value"]

    assert cluster["tags"] == {"ring": "1"}
