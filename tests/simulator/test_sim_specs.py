"""The simulator's answers have the schema of the examples in Azure's API specifications."""

import re

import pytest
from replaying import TYPE, ZERO, Difference, Meant, differing, headers, kind, read, report

from simulator import running

REGISTRY = (
    f"/subscriptions/{ZERO}/resourceGroups/myResourceGroup/providers/Microsoft.ContainerRegistry/registries/myRegistry"
)
LATEST, ARC = {"api-version": "2025-11-01"}, {"api-version": "2023-05-01"}
READ_ONLY = "read-only: recorded, and left out of the example"
RECORDED = "recorded otherwise: the example is older"
MEANT = [
    Meant("ConnectedRegistryGet", "*", "systemData", "absent", "an object", READ_ONLY),
    Meant("ConnectedRegistryGet", "*", "properties.provisioningState", "absent", "text", READ_ONLY),
    Meant("ConnectedRegistryGet", "*", "properties.connectionState", "absent", "text", READ_ONLY),
    Meant("ConnectedRegistryGet", "*", "properties.loginServer", "absent", "an object", READ_ONLY),
    Meant("ConnectedRegistryGet", "*", "*.syncProperties.gatewayEndpoint", "absent", "text", READ_ONLY),
    Meant("RegistryGenerateCredentials", "*", "passwords.*.creationTime", "absent", "moment", READ_ONLY),
    Meant("*Extension", "*", "properties.aksAssignedIdentity", "absent", "null", READ_ONLY),
    Meant("*Extension", "*", "properties.configurationProtectedSettings", "absent", "an object", READ_ONLY),
    Meant("*Extension", "*", "systemData.createdBy*", "text", "null", RECORDED),
    Meant("*Extension", "*", "systemData.lastModifiedBy*", "text", "null", RECORDED),
    Meant("CreateExtension", "*", "header operation-location*", "present", "absent", RECORDED),
    Meant("CreateExtension", "*", "header location", "absent", "present", RECORDED),
    Meant("CreateExtension", "PUT 200", "properties.currentVersion", "text", "null", "the example shows it at its end"),
    Meant("CreateExtension", "PUT 200", "header azure-asyncoperation", "absent", "present", "as with 201"),
    Meant("CreateExtension", "PUT*", "header *signature", "absent", "present", "ARM signs its links since 2023"),
    Meant("CreateExtension", "PUT*", "header x-ms-ratelimit*", "absent", "present", "no example shows it"),
    Meant("GetExtensionAsyncOperationStatus", "*", "properties", "an object", "absent", RECORDED),
    Meant("GetExtensionAsyncOperationStatus", "*", "error", "null", "absent", RECORDED),
]


def example(name, status="200"):
    return read(f"specs/{name}.json")["responses"][status]


def fitted(answer):
    """Return an example of another extension type with the one setting of ours."""
    answer["body"]["properties"]["configurationSettings"] = {"service.clusterIP": "10.96.0.50"}
    return answer


class Check:
    """Compares answers with examples and keeps every difference."""

    def __init__(self):
        self.found = {}

    def body(self, name, route, expected, answer):
        for place, recorded, simulated in differing(expected, answer, kind):
            self.found.setdefault(Difference(name, route, place, recorded, simulated), [])

    def headers(self, name, route, expected, answer, base):
        present = [dict.fromkeys(headers(given, base), "present") for given in (expected, answer)]
        for place, recorded, simulated in differing(*present, str):
            self.found.setdefault(Difference(name, route, place, recorded, simulated), [])


def world(cluster_id):
    parts = cluster_id.split("/")
    connected = {"name": "myConnectedRegistry", "mode": "ReadWrite", "repositories": ["sample/repo"]}
    tokens = ["syncToken", "client1Token", "myToken"]
    return {
        "time": "2020-12-01T00:00:00Z",
        "subscription": ZERO,
        "versions": ["0.1.4"],
        "registries": [
            {
                "name": "myRegistry",
                "resourceGroup": "myResourceGroup",
                "scopeMaps": [{"name": name} for name in tokens],
                "tokens": [{"name": name} for name in tokens],
                "connectedRegistries": [connected],
            }
        ],
        "clusters": [{"name": parts[8], "subscription": parts[2], "resourceGroup": parts[4]}],
    }


def check_registry(check, http):
    name, place = "ConnectedRegistryGet", f"{REGISTRY}/connectedRegistries/myConnectedRegistry"
    expected = example(name)["body"]
    assert http.put(place, params=LATEST, json={"properties": expected["properties"]}).status_code == 200
    check.body(name, "GET", expected, http.get(place, params=LATEST).json())
    name = "RegistryGenerateCredentials"
    asked = read(f"specs/{name}.json")["parameters"]["generateCredentialsParameters"]
    answer = http.post(f"{REGISTRY}/generateCredentials", params=LATEST, json=asked)
    check.body(name, "POST", example(name)["body"], answer.json())


def check_extension(check, sim, http):
    name = "CreateExtension"
    asked = read(f"specs/{name}.json")["parameters"]["extension"]
    asked["properties"] = example(name, "201")["body"]["properties"] | {
        "extensionType": TYPE,
        "configurationSettings": {"service.clusterIP": "10.96.0.50"},
        "configurationProtectedSettings": {"connectionString": "ConnectedRegistryName=myConnectedRegistry"},
    }
    for status in ("201", "200"):
        expected = fitted(example(name, status))
        answer = http.put(expected["body"]["id"], params=ARC, json=asked)
        assert answer.status_code == int(status)
        check.body(name, f"PUT {status}", expected["body"], answer.json())
        check.headers(name, f"PUT {status}", expected["headers"], answer.headers, sim.url)
    link = answer.headers["Azure-AsyncOperation"]
    expected = example("GetExtensionAsyncOperationStatus")["body"]
    check.body("GetExtensionAsyncOperationStatus", "GET", expected, http.get(link).json())
    sim.step(10)
    expected = fitted(example("GetExtension"))["body"]
    check.body("GetExtension", "GET", expected, http.get(expected["id"], params=ARC).json())


@pytest.fixture
def sim():
    with running(world(example("GetExtension")["body"]["id"]), manual=True) as simulator:
        yield simulator


def test_every_difference_from_the_examples_is_meant(sim, http):
    check = Check()
    check_registry(check, http)
    check_extension(check, sim, http)
    differences = report(check.found, MEANT)
    assert not differences, f"\n{differences}"


def test_a_deactivation_is_followed_by_the_link_of_the_example(sim, http):
    expected = headers(example("ConnectedRegistryDeactivate", "202")["headers"], sim.url)
    answer = http.post(f"{REGISTRY}/connectedRegistries/myConnectedRegistry/deactivate", params=LATEST)
    link = answer.headers["Location"]
    assert answer.status_code == 202
    assert headers({"Location": link}, sim.url)["header location"] == form_of_example(expected["header location"])
    assert http.get(link).status_code == 202
    sim.step(10)
    assert http.get(link).status_code == 200


def form_of_example(link):
    """Return an example's link with its GUID of zeros named, as in a real one."""
    return re.sub(r"(connectedregistries-)[-0]{36}", r"\1GUID", link)
