"""Azure's recorded traffic, replayed against the simulator: every difference is meant and has its reason here."""

import copy

import httpx
import pytest
from replaying import TYPE, ZERO, Difference, Meant, Replay, passed, read, report

from simulator import running

ADDRESS = "10.96.0.50"
REGISTRY = {
    "name": "acreu1",
    "subscription": ZERO,
    "connectedRegistries": [{"name": "berlin1", "repositories": ["app/web"]}],
}
# Recordings without dates in which time has passed: by then the agent has taken the extension up.
WAITS = {("k8s_extension", 3): 30}
GLOBAL = "header x-ms-ratelimit-remaining-subscription-global-"
READS = "header x-ms-ratelimit-remaining-subscription-reads"
TIMEOUT = "header x-ms-async-operation-timeout"
CLUSTER = "properties."
SIGNATURE = "header azure-asyncoperation, signature"
TOKEN_BUCKETS = "sent since ARM counts with token buckets (2024), later than the recordings"
UNSIGNED = "recorded before ARM signed its links, which arc_extension_install shows from November 2023 on"
FEW_HEADERS = "not among the headers that the data file keeps; specs/CreateExtension.json has it"
MEANT = [
    Meant("*", "GET *", READS, "absent", "a number", "Azure sends it; azure-cli's recorder leaves it out"),
    Meant("*", "GET *", f"{GLOBAL}reads", "absent", "a number", TOKEN_BUCKETS),
    Meant("*", "P*", f"{GLOBAL}writes", "absent", "a number", TOKEN_BUCKETS),
    Meant("*", "DELETE *", f"{GLOBAL}deletes", "absent", "a number", TOKEN_BUCKETS),
    Meant("acr_*", "*", SIGNATURE, "absent", "t c s h", UNSIGNED),
    Meant("k8s_extension", "PUT extensions", SIGNATURE, "absent", "t c s h", UNSIGNED),
    Meant("arc_extension_install", "PUT extensions", TIMEOUT, "absent", "PT48H", FEW_HEADERS),
    Meant("k8s_extension", "PUT extensions", TIMEOUT, "absent", "PT48H", FEW_HEADERS),
    Meant("arc_*", "GET *", f"{CLUSTER}agentPublicKeyCertificate", "'REDACTED'", "'MII*'", "redacted in the data"),
    Meant("arc_*", "GET *", f"{CLUSTER}distribution", "'aks'", "'generic'", "a simulated cluster is nobody's"),
    Meant("arc_*", "GET *", f"{CLUSTER}infrastructure", "'azure'", "'generic'", "a simulated cluster is on no cloud"),
    Meant("k8s_*", "GET providers", "authorizations", "5 items", "absent", "Azure's own principals: no client asks"),
    Meant("k8s_*", "GET providers", "resourceTypes", "11 items", "0 items", "clients read registrationState alone"),
]


def world(recording, **more):
    """Return a world at a recording's start."""
    start = next(moment for moment in map(passed, recording) if moment)
    return {"time": start.isoformat(), "subscription": ZERO} | more


def group(name, **more):
    return {"name": name, "subscription": ZERO} | more


def registries(recording):
    """Fit the subscription's other registries: those that nobody else deleted in the meantime."""
    lists = [e["response_body"] for e in recording if "/resources?" in e["path_with_query"]]
    kept = set.intersection(*({item["id"] for item in body["value"]} for body in lists))
    for body in lists:
        body["value"] = [item for item in body["value"] if item["id"] in kept]
    created = {e["response_body"]["id"] for e in recording if e["status"] == 201}
    others = [item for item in lists[0]["value"] if item["id"] not in created]
    return [
        {
            "name": item["name"],
            "resourceGroup": item["id"].split("/")[4],
            "location": item["location"],
            "sku": item["sku"]["name"],
        }
        for item in others
    ]


def fitted(value, string):
    """Return a recording of another extension type as one of ours, with the settings that ours needs."""
    if isinstance(value, list):
        return [fitted(item, string) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: fitted(below, string) for key, below in value.items()}
    if "extensionType" in value:
        value["extensionType"] = TYPE
        value["configurationSettings"] |= {"service.clusterIP": ADDRESS}
        answered = "provisioningState" in value
        value["configurationProtectedSettings"] |= {"connectionString": "" if answered else string}
    return value


def connection(http):
    """Return a connection string with a password that holds."""
    base = f"/subscriptions/{ZERO}/resourceGroups/rg-acr/providers/Microsoft.ContainerRegistry/registries/acreu1"
    body = {"tokenId": f"{base}/tokens/berlin1", "name": "password1"}
    made = http.post(f"{base}/generateCredentials?api-version=2025-11-01", json=body).json()
    parts = {
        "ConnectedRegistryName": "berlin1",
        "SyncTokenName": "berlin1",
        "SyncTokenPassword": made["passwords"][0]["value"],
        "ParentGatewayEndpoint": "acreu1.westeurope.data.azurecr.io",
        "ParentEndpointProtocol": "https",
    }
    return ";".join(f"{key}={value}" for key, value in parts.items())


def replay(source, recording, start):
    with (
        running(start, manual=True) as sim,
        httpx.Client(base_url=sim.url, headers={"Authorization": "Bearer fake"}, trust_env=False) as http,
    ):
        if "clusters" in start:
            recording = fitted(recording, connection(http))
        run = Replay(source, sim, http)
        for exchange in recording:
            run.play(exchange, WAITS.get((source, exchange["seq"]), 0))
        run.end()
        return run.found


@pytest.fixture(scope="module")
def found():
    """Every difference of every recording."""
    differences = {}
    for name, more in STARTS.items():
        recording = copy.deepcopy(read(f"recordings/{name}.json"))
        differences |= replay(name, recording, world(recording, **more(recording)))
    return differences


STARTS = {
    "acr_connected_registry": lambda recording: {
        "resourceGroups": [group("clitest.rg000001", location="eastus")],
        "registries": registries(recording),
    },
    "acr_token": lambda recording: {
        "resourceGroups": [group("clitest.rg000001", location="westus", tags=recording[0]["response_body"]["tags"])],
        "registries": registries(recording),
    },
    "arc_extension_install": lambda recording: {
        "tenant": recording[0]["response_body"]["identity"]["tenantId"],
        "versions": ["1.17.9"],
        "registries": [REGISTRY],
        "clusters": [
            {
                "name": "my-connected-cluster",
                "resourceGroup": "clitest.rg000001",
                "location": "eastus",
                "kubernetes": {"version": "1.27.7", "nodes": [{"name": f"node-{n}"} for n in range(4)]},
            }
        ],
    },
    "k8s_extension": lambda _recording: {
        "versions": ["1.6.0"],
        "registries": [REGISTRY],
        "clusters": [{"name": "arc-cluster", "resourceGroup": "azurecli-tests", "location": "eastus"}],
    },
}


def test_every_difference_from_the_recordings_is_meant(found):
    differences = report(found, MEANT)
    assert not differences, f"\n{differences}"


def test_a_difference_that_is_not_meant_is_reported():
    other = Difference("acr_token", "GET tokens", "properties.status", "'enabled'", "absent")

    assert report({other: [9]}, []) == (
        "acr_token [9] GET tokens: properties.status: recorded 'enabled', simulated absent"
    )


def test_a_meant_difference_that_is_gone_is_reported():
    meant = Meant("acr_token", "GET tokens", "properties.status", "'enabled'", "absent", "why")

    assert report({}, [meant]).startswith("no longer occurs: Meant(source='acr_token'")
