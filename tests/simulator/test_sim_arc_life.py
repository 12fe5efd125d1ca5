"""Extensions over time: updates, deletes, links that break, operations that end."""

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.kubernetesconfiguration.v2023_05_01.models import Extension, PatchExtension

from simulator import running

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


def test_a_deployed_site_has_its_pod_running(sim, worlds, http):
    extension = {"connectedRegistry": "berlin1", "clusterIP": "10.96.0.50"}
    sim.load(worlds.make(clusters=[{"name": "k-ber1", "extension": extension}]))
    headers = {"Authorization": f"Bearer {sim.kubeconfig.split('token: ')[1].split()[0]}"}

    pods = http.get("/kube/k-ber1/api/v1/namespaces/connected-registry/pods", headers=headers).json()["items"]

    assert [pod["status"]["phase"] for pod in pods] == ["Running"]
    assert sim.get("/time")["time"] == "2026-11-24T02:00:00+00:00"


def test_the_sdk_polls_each_write_to_its_end(worlds, make_site):
    with running(worlds.make(), speed=2000) as sim:
        site = make_site(sim)
        string = site.string(site.generate().passwords[0].value)
        body = Extension(
            extension_type=TYPE,
            configuration_settings={"service.clusterIP": "10.96.0.50"},
            configuration_protected_settings={"connectionString": string},
        )
        change = PatchExtension(configuration_settings={"pvc.storageRequest": "1Gi"})

        created = site.arc.extensions.begin_create(*CLUSTER, "berlin1", body, polling_interval=0.02).result(20)
        updated = site.arc.extensions.begin_update(*CLUSTER, "berlin1", change, polling_interval=0.02).result(20)
        site.arc.extensions.begin_delete(*CLUSTER, "berlin1", polling_interval=0.02).result(20)

        assert created.provisioning_state == updated.provisioning_state == "Succeeded"
        assert list(site.arc.extensions.list(*CLUSTER)) == []


def test_a_failed_install_raises_in_the_poller(worlds, make_site):
    with running(worlds.make(), speed=2000) as sim:
        site = make_site(sim)
        body = Extension(extension_type=TYPE, configuration_settings={"service.clusterIP": "10.96.0.50"})
        poller = site.arc.extensions.begin_create(*CLUSTER, "berlin1", body, polling_interval=0.02)

        with pytest.raises(HttpResponseError) as caught:
            poller.result(20)

    assert caught.value.error.code == "ExtensionOperationFailed"
    assert "connectionString is required" in caught.value.message


def test_a_stuck_install_makes_way_for_better_settings(site):
    string = site.string(site.generate().passwords[0].value)
    bad = {"service.clusterIP": "10.96.0.50", "pvc.storageClassName": "none"}
    site.begin_install(string, configuration_settings=bad)
    site.sim.step(60)
    stuck = site.extension().provisioning_state

    site.begin_install(string)
    site.sim.step(350)

    assert stuck == "Creating"
    assert site.extension().provisioning_state == "Succeeded"
    assert site.connected().connection_state == "Online"


def test_two_creates_at_once_both_end_well(site):
    string = site.string(site.generate().passwords[0].value)
    first = operation_of(site.begin_install(string))
    site.sim.step(100)

    second = operation_of(site.begin_install(string))
    site.sim.step(350)

    assert (status(site, first).status, status(site, second).status) == ("Succeeded", "Succeeded")
    assert site.connected().connection_state == "Online"


def test_a_site_can_be_made_again_once_it_is_gone(site):
    password = site.install()
    delete(site)
    site.sim.step(60)

    site.begin_install(site.string(password))
    site.sim.step(350)

    assert site.extension().provisioning_state == "Succeeded"
