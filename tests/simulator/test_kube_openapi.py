"""The OpenAPI documents are whole, and say of each kind what the client's models, made from the real ones, say."""

import json

import pytest
from kube_harness import serving
from kubernetes import client

from simulator.kube import openapi
from simulator.kube.resources import GROUPS, TABLE
from simulator.kube.schema import STRUCTS

NAMES = ["api/v1", *(f"apis/{group}/v1" for group in GROUPS)]
OTHER_NAMES = {"Event": "CoreV1Event", "Subject": "RbacV1Subject"}
# Two kinds of each of these share a struct; `Other` is no kind.
SHARED = {"Other", "RollingUpdate", "ResourceRequirements"}


@pytest.mark.parametrize("name", NAMES)
async def test_a_document_has_the_schema_of_each_kind_and_of_all_that_it_refers_to(name):
    async with serving() as site:
        _, index, _ = await site.send("GET", "/openapi/v3")
        status, document, _ = await site.send("GET", index["paths"][name]["serverRelativeURL"])

    assert status == 200
    schemas = document["components"]["schemas"]
    kinds = {gvk["kind"] for each in schemas.values() for gvk in each.get("x-kubernetes-group-version-kind", [])}
    group = "" if name == "api/v1" else name.split("/")[1]
    assert kinds == {each.kind for each in TABLE if each.group == group}
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in schemas


@pytest.mark.parametrize("name", sorted(set(STRUCTS) - SHARED - {"DeleteOptions", "Preconditions"}))
def test_what_is_required_is_what_the_model_requires(name):
    found = [
        schema
        for document in NAMES
        for label, schema in openapi.document(document, 36)["components"]["schemas"].items()
        if label.endswith(f".v1.{name}")
    ]
    model = getattr(client, OTHER_NAMES.get(name, f"V1{name}")).model_json_schema()

    assert found
    for schema in found:
        assert sorted(schema.get("required", [])) == sorted(model.get("required", []))


def test_lists_say_how_they_merge():
    schemas = openapi.document("apis/apps/v1", 36)["components"]["schemas"]
    pod = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]

    assert pod["containers"]["x-kubernetes-patch-merge-key"] == "name"
    assert pod["containers"]["x-kubernetes-patch-strategy"] == "merge"
    assert pod["volumes"]["x-kubernetes-patch-strategy"] == "merge,retainKeys"
    assert pod["tolerations"]["x-kubernetes-list-type"] == "atomic"
    container = schemas["io.k8s.api.core.v1.Container"]["properties"]
    assert container["ports"]["x-kubernetes-list-map-keys"] == ["containerPort", "protocol"]
    spec = schemas["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]
    assert spec["strategy"]["x-kubernetes-patch-strategy"] == "retainKeys"
    assert spec["replicas"] == {"type": "integer", "format": "int32"}


def test_a_1_32_knows_no_service_cidr():
    name = "apis/networking.k8s.io/v1"
    assert f"/{name}/servicecidrs/{{name}}" in openapi.document(name, 33)["paths"]
    assert openapi.document(name, 32)["paths"] == {}


def test_another_document_is_not_there():
    assert openapi.document("apis/nope/v1", 36) is None
