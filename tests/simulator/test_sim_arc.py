"""Extensions: what a client sees, and what causes it."""

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.kubernetesconfiguration.v2023_05_01.models import Extension, PatchExtension

CLUSTER = ("rg-arc", "Microsoft.Kubernetes", "connectedClusters", "k-ber1")
TYPE = "microsoft.containerregistry.connectedregistry"


def failure(site):
    """Install what has been begun, and return state and message of the failure."""
    site.sim.step(1000)
    extension = site.extension()
    return extension.provisioning_state, extension.error_info.message if extension.error_info else ""


def patch(site, **change):
    return site.arc.extensions.begin_update(*CLUSTER, "berlin1", PatchExtension(**change), polling=False)


def delete(site, **options):
    return site.arc.extensions.begin_delete(*CLUSTER, "berlin1", polling=False, **options)


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
    assert operation.endswith("?api-Version=2023-05-01")
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


def test_an_update_merges_settings_and_replaces_all_protected_ones(site):
    site.install()

    patch(
        site,
        configuration_settings={"pvc.storageRequest": "1Gi"},
        configuration_protected_settings={"connectionString": "x", "tls.crt": "y"},
    )

    extension = site.extension()
    assert extension.provisioning_state == "Updating"
    assert extension.configuration_settings == {"service.clusterIP": "10.96.0.50", "pvc.storageRequest": "1Gi"}
    assert extension.configuration_protected_settings == {"connectionString": "", "tls.crt": ""}


def test_an_update_delivers_a_new_password(site):
    site.install()
    password = site.generate(name="password2").passwords[0].value

    patch(site, configuration_protected_settings={"connectionString": site.string(password)})
    site.sim.step(120)
    site.generate(name="password1")
    site.sim.step(120)

    assert site.extension().provisioning_state == "Succeeded"
    assert site.connected().connection_state == "Online"


def test_the_cluster_ip_cannot_be_changed(site):
    site.install()

    patch(site, configuration_settings={"service.clusterIP": "10.96.0.51"})

    state, message = failure(site)
    assert state == "Failed"
    assert "may not change once set" in message
    assert site.connected().connection_state == "Online"


def test_a_second_extension_of_the_type_fails_on_the_release_name(site):
    site.install()
    site.begin_install("x=y", name="another", ip="10.96.0.51")
    site.sim.step(20)

    another = site.extension("another")
    assert another.provisioning_state == "Failed"
    assert "cannot re-use a name that is still in use" in another.error_info.message
    assert site.connected().connection_state == "Online"


def test_a_delete_takes_its_time_and_leaves_the_activation(site):
    site.install()

    poller = delete(site)
    site.sim.step(20)
    during = site.extension().provisioning_state
    site.sim.step(60)

    assert during == "Deleting"
    with pytest.raises(ResourceNotFoundError):
        site.extension()
    assert status(site, operation_of(poller)).status == "Succeeded"
    connected = site.connected()
    assert (connected.connection_state, connected.activation.status) == ("Offline", "Active")


def test_deleting_what_is_gone_answers_204(http, worlds):
    url = f"{worlds.arc}/providers/Microsoft.KubernetesConfiguration/extensions/berlin1?api-version=2023-05-01"

    assert http.delete(url).status_code == 204


def test_a_create_during_a_delete_fails_as_the_namespace_is_being_terminated(site):
    password = site.install()
    delete(site)
    site.sim.step(10)

    site.begin_install(site.string(password))
    site.sim.step(15)

    extension = site.extension()
    assert extension.provisioning_state == "Failed"
    assert "because it is being terminated" in extension.error_info.message


def test_a_delete_during_a_create_ends_both(site):
    poller = site.begin_install(site.string(site.generate().passwords[0].value))
    site.sim.step(50)

    delete(site)
    site.sim.step(60)

    assert status(site, operation_of(poller)).status == "Canceled"
    with pytest.raises(ResourceNotFoundError):
        site.extension()


def test_a_forced_delete_forgets_the_resource_but_not_the_release(site):
    password = site.install()

    delete(site, force_delete=True)
    site.begin_install(site.string(password), name="fresh")
    site.sim.step(20)

    assert "cannot re-use a name" in site.extension("fresh").error_info.message


def test_an_offline_cluster_installs_when_it_connects(site):
    site.sim.site("k-ber1", connectivity="Offline")
    site.begin_install(site.string(site.generate().passwords[0].value))
    site.sim.step(3600)
    waiting = site.extension().provisioning_state

    site.sim.site("k-ber1", connectivity="Connected")
    site.sim.step(400)

    assert waiting == "Creating"
    assert site.extension().provisioning_state == "Succeeded"
    assert site.connected().connection_state == "Online"


def test_protected_settings_expire_after_two_days_offline(site):
    site.sim.site("k-ber1", connectivity="Offline")
    site.begin_install(site.string(site.generate().passwords[0].value))

    site.sim.step(47 * 3600)
    before = site.extension().provisioning_state
    site.sim.step(2 * 3600)

    assert before == "Creating"
    assert site.extension().provisioning_state == "Failed"
    assert "protected settings have expired" in site.extension().error_info.message


def test_a_link_that_breaks_during_the_install_delays_the_report(site):
    site.begin_install(site.string(site.generate().passwords[0].value))
    site.sim.step(100)
    site.sim.site("k-ber1", connectivity="Offline")
    site.sim.step(1000)
    during = site.extension().provisioning_state

    site.sim.site("k-ber1", connectivity="Connected")
    site.sim.step(400)

    assert during == "Creating"
    assert site.extension().provisioning_state == "Succeeded"


def test_an_install_fails_when_it_is_told_to(site):
    effect = {"extensionFails": {"cluster": "k-ber1", "code": "Boom", "message": "it went boom"}}
    site.sim.fault({"effect": effect})
    site.begin_install("x=y")
    site.sim.step(10)

    extension = site.extension()
    assert (extension.error_info.code, extension.error_info.message) == ("Boom", "it went boom")


def test_an_operation_expires(site):
    poller = site.begin_install(site.string(site.generate().passwords[0].value))
    site.sim.step(400)
    fresh = status(site, operation_of(poller)).status

    site.sim.step(25 * 3600)

    assert fresh == "Succeeded"
    with pytest.raises(ResourceNotFoundError):
        status(site, operation_of(poller))


def test_heartbeats_move_while_the_cluster_is_connected(http, worlds, sim):
    def seen():
        return http.get(f"{worlds.arc}?api-version=2024-01-01").json()["properties"]

    sim.step(125)
    connected = seen()
    sim.site("k-ber1", connectivity="Offline")
    sim.step(600)
    offline = seen()

    assert connected["connectivityStatus"] == "Connected"
    assert connected["lastConnectivityTime"] == "2026-11-24T02:02:00Z"
    assert (offline["connectivityStatus"], offline["lastConnectivityTime"]) == ("Offline", "2026-11-24T02:02:00Z")


def test_a_site_can_start_deployed(sim, site, worlds):
    extension = {"connectedRegistry": "berlin1", "clusterIP": "10.96.0.50", "version": "1.2.0"}
    sim.load(worlds.make(clusters=[{"name": "k-ber1", "extension": extension}]))

    found, connected = site.extension(), site.connected()

    assert (found.provisioning_state, found.current_version) == ("Succeeded", "1.2.0")
    assert found.auto_upgrade_minor_version is False
    assert (connected.connection_state, connected.version) == ("Online", "1.2.0")
