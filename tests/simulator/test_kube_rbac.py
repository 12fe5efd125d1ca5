"""Rights by Roles and bindings, and what users may ask about them: the reviews that a preflight relies on."""

import pytest
from kube_harness import secret, serving, user
from kubernetes.aio import client

from simulator.kube import UserSpec

AUTHZ = "/apis/authorization.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
SECRETS = "/api/v1/namespaces/default/secrets"
TOKENS = {"admin": user("cluster-admin"), "viewer": user("view"), "ann": UserSpec("ann", groups=("staff",))}


def rule(verbs, resources, groups="", **more):
    rule = {"verbs": verbs.split(), "apiGroups": groups.split(",")}
    return rule | ({"resources": resources.split()} if resources else {}) | more


def role(*rules, name="r", kind="Role"):
    return {"metadata": {"name": name}, "rules": list(rules), "kind": kind}


def binding(subject="ann", subject_kind="User", role_kind="Role", name="r"):
    return {
        "metadata": {"name": name},
        "subjects": [{"kind": subject_kind, "name": subject}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": name},
    }


async def grant(site, *bodies, namespace="default"):
    site.token = "admin"
    for body, plural in bodies:
        where = "" if plural.startswith("cluster") else f"/namespaces/{namespace}"
        status, answer, _ = await site.send("POST", f"{RBAC}{where}/{plural}", body)
        assert status == 201, answer
    site.token = "ann"


async def may(site, verb, resource="", **more):
    attributes = {"verb": verb, "resource": resource, "namespace": "default"} | more
    _, body, _ = await site.send(
        "POST", f"{AUTHZ}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": attributes}}
    )
    return body["status"]


@pytest.mark.parametrize(
    ("rules", "verb", "asked", "allowed"),
    [
        ([rule("get", "pods")], "get", {"resource": "pods"}, True),
        ([rule("get", "pods")], "list", {"resource": "pods"}, False),
        ([rule("get", "pods")], "get", {"resource": "pods", "subresource": "log"}, False),
        ([rule("get", "pods/log")], "get", {"resource": "pods", "subresource": "log"}, True),
        ([rule("get", "*")], "get", {"resource": "pods", "subresource": "log"}, True),
        ([rule("patch", "*/scale", "apps")], "patch", {"resource": "deployments", "group": "apps"}, False),
        (
            [rule("patch", "*/scale", "apps")],
            "patch",
            {"resource": "deployments", "group": "apps", "subresource": "scale"},
            True,
        ),
        ([rule("*", "pods")], "deletecollection", {"resource": "pods"}, True),
        ([rule("get", "deployments")], "get", {"resource": "deployments", "group": "apps"}, False),
        ([rule("get", "deployments", "*")], "get", {"resource": "deployments", "group": "apps"}, True),
        ([rule("get", "secrets", resourceNames=["regcred"])], "get", {"resource": "secrets", "name": "regcred"}, True),
        ([rule("get", "secrets", resourceNames=["regcred"])], "get", {"resource": "secrets", "name": "other"}, False),
        ([rule("get", "secrets", resourceNames=["regcred"])], "get", {"resource": "secrets"}, False),
        ([rule("get", "pods")], "get", {"resource": "pods", "namespace": "shop"}, False),
        ([rule("get", "pods")], "get", {"resource": "pods", "namespace": ""}, False),
        # A group that no server here has is judged like any other.
        ([rule("create", "widgets", "example.com")], "create", {"resource": "widgets", "group": "example.com"}, True),
    ],
)
async def test_what_a_role_allows_in_its_namespace(rules, verb, asked, allowed):
    async with serving(tokens=TOKENS, namespaces=("shop",)) as site:
        await grant(site, (role(*rules), "roles"), (binding(), "rolebindings"))
        assert (await may(site, verb, **asked))["allowed"] is allowed


