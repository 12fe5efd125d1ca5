"""What a kubelet hears when it pulls, so that each cause can be told from its words."""

import base64
import json

import pytest
from azure.mgmt.containerregistry import models

ACR = ("rg-acr", "acreu1")
WRONG = "none"


@pytest.fixture
def kube(sim, http):
    """Return a function that calls the API of k-ber1."""
    token = sim.kubeconfig.split("token: ")[1].split()[0]

    def call(method, path, body=None):
        answer = http.request(method, f"/kube/k-ber1{path}", json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code < 300, answer.text
        return answer.json()

    return call


@pytest.fixture
def run(sim, kube):
    """Return a function that runs a pod and returns its container's status after a while."""

    def start(image, user="berlin1-pull", *, password=WRONG):
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        config = {"auths": {"10.96.0.50": {"username": user, "password": password, "auth": auth}}}
        data = base64.b64encode(json.dumps(config).encode()).decode()
        secret = {"metadata": {"name": "regcred"}, "type": "kubernetes.io/dockerconfigjson"}
        kube("POST", "/api/v1/namespaces/default/secrets", secret | {"data": {".dockerconfigjson": data}})
        spec = {"containers": [{"name": "c", "image": image}], "imagePullSecrets": [{"name": "regcred"}]}
        pod = {"metadata": {"name": "p"}, "spec": spec}
        kube("POST", "/api/v1/namespaces/default/pods", pod)
        sim.step(8)
        return kube("GET", "/api/v1/namespaces/default/pods/p")["status"]["containerStatuses"][0]

    return start


def message(status):
    return status["state"]["waiting"]["message"]


def test_a_pod_runs_the_image_that_arrived(sim, site, run):
    site.install()
    digest = sim.push("acreu1", "app/web", "stable")
    sim.step(120)

    password = site.generate(of="berlin1-pull").passwords[0].value
    status = run("10.96.0.50/app/web:stable", password=password)

    assert "running" in status["state"]
    assert status["imageID"] == f"10.96.0.50/app/web@{digest}"


def test_a_wrong_password_is_unauthorized(site, run):
    site.install()

    assert "401 Unauthorized" in message(run("10.96.0.50/app/web:stable"))


def test_the_sync_token_is_no_client(site, run):
    password = site.install()

    assert "401 Unauthorized" in message(run("10.96.0.50/app/web:stable", "berlin1", password=password))


def test_a_token_without_the_repository_has_insufficient_scopes(site, run):
    site.install()
    password = site.generate(of="berlin1-pull").passwords[0].value

    assert "Insufficient scopes" in message(run("10.96.0.50/app/job:once", password=password))


def test_a_tag_that_did_not_arrive_is_unknown(site, run):
    site.install()
    password = site.generate(of="berlin1-pull").passwords[0].value

    assert "manifest unknown: not found" in message(run("10.96.0.50/app/web:new", password=password))


def test_an_address_without_a_registry_has_no_route(run):
    assert "connect: no route to host" in message(run("10.96.0.50/app/web:stable"))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"httpEnabled": "true"}, "server gave HTTP response to HTTPS client"),
        ({"trustDistribution.enabled": "false"}, "x509: certificate signed by unknown authority"),
    ],
)
def test_transport_troubles_have_their_own_words(site, run, setting, words):
    site.install(configuration_settings={"service.clusterIP": "10.96.0.50"} | setting)

    assert words in message(run("10.96.0.50/app/web:stable"))


def test_a_site_pulls_from_the_cloud_with_any_token(sim, site, run, kube):
    change = models.TokenUpdateParameters(scope_map_id=None, status="enabled")
    site.acr.tokens.begin_update(*ACR, "berlin1-pull", change).result()

    assert "401 Unauthorized" in message(run("acreu1.azurecr.io/app/web:stable"))


def test_a_registry_that_does_not_run_yet_refuses_the_connection(site, run):
    site.begin_install(site.string(site.generate().passwords[0].value))
    site.sim.step(10)

    assert "connect: connection refused" in message(run("10.96.0.50/app/web:stable"))


def test_an_offline_site_does_not_find_the_cloud(sim, run):
    sim.site("k-ber1", connectivity="Offline")

    assert "lookup acreu1.azurecr.io: i/o timeout" in message(run("acreu1.azurecr.io/app/web:stable"))


def test_an_unknown_host_is_not_found(run):
    assert "no such host" in message(run("registry.example.com/app:1"))
