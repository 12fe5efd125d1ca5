"""A simulator on the loopback address, and the real Azure clients that talk to it."""

from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistry.models import GenerateCredentialsParameters
from azure.mgmt.kubernetesconfiguration.v2023_05_01 import SourceControlConfigurationClient
from azure.mgmt.kubernetesconfiguration.v2023_05_01.models import Extension

from simulator import Simulator, running

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
ACR = "/subscriptions/{}/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry/registries/acreu1"
ARC = "/subscriptions/{}/resourceGroups/rg-arc/providers/Microsoft.Kubernetes/connectedClusters/k-ber1"
CLUSTER = ("rg-arc", "Microsoft.Kubernetes", "connectedClusters", "k-ber1")
TYPE = "microsoft.containerregistry.connectedregistry"


class StaticAuth(SansIOHTTPPolicy):
    """Plain HTTP needs it: the SDK's own policy refuses bearer tokens without TLS."""

    def on_request(self, request):
        request.http_request.headers["Authorization"] = "Bearer fake"


class FakeCredential:
    """Never asked over plain HTTP; the clients want one anyhow."""

    def get_token(self, *_scopes, **_options):
        return AccessToken("fake", 4102444800)


class Site:
    """One site as a person with the Azure SDK treats it."""

    def __init__(self, sim: Simulator, base_url: str, api_version: str | None = None) -> None:
        options = {"authentication_policy": StaticAuth(), "polling_interval": 0, "retry_total": 0}
        self.sim = sim
        self.acr = ContainerRegistryManagementClient(
            FakeCredential(), SUBSCRIPTION, base_url, **options, **({"api_version": api_version} if api_version else {})
        )
        self.arc = SourceControlConfigurationClient(FakeCredential(), SUBSCRIPTION, base_url, **options)

    def close(self):
        self.acr.close()
        self.arc.close()

    def generate(self, name="password1", *, of="berlin1", **options):
        token_id = f"{ACR.format(SUBSCRIPTION)}/tokens/{of}"
        body = GenerateCredentialsParameters(token_id=token_id, name=name, **options)
        return self.acr.registries.begin_generate_credentials("rg-acr", "acreu1", body).result()

    def connected(self, name="berlin1"):
        return self.acr.connected_registries.get("rg-acr", "acreu1", name)

    def string(self, password, **change):
        connected = self.connected()
        parts = {
            "ConnectedRegistryName": "berlin1",
            "SyncTokenName": "berlin1",
            "SyncTokenPassword": password,
            "ParentGatewayEndpoint": connected.parent.sync_properties.gateway_endpoint,
            "ParentEndpointProtocol": "https",
        } | change
        return ";".join(f"{key}={value}" for key, value in parts.items())

    def begin_install(self, string, *, name="berlin1", ip="10.96.0.50", cluster="k-ber1", **change):
        properties = {
            "extension_type": TYPE,
            "auto_upgrade_minor_version": True,
            "configuration_settings": {"service.clusterIP": ip},
            "configuration_protected_settings": {"connectionString": string},
        } | change
        where = (*CLUSTER[:3], cluster)
        return self.arc.extensions.begin_create(*where, name, Extension(**properties), polling=False)

    def install(self, **change):
        """Install with a fresh password and let the site come online."""
        password = self.generate().passwords[0].value
        self.begin_install(self.string(password), **change)
        self.sim.step(400)
        return password

    def extension(self, name="berlin1", cluster="k-ber1"):
        return self.arc.extensions.get(*CLUSTER[:3], cluster, name)


def world(**change):
    """Return a world of one registry and two clusters; keys of `change` replace whole sections."""
    registry = {
        "name": "acreu1",
        "images": [{"repository": "app/web", "tag": "stable"}, {"repository": "app/job", "tag": "once"}],
        "connectedRegistries": [{"name": "berlin1", "repositories": ["app/web"], "clientTokens": ["berlin1-pull"]}],
    }
    return {
        "time": "2026-11-24T02:00:00Z",
        "registries": [registry | change.pop("registry", {})],
        "clusters": [{"name": "k-ber1"}, {"name": "k-ber2"}],
    } | change


@pytest.fixture
def worlds():
    return SimpleNamespace(make=world, acr=ACR.format(SUBSCRIPTION), arc=ARC.format(SUBSCRIPTION))


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A simulator whose time moves by `step` only."""
    with running(world(), manual=True) as simulator:
        yield simulator


@pytest.fixture
def site(sim) -> Iterator[Site]:
    site = Site(sim, sim.url)
    yield site
    site.close()


@pytest.fixture
def http(sim) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer fake"}
    with httpx.Client(base_url=sim.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def make_site():
    """Return a function that makes a `Site` for another simulator or api-version."""
    made = []

    def make(sim, **options):
        made.append(Site(sim, sim.url, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()
