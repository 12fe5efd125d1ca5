"""Workloads: the objects that a site gets, from an image or from the user's own manifest."""

import time

import pytest
import yaml
from examples import DIGEST, LOGIN_SERVER, fleet, site, wanted

from arcfleet.core.kube import workloads
from arcfleet.core.kube.workloads import HASH_ANNOTATION, Login, desired, digest_of, images, parse_manifest
from arcfleet.core.names import ImageRef
from arcfleet.core.secret import Secret
from arcfleet.errors import ManifestError

MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: config, namespace: other, labels: {since: 2026-11-24}}
---
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, annotations: {team: blue}}
spec:
  template:
    spec:
      imagePullSecrets: [{name: mine}]
      initContainers:
        - {name: prepare, image: "acreu1.azurecr.io/app/prepare:1"}
      containers:
        - {name: web, image: "app/web:stable"}
        - {name: twin, image: "app/web:stable"}
        - {name: foreign, image: "docker.io/library/nginx:1"}
        - {name: plain}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
"""
WEB, PREPARE = ImageRef("app/web", "stable"), ImageRef("app/prepare", "1")
DIGESTS = {WEB: DIGEST, PREPARE: f"sha256:{'cd' * 32}"}


def from_manifest(text: str = MANIFEST, digests=DIGESTS, **extra):
    words = "".join(f", {key}: {value}" for key, value in extra.items())
    here = site(workloads=f"[{{name: shop, namespace: shop, manifest: shop.yaml{words}}}]")
    return desired(here, here.workloads[0], parse_manifest(text, "shop.yaml"), LOGIN_SERVER, digests)


def containers(item) -> dict[str, str | None]:
    spec = item.deployment["spec"]["template"]["spec"]
    return {c["name"]: c.get("image") for c in (*(spec.get("initContainers") or ()), *spec["containers"])}


def test_an_image_becomes_the_articles_deployment():
    made = wanted(replicas=3).deployment

    assert (made["apiVersion"], made["kind"]) == ("apps/v1", "Deployment")
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("web", "default")
    assert made["spec"]["replicas"] == 3
    assert made["spec"]["selector"]["matchLabels"] == made["spec"]["template"]["metadata"]["labels"] == {"app": "web"}
    assert made["spec"]["template"]["spec"] == {
        "containers": [{"name": "web", "image": f"10.96.0.50/app/web@{DIGEST}"}],
        "imagePullSecrets": [{"name": "regcred"}],
    }


def test_a_manifest_keeps_what_is_its_own():
    made = from_manifest()

    assert [item["kind"] for item in made.objects] == ["ConfigMap", "Service", "Deployment"]
    assert [item["metadata"]["namespace"] for item in made.objects] == ["other", "shop", "shop"]
    assert made.objects[0]["metadata"]["labels"] == {"since": "2026-11-24"}
    assert made.deployment["metadata"]["annotations"]["team"] == "blue"
    assert made.deployment["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "mine"}, {"name": "regcred"}]
    assert (made.name, made.namespace) == ("shop", "shop")


def test_only_images_of_the_own_registry_are_rewritten():
    made = from_manifest()

    assert containers(made) == {
        "prepare": f"10.96.0.50/app/prepare@{DIGESTS[PREPARE]}",
        "web": f"10.96.0.50/app/web@{DIGEST}",
        "twin": f"10.96.0.50/app/web@{DIGEST}",
        "foreign": "docker.io/library/nginx:1",
        "plain": None,
    }
    assert made.images == (PREPARE, WEB)


@pytest.mark.parametrize(
    ("extra", "digests"), [({"pin": "tag"}, DIGESTS), ({}, {})], ids=["pinned by tag", "digest not known"]
)
def test_without_a_digest_the_tag_stays(extra, digests):
    assert containers(from_manifest(digests=digests, **extra))["web"] == "10.96.0.50/app/web:stable"


def test_the_parsed_manifest_is_shared_by_sites_and_stays_as_it_is():
    parsed = parse_manifest(MANIFEST, "shop.yaml")
    before = repr(parsed)
    here = site(workloads="[{name: shop, manifest: shop.yaml}]")

    desired(here, here.workloads[0], parsed, LOGIN_SERVER, DIGESTS)

    assert repr(parsed) == before


def test_a_pull_secret_that_is_named_already_is_not_named_twice():
    made = from_manifest(pullSecret="mine")

    assert made.deployment["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "mine"}]


EMPTY = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: , annotations: }
spec: {template: {spec: {imagePullSecrets: , initContainers: , containers: [{name: web, image: Not An Image}]}}}
"""


