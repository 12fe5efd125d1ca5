"""What a world says of its clusters: the rights of the kubeconfig's user, nodes and their taints, storage classes."""

import httpx
import pytest
import yaml

from simulator import running

TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
RULE = {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["regcred"]}


def asking(sim):
    """Return a client of the first cluster, as the user of its kubeconfig."""
    config = yaml.safe_load(httpx.get(f"{sim.url}/control/kubeconfig", trust_env=False).text)
    user = config["users"][0]["user"]
    cluster = config["clusters"][0]["cluster"]["server"]
    return httpx.Client(base_url=cluster, headers={"Authorization": f"Bearer {user['token']}"}, trust_env=False)


@pytest.mark.parametrize(
    ("user", "path", "status"),
    [
        (None, "/api/v1/nodes", 200),
        ({"role": "view"}, "/api/v1/nodes", 403),
        ({"role": "view"}, "/api/v1/services", 200),
        ({"role": "edit", "namespaces": ["shop"]}, "/api/v1/namespaces/shop/secrets", 200),
        ({"role": "edit", "namespaces": ["shop"]}, "/api/v1/namespaces/default/secrets", 403),
        ({"rules": [RULE], "namespaces": ["shop"]}, "/api/v1/namespaces/shop/secrets/regcred", 404),
        ({"rules": [RULE], "namespaces": ["shop"]}, "/api/v1/namespaces/shop/secrets/other", 403),
        ({"name": "ann"}, "/apis", 200),
    ],
)
def test_the_user_of_the_kubeconfig_may_what_the_world_says(worlds, user, path, status):
    kubernetes = {"namespaces": ["shop"]} | ({"user": user} if user else {})
    world = worlds.make(clusters=[{"name": "k-ber1", "kubernetes": kubernetes}])
    with running(world, manual=True) as sim, asking(sim) as client:
        assert client.get(path).status_code == status


def test_nodes_have_their_taints_and_the_first_class_is_the_default(worlds):
    nodes = [{"name": "a", "taints": [TAINT]}, {"name": "b", "os": "windows", "arch": "arm64"}]
    kubernetes = {"nodes": nodes, "storageClasses": ["fast", "slow"]}
    world = worlds.make(clusters=[{"name": "k-ber1", "kubernetes": kubernetes}])
    with running(world, manual=True) as sim, asking(sim) as client:
        first, second = client.get("/api/v1/nodes").json()["items"]
        classes = client.get("/apis/storage.k8s.io/v1/storageclasses").json()["items"]

    assert first["spec"]["taints"] == [TAINT]
    labels = second["metadata"]["labels"]
    assert (labels["kubernetes.io/os"], labels["kubernetes.io/arch"]) == ("windows", "arm64")
    defaults = [each["metadata"].get("annotations", {}) for each in classes]
    assert defaults == [{"storageclass.kubernetes.io/is-default-class": "true"}, {}]


def test_an_unknown_key_of_a_user_is_told(worlds):
    world = worlds.make(clusters=[{"name": "k-ber1", "kubernetes": {"user": {"roles": ["view"]}}}])
    with pytest.raises(Exception, match="unknown key 'roles'"), running(world, manual=True):
        pass
