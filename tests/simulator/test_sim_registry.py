"""The data plane over HTTP: two-step bearer flow, catalog, tags and manifests."""

import base64

import httpx
import pytest

CLOUD = "/registry/acreu1.azurecr.io"


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def password(site):
    return site.generate(of="berlin1-pull").passwords[0].value


def bearer(http, place, scope, auth):
    answer = http.get(f"{place}/oauth2/token", params={"scope": scope}, headers=auth)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_the_challenge_names_the_realm(sim, http):
    answer = http.get("/v2/", headers={"Host": "acreu1.azurecr.io", "Authorization": ""})

    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge == 'Bearer realm="http://acreu1.azurecr.io/oauth2/token",service="acreu1.azurecr.io"'


@pytest.mark.parametrize("place", [CLOUD, ""])
def test_a_token_reads_the_digest_of_a_tag(sim, http, password, place):
    host = {} if place else {"Host": "acreu1.azurecr.io"}
    digest = sim.push("acreu1", "app/web", "stable")
    auth = bearer(http, place, "repository:app/web:pull", basic("berlin1-pull", password) | host)

    head = http.head(f"{place}/v2/app/web/manifests/stable", headers=auth | host)
    body = http.get(f"{place}/v2/app/web/manifests/{digest}", headers=auth | host)

    assert (head.status_code, head.headers["Docker-Content-Digest"]) == (200, digest)
    assert body.json()["mediaType"] == "application/vnd.oci.image.manifest.v1+json"


def test_catalog_and_tags_show_what_a_token_may_see(sim, http, password):
    sim.push("acreu1", "app/web", "next")
    auth = basic("berlin1-pull", password)
    catalog = bearer(http, CLOUD, "registry:catalog:*", auth)
    tags = bearer(http, CLOUD, "repository:app/web:metadata_read", auth)

    assert http.get(f"{CLOUD}/v2/_catalog", headers=catalog).json() == {"repositories": ["app/web"]}
    answer = http.get(f"{CLOUD}/v2/app/web/tags/list", headers=tags).json()
    assert answer == {"name": "app/web", "tags": ["next", "stable"]}


def test_a_tags_attributes_tell_its_push(sim, http, password):
    digest = sim.push("acreu1", "app/web", "next")
    auth = bearer(http, CLOUD, "repository:app/web:metadata_read", basic("berlin1-pull", password))

    shown = http.get(f"{CLOUD}/acr/v1/app/web/_tags/next", headers=auth).json()
    missing = http.get(f"{CLOUD}/acr/v1/app/web/_tags/never", headers=auth)
    denied = http.get(f"{CLOUD}/acr/v1/app/job/_tags/once", headers=auth)
    elsewhere = http.get(f"{CLOUD}/acr/v1/app/web/_manifests", headers=auth)

    assert (shown["imageName"], shown["tag"]["name"], shown["tag"]["digest"]) == ("app/web", "next", digest)
    assert shown["tag"]["lastUpdateTime"].endswith("Z")
    assert (missing.status_code, denied.status_code, elsewhere.status_code) == (404, 403, 404)


def test_a_token_of_one_registry_is_none_of_another(http, password, site):
    site.install()
    auth = bearer(http, CLOUD, "repository:app/web:pull", basic("berlin1-pull", password))

    assert http.head("/site/k-ber1/v2/app/web/manifests/stable", headers=auth).status_code == 401


@pytest.mark.parametrize("tampered", ["Bearer x", "Bearer a.b.c", "Basic !", "Digest x"])
def test_forged_credentials_open_nothing(http, tampered):
    assert http.get(f"{CLOUD}/v2/", headers={"Authorization": tampered}).status_code == 401


def test_what_is_not_granted_is_denied(http, password):
    auth = bearer(http, CLOUD, "repository:app/job:pull", basic("berlin1-pull", password))

    answer = http.get(f"{CLOUD}/v2/app/job/manifests/once", headers=auth)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "DENIED")


def test_an_entra_token_is_exchanged(http):
    form = {"grant_type": "access_token", "service": "acreu1.azurecr.io", "access_token": "x"}
    refresh = http.post(f"{CLOUD}/oauth2/exchange", data=form).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "scope": "repository:app/job:pull", "refresh_token": refresh}
    token = http.post(f"{CLOUD}/oauth2/token", data=form).json()["access_token"]

    answer = http.head(f"{CLOUD}/v2/app/job/manifests/once", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200


def test_a_site_without_a_registry_cannot_be_reached(http):
    with pytest.raises(httpx.RemoteProtocolError):
        http.get("/site/k-ber1/v2/")


def test_a_site_lists_what_has_arrived(site, http, password):
    site.install()
    auth = basic("berlin1-pull", password)
    catalog = bearer(http, "/site/k-ber1/acr", "registry:catalog:*", auth)

    assert http.get("/site/k-ber1/v2/_catalog", headers=catalog).json() == {"repositories": ["app/web"]}
    assert http.get("/site/k-ber1/v2/app/web/tags/list", headers=catalog).json()["tags"] == ["stable"]
    assert http.get("/site/k-ber1/v2/app/none/tags/list", headers=auth).status_code == 403


@pytest.mark.parametrize("path", ["/v2/_catalog", "/acr/v1/_catalog"])
def test_a_long_catalog_links_to_its_next_page(sim, site, http, worlds, path):
    sim.load(worlds.make(registry={"scopeMaps": [_map(3)], "tokens": [{"name": "reader", "scopeMap": "all"}]}))
    for index in range(3):
        sim.push("acreu1", f"app/r{index}", "v1")
    auth = basic("reader", site.generate(of="reader").passwords[0].value)

    first = http.get(f"{CLOUD}{path}?n=2", headers=auth)
    rest = http.get(f"{CLOUD}{path}?last=app/r1&n=2", headers=auth)

    assert first.json() == {"repositories": ["app/r0", "app/r1"]}
    assert first.headers["Link"] == f'<{path}?last=app/r1&n=2>; rel="next"'
    assert rest.json() == {"repositories": ["app/r2"]}


def _map(count):
    actions = [f"repositories/app/r{i}/{p}" for i in range(count) for p in ("content/read", "metadata/read")]
    return {"name": "all", "actions": actions}
