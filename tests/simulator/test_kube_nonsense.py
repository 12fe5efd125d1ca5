"""Whatever is sent, the API server answers with a Status and its controllers go on."""

import copy
import json
import random

import pytest
from kube_harness import Site, deployment, secret
from multidict import CIMultiDict

from simulator.http import Request

JUNK = [None, 5, -1, "x", "", [], {}, True, [1], ["a"], {"a": 1}, "10%", 1.5, [{}], [None]]
CORE, APPS = "/api/v1/namespaces/default", "/apis/apps/v1/namespaces/default"
CONTAINER = {
    "name": "c",
    "image": "a/b:1",
    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}],
    "resources": {"requests": {"memory": "1Gi"}},
    "readinessProbe": {"initialDelaySeconds": 3},
}
POD = {
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "imagePullSecrets": [{"name": "regcred"}],
    "tolerations": [{"key": "a"}],
    "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
    "containers": [CONTAINER],
}
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": POD}
BASES = {
    f"{APPS}/deployments": deployment(minReadySeconds=1, strategy=ROLLING),
    f"{APPS}/replicasets": {
        "metadata": {"name": "rs"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE},
    },
    f"{CORE}/secrets": secret(),
    f"{CORE}/services": {"metadata": {"name": "web"}, "spec": {"clusterIP": "192.100.100.9", "ports": [{"port": 80}]}},
    f"{CORE}/pods": {"metadata": {"name": "p"}, "spec": POD},
    f"{CORE}/persistentvolumeclaims": {
        "metadata": {"name": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    },
    f"{CORE}/resourcequotas": {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "100"}}},
    "/api/v1/namespaces": {"metadata": {"name": "nn", "labels": {}}},
    "/api/v1/nodes": {"metadata": {"name": "n2"}, "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}},
    "/apis/networking.k8s.io/v1/servicecidrs": {"metadata": {"name": "s"}, "spec": {"cidrs": ["10.9.0.0/24"]}},
}
PATCHES = ["apply-patch+yaml", "merge-patch+json", "strategic-merge-patch+json", "json-patch+json"]


def places(value, path=()):
    if path:
        yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


def spoilt(body, chance):
    """Return a body with one or two of its values replaced by junk or taken out."""
    body = copy.deepcopy(body)
    for _ in range(chance.randint(1, 2)):
        *parents, last = chance.choice(list(places(body)))
        target = body
        for key in parents:
            target = target[key]
        if chance.random() < 0.3 and isinstance(target, dict):
            del target[last]
        else:
            target[last] = copy.deepcopy(chance.choice(JUNK))
        if not body:
            break
    return body


def a_request(chance):
    path = chance.choice(list(BASES))
    method = chance.choice(["POST", "PUT", "PATCH", "DELETE", "GET"])
    named = f"{path}/{BASES[path]['metadata']['name']}"
    headers = CIMultiDict({"Content-Type": "application/json"})
    if method == "PATCH":
        headers["Content-Type"] = f"application/{chance.choice(PATCHES)}"
    if method == "DELETE":
        body = {"propagationPolicy": chance.choice(["Foreground", "Background", "Orphan"]), "gracePeriodSeconds": 3}
        body = spoilt(body, chance) if chance.random() < 0.5 else {}
    else:
        body = spoilt(BASES[path], chance)
    where = path if method in {"POST", "GET"} else named
    query = {"fieldManager": "t", "force": "true"} if method == "PATCH" else {}
    return Request(method, where, query, headers, json.dumps(body).encode())


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_that_is_sent_breaks_the_server(seed):
    chance = random.Random(seed)
    site = Site()
    for _ in range(300):
        response = await site.cluster.handle(a_request(chance))
        site.clock.step(chance.choice([0.05, 1, 20]))
        assert json.loads(response.body)
        assert response.status < 501