async def test_a_cluster_role_bound_in_a_namespace_holds_there_only():
    async with serving(tokens=TOKENS, namespaces=("shop",)) as site:
        await grant(site, (binding(name="edit", role_kind="ClusterRole"), "rolebindings"), namespace="shop")

        assert not (await may(site, "create", "secrets"))["allowed"]
        allowed = await may(site, "create", "secrets", namespace="shop")
        words = 'RBAC: allowed by RoleBinding "edit/shop" of ClusterRole "edit" to User "ann"'
        assert allowed == {"allowed": True, "reason": words}
        # Its own namespace may be read through it, but neither others nor their list.
        assert (await site.send("GET", "/api/v1/namespaces/shop"))[0] == 200
        assert (await site.send("GET", "/api/v1/namespaces/default"))[0] == 403
        assert (await site.send("GET", "/api/v1/namespaces"))[0] == 403
        assert (await site.send("POST", "/api/v1/namespaces/shop/secrets", secret()))[0] == 201
        assert (await site.send("POST", SECRETS, secret()))[0] == 403


async def test_a_group_bound_to_a_cluster_role_has_it_everywhere():
    async with serving(tokens=TOKENS) as site:
        nodes = role(rule("get list", "nodes"), rule("get", "", nonResourceURLs=["/metrics/*"]), kind="ClusterRole")
        await grant(site, (nodes, "clusterroles"), (binding("staff", "Group", "ClusterRole"), "clusterrolebindings"))

        assert (await may(site, "list", "nodes", namespace=""))["reason"].endswith('to Group "staff"')
        assert (await site.send("GET", "/api/v1/nodes"))[0] == 200
        for path, allowed in (("/metrics/cadvisor", True), ("/metrics", False), ("/apis", True)):
            spec = {"nonResourceAttributes": {"path": path, "verb": "get"}}
            _, body, _ = await site.send("POST", f"{AUTHZ}/selfsubjectaccessreviews", {"spec": spec})
            assert body["status"]["allowed"] is allowed


async def test_rights_end_with_their_binding_and_need_their_role():
    async with serving(tokens=TOKENS) as site:
        await grant(site, (binding(), "rolebindings"))
        assert not (await may(site, "get", "pods"))["allowed"]
        await grant(site, (role(rule("get", "pods")), "roles"))
        assert (await may(site, "get", "pods"))["allowed"]
        site.token = "admin"
        assert (await site.send("DELETE", f"{RBAC}/namespaces/default/rolebindings/r"))[0] == 200
        site.token = "ann"
        assert not (await may(site, "get", "pods"))["allowed"]


async def test_a_resource_name_allows_reading_and_watching_that_one():
    async with serving(tokens=TOKENS) as site:
        only = role(rule("get list watch patch", "secrets", resourceNames=["regcred"]))
        await grant(site, (only, "roles"), (binding(), "rolebindings"))
        site.token = "admin"
        await site.send("POST", SECRETS, secret())
        site.token = "ann"

        assert (await site.send("GET", f"{SECRETS}/regcred"))[0] == 200
        assert (await site.send("GET", SECRETS))[0] == 403
        assert (await site.send("GET", f"{SECRETS}?fieldSelector=metadata.name%3Dregcred"))[0] == 200
        status, refused, _ = await site.send(
            "PATCH", f"{SECRETS}/other?fieldManager=x", "{}", Content_Type="application/apply-patch+yaml"
        )
        assert (status, refused["details"]["name"]) == (403, "other")


