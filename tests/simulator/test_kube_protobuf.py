"""Bodies as typed Go clients write them: kubectl 1.32 sent the first ones, the others are spoilt or made by hand."""

import base64

import pytest
from kube_harness import serving

TYPE = "application/vnd.kubernetes.protobuf"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
RECORDED = {
    # kubectl create deployment web --image=nginx --replicas=0 --port=80
    DEPLOYMENTS: (
        "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50ErgBCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEoYBCAASDAoKCgNh"
        "cHASA3dlYhpsChwKABIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEkwSLgoFbmdpbngSBW5naW54KgAyCgoAEAAYUCIAKgBCAGoA"
        "cgCAAQCIAQCQAQCiAQAaADIAQgBKAFIAWABgAGgAggEAigEAmgEAwgEAIgIKACgAOAAaDAgAEAAYACAAKAA4ABoAIgA="
    ),
    # kubectl create service nodeport w --tcp=80:http
    "/api/v1/namespaces/default/services": (
        "azhzAAoNCgJ2MRIHU2VydmljZRJlChsKAXcSABoAIgAqADIAOABCAFoICgNhcHASAXcSQgoeCgc4MC1odHRwEgNUQ1AYUCIKCAEQ"
        "ABoEaHR0cCgAEggKA2FwcBIBdxoAIghOb2RlUG9ydDoAQgBSAFoAYABoABoCCgAaACIA"
    ),
    # kubectl create quota q --hard=pods=3
    "/api/v1/namespaces/default/resourcequotas": (
        "azhzAAoTCgJ2MRINUmVzb3VyY2VRdW90YRIkChEKAXESABoAIgAqADIAOABCABINCgsKBHBvZHMSAwoBMxoAGgAiAA=="
    ),
    # kubectl create role r --verb=get --resource=pods --resource-name=one
    "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles": (
        "azhzAAokChxyYmFjLmF1dGhvcml6YXRpb24uazhzLmlvL3YxEgRSb2xlEicKEQoBchIAGgAiACoAMgA4AEIAEhIKA2dldBIAGgRw"
        "b2RzIgNvbmUaACIA"
    ),
    # kubectl auth can-i get pods/one --subresource=log
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": (
        "azhzAAoyChdhdXRob3JpemF0aW9uLms4cy5pby92MRIXU2VsZlN1YmplY3RBY2Nlc3NSZXZpZXcSQgoQCgASABoAIgAqADIAOABC"
        "ABIkCiIKB2RlZmF1bHQSA2dldBoAIgAqBHBvZHMyA2xvZzoDb25lGggIABIAGgAgABoAIgA="
    ),
    # kubectl create secret generic s --from-literal=a=b
    "/api/v1/namespaces/default/secrets": ("azhzAAoMCgJ2MRIGU2VjcmV0Eh0KEQoBcxIAGgAiACoAMgA4AEIAEgYKAWESAWIaABoAIgA="),
}


def field(number, value):
    """Return one field: a number, or anything with a length."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def envelope(kind, body, version=b"v1"):
    return b"k8s\0" + field(1, field(1, version) + field(2, kind)) + field(2, body)


async def send(site, path, body):
    return await site.send("POST", path, body, Content_Type=TYPE)


async def test_what_kubectl_sends_is_read_whole():
    async with serving() as site:
        bodies = {}
        for path, recorded in RECORDED.items():
            status, body, _ = await send(site, path, base64.b64decode(recorded))
            assert status == 201, path
            bodies[body["kind"]] = body

    spec = bodies["Deployment"]["spec"]
    assert (spec["replicas"], spec["selector"]) == (0, {"matchLabels": {"app": "web"}})
    (container,) = spec["template"]["spec"]["containers"]
    assert (container["image"], container["ports"]) == ("nginx", [{"containerPort": 80, "protocol": "TCP"}])
    # An empty string of Go's is a field that is not there.
    assert "workingDir" not in container
    assert bodies["Service"]["spec"]["type"] == "NodePort"
    assert bodies["Service"]["spec"]["ports"][0]["targetPort"] == "http"
    assert bodies["ResourceQuota"]["spec"] == {"hard": {"pods": "3"}}
    assert bodies["Role"]["rules"] == [
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["one"]}
    ]
    asked = {"namespace": "default", "verb": "get", "resource": "pods", "subresource": "log", "name": "one"}
    assert bodies["SelfSubjectAccessReview"]["spec"] == {"resourceAttributes": asked}
    assert bodies["Secret"]["data"] == {"a": base64.b64encode(b"b").decode()}


@pytest.mark.parametrize("kind", [b"Job", b"LimitRange", b""])
async def test_a_kind_that_is_not_read_is_an_unsupported_media_type(kind):
    async with serving() as site:
        status, body, _ = await send(site, ACCOUNTS, envelope(kind, field(1, field(1, b"a"))))
        assert (status, body["reason"]) == (415, "UnsupportedMediaType")


async def test_a_field_that_is_not_read_is_not_lost_in_silence():
    security_context = field(14, field(6, 1))
    spec = field(2, field(1, b"c") + field(2, b"nginx"))
    async with serving() as site:
        path = "/api/v1/namespaces/default/pods"
        for name, more, status in ((b"a", security_context, 415), (b"b", field(14, field(6, 0)), 201)):
            body = envelope(b"Pod", field(1, field(1, name)) + field(2, spec + more))
            assert (await send(site, path, body))[0] == status


async def test_another_kind_than_the_paths_is_refused():
    async with serving() as site:
        status, body, _ = await send(site, ACCOUNTS, envelope(b"Namespace", field(1, field(1, b"a"))))
        assert (status, "cannot be handled as a ServiceAccount" in body["message"]) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"k8s\0\x0a",
        b"k8s\0\x0a\x7fshort",
        b"k8s\0\x08\x01",
        b"k8s\0" + b"\xff" * 12,
        envelope(b"ServiceAccount", b"\x0b"),
        envelope(b"ServiceAccount", field(1, 5)),
        envelope(b"ServiceAccount", field(1, field(1, b"\xff\xfe"))),
        envelope(b"ServiceAccount", field(4, b"yes")),
    ],
)
async def test_spoilt_bodies_are_bad_requests(body):
    async with serving() as site:
        status, refused, _ = await send(site, ACCOUNTS, body)
        assert (status, refused["reason"]) == (400, "BadRequest")
