"""Extensions: what a client sees, and what causes it."""

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.kubernetesconfiguration.v2023_05_01.models import Extension

CLUSTER = ("rg-arc", "Microsoft.Kubernetes", "connectedClusters", "k-ber1")
TYPE = "microsoft.containerregistry.connectedregistry"


def failure(site):
    """Install what has been begun, and return state and message of the failure."""
    site.sim.step(1000)
    extension = site.extension()
    return extension.provisioning_state, extension.error_info.message if extension.error_info else ""


def operation_of(poller):
    """Return the operation id of a request that was not polled."""
    headers = poller.polling_method()._initial_response.http_response.headers
    return headers["Azure-AsyncOperation"].split("/operations/")[1].split("?")[0]


def status(site, operation):
    return site.arc.operation_status.get(*CLUSTER, "berlin1", operation)


def test_a_site_comes_online_with_a_fresh_credential(site):
    site.install()

    extension, connected = site.extension(), site.connected()
    assert (extension.provisioning_state, extension.current_version) == ("Succeeded", "1.2.3")
    assert connected.connection_state == "Online"
    assert connected.activation.status == "Active"
    assert connected.login_server.host == "10.96.0.50"
    assert connected.parent.sync_properties.last_sync_time is not None


def test_the_install_takes_its_time_and_the_sdk_polls_it_to_the_end(sim, site):
    string = site.string(site.generate().passwords[0].value)
    body = Extension(
        extension_type=TYPE,
        configuration_settings={"service.clusterIP": "10.96.0.50"},
        configuration_protected_settings={"connectionString": string},
    )

    poller = site.arc.extensions.begin_create(*CLUSTER, "berlin1", body, polling_interval=0.05)
    before = site.extension()
    sim.step(300)
    extension = poller.result(10)

    assert (before.provisioning_state, before.current_version, before.statuses) == ("Creating", None, [])
    assert extension.provisioning_state == "Succeeded"
    assert "Location" not in str(sim.counters()["byKind"])


def test_the_answer_to_a_create_is_the_recorded_one(http, worlds):
    url = f"{worlds.arc}/providers/Microsoft.KubernetesConfiguration/extensions/berlin1?api-version=2023-05-01"
    body = {
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "extensionType": TYPE,
            "configurationSettings": {"service.clusterIP": "10.96.0.50"},
            "configurationProtectedSettings": {"connectionString": "secret"},
        },
    }

    new, again = http.put(url, json=body), http.put(url, json=body)

    assert (new.status_code, again.status_code) == (201, 200)
    operation = new.headers["Azure-AsyncOperation"]
    assert operation.startswith(str(http.base_url))
    assert "/ConnectedClusters/k-ber1/" in operation
    assert "?api-Version=2023-05-01&t=" in operation
    assert new.headers["Location"].startswith("https://westeurope.rp.kubernetesconfiguration.azure.com/")
    assert "Retry-After" not in new.headers
    properties = new.json()["properties"]
    assert properties["configurationProtectedSettings"] == {"connectionString": ""}
    assert (properties["provisioningState"], properties["version"]) == ("Creating", None)
    assert http.get(operation).json()["status"] == "Creating"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ip": "10.97.0.1"}, "the provided network does not match the current range"),
        ({"ip": "10.96.0.1"}, "provided IP is already allocated"),
        ({"configuration_settings": {}}, "service.clusterIP is required"),
        ({"configuration_protected_settings": {}}, "connectionString is required"),
        ({"version": "9.9.9", "auto_upgrade_minor_version": False}, "Chart path not found"),
        (
            {"configuration_settings": {"service.clusterIP": "10.96.0.50", "pvc.storageClassName": "none"}},
            "timed out waiting for the condition",
        ),
    ],
)
def test_a_wrong_setting_fails_the_install_with_its_reason(site, change, words):
    site.begin_install(site.string(site.generate().passwords[0].value), **change)

    state, message = failure(site)

    assert state == "Failed"
    assert words in message
    level = site.extension().statuses[0].level
    assert level == "Error"


def test_a_failed_install_leaves_nothing_behind_and_can_be_repaired(site):
    string = site.string(site.generate().passwords[0].value)
    site.begin_install(string, ip="10.97.0.1")
    failure(site)

    site.begin_install(string)
    site.sim.step(400)

    assert site.extension().provisioning_state == "Succeeded"
    assert site.connected().connection_state == "Online"