def test_empty_places_of_a_manifest_are_as_if_not_there():
    made = from_manifest(EMPTY)

    assert (made.namespace, made.images, containers(made)) == ("shop", (), {"web": "Not An Image"})
    assert made.deployment["metadata"]["annotations"].keys() == {HASH_ANNOTATION}
    assert made.deployment["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "regcred"}]


OWN = {
    "no host": ("app/web:stable", (WEB,)),
    "own host": ("acreu1.azurecr.io/app/web:stable", (WEB,)),
    "own host in capitals": ("ACREU1.azurecr.io/app/web:stable", (WEB,)),
    "another host": ("acrus1.azurecr.io/app/web:stable", ()),
    "no image": ("App Web", ()),
    "number": ("5", (ImageRef("5", "latest"),)),
}


@pytest.mark.parametrize(("image", "expected"), OWN.values(), ids=OWN)
def test_an_image_is_own_without_a_host_or_with_the_registrys(image, expected):
    manifest = parse_manifest(EMPTY.replace("Not An Image", image), "x")
    workload = site(workloads="[{name: shop, manifest: x}]").workloads[0]

    assert images(workload, manifest, LOGIN_SERVER) == expected


PLACE = "x  document 1: "
NO_DEPLOYMENT = (
    f"{PLACE}is no Deployment: its annotations, containers or imagePullSecrets are not of the form that they have"
)
DEPLOYMENT = EMPTY.replace("Not An Image", "web")
REFUSED = {
    "nothing": ("", "x  holds 0 objects that run pods; a workload is exactly one Deployment, DaemonSet or StatefulSet"),
    "no deployment": (
        "{apiVersion: v1, kind: Service, metadata: {name: a}}",
        "x  holds 0 objects that run pods; a workload is exactly one Deployment, DaemonSet or StatefulSet",
    ),
    "two deployments": (
        f"{DEPLOYMENT}---\n{DEPLOYMENT}",
        "x  holds 2 objects that run pods; a workload is exactly one Deployment, DaemonSet or StatefulSet",
    ),
    "text": ("hello", f"{PLACE}is no Kubernetes object with a metadata.name"),
    "no metadata": ("kind: Service", f"{PLACE}is no Kubernetes object with a metadata.name"),
    "metadata is text": ("{kind: Service, metadata: x}", f"{PLACE}is no Kubernetes object with a metadata.name"),
    "no name": ("{kind: Service, metadata: {}}", f"{PLACE}is no Kubernetes object with a metadata.name"),
    "a kind that we do not roll out": (
        "{apiVersion: v1, kind: Secret, metadata: {name: a}}",
        f"{PLACE}kind 'Secret' is not rolled out by arcfleet; it takes {', '.join(workloads.KINDS)}",
    ),
    "no kind": (
        "metadata: {name: a}",
        f"{PLACE}kind 'None' is not rolled out by arcfleet; it takes {', '.join(workloads.KINDS)}",
    ),
    "an old api version": (
        DEPLOYMENT.replace("apps/v1", "apps/v1beta1"),
        f"{PLACE}apiVersion 'apps/v1beta1' of Deployment is not apps/v1",
    ),
    "no spec": ("{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}", NO_DEPLOYMENT),
    "spec is a list": ("{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: [a]}", NO_DEPLOYMENT),
    "no containers": (DEPLOYMENT.replace("[{name: web, image: web}]", "[]"), NO_DEPLOYMENT),
    "containers are a number": (DEPLOYMENT.replace("[{name: web, image: web}]", "5"), NO_DEPLOYMENT),
    "a container is text": (DEPLOYMENT.replace("[{name: web, image: web}]", "[web]"), NO_DEPLOYMENT),
    "a pull secret is text": (DEPLOYMENT.replace("imagePullSecrets: ,", "imagePullSecrets: [a],"), NO_DEPLOYMENT),
    "annotations are a list": (DEPLOYMENT.replace("annotations: }", "annotations: [a]}"), NO_DEPLOYMENT),
    "anchor": ("a: &x 1", "x:1:4  anchors and aliases are not accepted: use defaults"),
    "no yaml": ("a: [", "x:2:1  did not find expected node content"),
    "key twice": ("{kind: a, kind: b}", "x:1:11  kind  the key is given twice"),
    "a bad number": ("a: 0x_", "x:1:4  '0x_' is no int: quote it if it is text"),
}


@pytest.mark.parametrize(("text", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_workload_is_refused(text, problem):
    with pytest.raises(ManifestError) as refused:
        parse_manifest(text, "x")

    assert refused.value.problems == (problem,)


def test_every_document_with_a_problem_is_told():
    with pytest.raises(ManifestError) as refused:
        parse_manifest("a: 1\n---\nb: 1\n", "x")

    assert [problem.split(":")[0] for problem in refused.value.problems] == ["x  document 1", "x  document 2"]


def test_an_alias_bomb_in_a_manifest_is_refused_quickly():
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40))
    began = time.process_time()

    with pytest.raises(ManifestError, match="anchors and aliases"):
        parse_manifest(DEPLOYMENT + bomb, "x")

    assert time.process_time() - began < 2


def test_the_hash_depends_on_content_and_not_on_the_order_of_keys():
    assert digest_of([{"a": 1, "b": {"c": 2, "d": 3}}]) == digest_of([{"b": {"d": 3, "c": 2}, "a": 1}])
    assert digest_of([{"a": 1}]) != digest_of([{"a": 2}])
    changed = MANIFEST.replace("since: 2026-11-24", "since: 2026-11-25")
    hashes = [
        made.deployment["metadata"]["annotations"][HASH_ANNOTATION]
        for made in (from_manifest(), from_manifest(changed))
    ]
    assert hashes[0] != hashes[1]


def test_a_login_is_written_as_kubectl_writes_it_and_read_again():
    entry = Login("berlin", Secret("p:w")).entry()

    assert entry == {"username": "berlin", "password": "p:w", "auth": "YmVybGluOnA6dw=="}
    for kept in (entry, {"auth": entry["auth"]}, {"username": "", "auth": entry["auth"]}):
        found = Login.of_entry(kept)
        assert found
        assert (found.username, found.password.reveal()) == ("berlin", "p:w")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"username": "u"},
        {"auth": ""},
        {"auth": None},
        {"auth": "%"},
        {"auth": "/w=="},
        {"auth": "dXNlcg=="},
        {"auth": "é"},
    ],
    ids=["empty", "no password", "empty auth", "no auth", "no base64", "no text", "no colon", "no ascii"],
)
def test_an_entry_without_a_login_is_none(entry):
    assert Login.of_entry(entry) is None


def test_every_kind_that_is_accepted_has_its_api_version():
    assert all(version in {"v1", "apps/v1"} and plural.islower() for version, plural in workloads.KINDS.values())


def test_the_demo_fleet_is_usable(request):
    text = (request.config.rootpath / "deployments" / "fleets" / "demo.yaml").read_text()

    assert len(fleet(text).sites) == len(yaml.safe_load(text)["sites"])


def test_a_seal_names_the_password_and_none_that_took_its_place():
    login = Login("berlin", Secret("p:w"), "password2 2026-11-24T12:00:00+00:00")
    kept = Login.of_entry(login.entry(), login.seal)
    later = Login.of_entry(Login("berlin", Secret("other")).entry(), login.seal)

    assert kept.mark == login.mark
    assert "p:w" not in login.seal
    assert (later.mark, Login.of_entry(login.entry()).mark, Login("berlin", Secret("p")).seal) == ("", "", "")