async def test_the_rules_of_a_namespace_are_listed():
    async with serving(tokens=TOKENS) as site:
        only = role(rule("get", "secrets", resourceNames=["regcred"]))
        await grant(site, (only, "roles"), (binding(), "rolebindings"))
        async with site.api() as api:
            authorization = client.AuthorizationV1Api(api)
            found = await authorization.create_self_subject_rules_review({"spec": {"namespace": "default"}})
            elsewhere = await authorization.create_self_subject_rules_review({"spec": {"namespace": "kube-system"}})

    mine = [each for each in found.status.resource_rules if "secrets" in each.resources]
    assert [(each.verbs, each.resource_names) for each in mine] == [(["get"], ["regcred"])]
    assert not found.status.incomplete
    assert {tuple(each.resources) for each in elsewhere.status.resource_rules} == {
        ("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
        ("selfsubjectreviews",),
    }
    assert "/version" in {url for each in found.status.non_resource_rules for url in each.non_resource_urls}


@pytest.mark.parametrize(
    ("path", "spec", "status"),
    [
        ("selfsubjectaccessreviews", {}, 422),
        (
            "selfsubjectaccessreviews",
            {"resourceAttributes": {"verb": "get"}, "nonResourceAttributes": {"path": "/"}},
            422,
        ),
        ("selfsubjectaccessreviews", {"resourceAttributes": 5}, 400),
        ("selfsubjectrulesreviews", {}, 400),
    ],
)
async def test_questions_without_sense_are_refused(path, spec, status):
    async with serving() as site:
        assert (await site.send("POST", f"{AUTHZ}/{path}", {"spec": spec}))[0] == status


async def test_who_asks():
    async with serving(tokens=TOKENS) as site:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        site.token = "ann"
        _, body, _ = await site.send("POST", path, {})
        assert body["status"]["userInfo"]["username"] == "ann"
        assert body["status"]["userInfo"]["groups"] == ["staff", "system:authenticated"]
        site.token = ""
        assert (await site.send("POST", path, {}))[0] == 403


@pytest.mark.parametrize(
    ("path", "status"), [("/version", 200), ("/readyz", 200), ("/apis", 403), ("/openapi/v3", 403)]
)
async def test_what_the_anonymous_may_read(path, status):
    async with serving(tokens=TOKENS) as site:
        site.token = ""
        code, body, _ = await site.send("GET", path)
        assert code == status
        if status == 403:
            assert body["message"] == f'forbidden: User "system:anonymous" cannot get path "{path}"'


@pytest.mark.parametrize("version", ["1.36.2", "1.32.13"])
async def test_what_a_preflight_reads_of_a_cluster(version):
    async with serving(tokens=TOKENS, version=version) as site:
        for path in (
            "/api/v1/nodes",
            "/apis/storage.k8s.io/v1/storageclasses",
            # A viewer is refused before it is told that 1.32 has no such resource.
            "/apis/networking.k8s.io/v1/servicecidrs",
            "/apis/networking.k8s.io/v1/ipaddresses/192.100.100.1",
        ):
            site.token = "viewer"
            status, body, _ = await site.send("GET", path)
            assert (status, body["reason"], "at the cluster scope" in body["message"]) == (403, "Forbidden", True)
            site.token = "admin"
            absent = version.startswith("1.32") and "networking" in path
            assert (await site.send("GET", path))[0] == (404 if absent else 200)
        site.token = "viewer"
        assert (await site.send("GET", "/api/v1/services"))[0] == 200
        _, group, _ = await site.send("GET", "/apis/networking.k8s.io/v1")
        assert ("servicecidrs" in {each["name"] for each in group["resources"]}) is version.startswith("1.36")


@pytest.mark.parametrize(
    ("plural", "body", "field"),
    [
        ("roles", role(rule("", "pods") | {"verbs": []}), "rules[0].verbs"),
        ("roles", role(rule("get", "") | {"apiGroups": [""]}), "rules[0].resources"),
        ("roles", role({"verbs": ["get"], "resources": ["pods"]}), "rules[0].apiGroups"),
        ("roles", role(rule("get", "", nonResourceURLs=["/x"])), "rules[0].nonResourceURLs"),
        ("roles", role(name="a/b"), "metadata.name"),
        ("rolebindings", binding(role_kind="Secret"), "roleRef.kind"),
    ],
)
async def test_roles_that_make_no_sense_are_refused(plural, body, field):
    async with serving() as site:
        body.pop("kind", None)
        status, refused, _ = await site.send("POST", f"{RBAC}/namespaces/default/{plural}", body)
        assert (status, refused["details"]["causes"][0]["field"]) == (422, field)


async def test_a_binding_keeps_its_role():
    async with serving() as site:
        path = f"{RBAC}/namespaces/default/rolebindings"
        await site.send("POST", path, binding())
        changed = {"roleRef": {"kind": "ClusterRole", "name": "edit"}}
        status, refused, _ = await site.send("PATCH", f"{path}/r", changed, Content_Type="application/merge-patch+json")
        assert (status, refused["details"]["causes"][0]["message"].endswith("cannot change roleRef")) == (422, True)