def test_the_poller_raises_the_reason_of_a_failed_install(site):
    poller = site.begin_install("", ip="10.96.0.50")
    site.sim.step(10)

    found = status(site, operation_of(poller))

    assert found.status == "Failed"
    assert found.error.code == "ExtensionOperationFailed"


def test_the_chart_needs_a_linux_amd64_node(sim, site, worlds):
    arm = {"nodes": [{"name": "n1", "arch": "arm64"}]}
    sim.load(worlds.make(clusters=[{"name": "k-ber1", "kubernetes": arm}]))
    site.begin_install(site.string(site.generate().passwords[0].value))

    assert failure(site) == ("Failed", site.extension().error_info.message)
    assert "timed out waiting for the condition" in site.extension().error_info.message


def test_the_cluster_holds_what_the_chart_creates(sim, site, http):
    site.install()

    headers = {"Authorization": f"Bearer {sim.kubeconfig.split('token: ')[1].split()[0]}"}
    place = "/kube/k-ber1/api/v1/namespaces/connected-registry"
    service = http.get(f"{place}/services/connected-registry", headers=headers).json()
    pods = http.get(f"{place}/pods", headers=headers).json()["items"]
    claim = http.get(f"{place}/persistentvolumeclaims/connected-registry-pvc", headers=headers).json()

    assert service["spec"]["clusterIP"] == "10.96.0.50"
    assert [pod["status"]["phase"] for pod in pods] == ["Running"]
    assert claim["status"]["phase"] == "Bound"


def test_a_wrong_password_shows_in_the_pod_log_only(sim, site, http):
    site.generate()
    site.begin_install(site.string("wrong"))
    sim.step(400)

    headers = {"Authorization": f"Bearer {sim.kubeconfig.split('token: ')[1].split()[0]}"}
    place = "/kube/k-ber1/api/v1/namespaces/connected-registry/pods"
    pod = http.get(place, headers=headers).json()["items"][0]["metadata"]["name"]
    log = http.get(f"{place}/{pod}/log", headers=headers).text

    assert site.extension().provisioning_state == "Succeeded"
    assert site.connected().connection_state == "Offline"
    assert '"code": "UNAUTHORIZED", "message": "Incorrect Password"' in log
    assert "wrong" not in log


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "1.2.3"}, "To pin to specific version"),
        ({"extension_type": "microsoft.unknown"}, "is not registered"),
    ],
)
def test_an_impossible_extension_is_refused(site, change, words):
    with pytest.raises(HttpResponseError, match=words) as caught:
        site.begin_install("x", **change)

    assert caught.value.status_code == 400


def test_setting_values_must_be_strings(http, worlds):
    url = f"{worlds.arc}/providers/Microsoft.KubernetesConfiguration/extensions/berlin1?api-version=2023-05-01"
    body = {"properties": {"extensionType": TYPE, "configurationSettings": {"a": True}}}

    answer = http.put(url, json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")


def test_an_unknown_cluster_and_an_unknown_extension_are_told_apart(site):
    with pytest.raises(ResourceNotFoundError, match=r"connectedClusters/nowhere.*was not found"):
        site.begin_install("x", cluster="nowhere")
    with pytest.raises(ResourceNotFoundError, match="Extension instance with name 'other' not found"):
        site.extension("other")


def test_an_unregistered_provider_refuses_the_create(sim, http, worlds):
    sim.load(worlds.make(providers={"Microsoft.KubernetesConfiguration": "NotRegistered"}))
    url = f"{worlds.arc}/providers/Microsoft.KubernetesConfiguration/extensions/berlin1?api-version=2023-05-01"

    answer = http.put(url, json={"properties": {"extensionType": TYPE}})

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "MissingSubscriptionRegistration")


def test_a_provider_can_be_registered(sim, site, http, worlds):
    sim.load(worlds.make(providers={"Microsoft.KubernetesConfiguration": "NotRegistered"}))
    place = f"{worlds.acr.partition('/resourceGroups')[0]}/providers/Microsoft.KubernetesConfiguration"

    answer = http.post(f"{place}/register?api-version=2016-02-01")
    site.install()

    assert answer.json()["registrationState"] == "Registered"
    assert site.extension().provisioning_state == "Succeeded"
