"""A cluster of the simulator behind a real port, with simulated time in the test's hands."""

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kubernetes.aio import client

from simulator.clock import Clock
from simulator.http import Request, Response, Server
from simulator.kube import ADMIN, Cluster, PullAnswer, PullRequest, UserSpec

CAPTURES = Path(__file__).parents[3] / "shared" / "data" / "kubernetes"
START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32
HOST = "192.100.100.1"
NAME = "hello-world-deployment"
PATH = f"/apis/apps/v1/namespaces/default/deployments/{NAME}"
V2 = f"{HOST}/hello-world:v2"


def capture(name: str) -> Any:
    """Return a capture of a real API server; skip the test where the captures are not at hand."""
    path = CAPTURES / f"{name}.json"
    if not path.exists():
        pytest.skip("the captures of a real API server are not at hand")
    return json.loads(path.read_text())


class Site:
    """One cluster, its address, and what its registry answers."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock(START, manual=True)
        self.pulls: list[PullRequest] = []
        self.answers: dict[str, PullAnswer] = {}
        options = {"service_cidrs": ("192.100.100.0/24",), "image_pull": 0.4, "container_start": 0.01} | options
        self.cluster = Cluster("berlin", self.clock, self._pull, **options)
        self.url = ""
        self.token = "secret"

    def _pull(self, request: PullRequest) -> PullAnswer:
        self.pulls.append(request)
        return self.answers.get(request.image, PullAnswer(DIGEST))

    async def app(self, request: Request) -> Response:
        self.clock.run_due()
        return await self.cluster.handle(request)

    def api(self) -> client.ApiClient:
        configuration = client.Configuration(host=self.url)
        configuration.api_key = {"BearerToken": self.token}
        configuration.api_key_prefix = {"BearerToken": "Bearer"}
        return client.ApiClient(configuration)

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """Return (status, body, headers) of a plain request; a text body is sent as it is."""
        data = body if isinstance(body, str | bytes | None) else json.dumps(body)
        names = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if data is not None:
            names["Content-Type"] = "application/json"
        names |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, data=data, headers=names) as answer,
        ):
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return answer.status, json.loads(text) if is_json else text, answer.headers


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Site]:
    """Serve a cluster for the length of a block."""
    site = Site(**options)
    server = Server(site.app)
    port = await server.start()
    site.url = f"http://127.0.0.1:{port}"
    try:
        yield site
    finally:
        await server.stop()


def user(role: str) -> UserSpec:
    """Return a user by its role: `cluster-admin`, `view`, `edit:shop,web` for some namespaces only, `none`."""
    name, _, namespaces = role.partition(":")
    if name == "cluster-admin":
        return ADMIN
    named = tuple(namespaces.split(",")) if namespaces else ()
    return UserSpec(f"fleet-{name}", role="" if name == "none" else name, namespaces=named)


def deployment(image: str = f"{HOST}/hello-world:latest", **spec: Any) -> dict[str, Any]:
    """Return the Deployment of the captures."""
    pod = {"imagePullSecrets": [{"name": "regcred"}], "containers": [{"name": "hello-world", "image": image}]}
    labels = {"app": "hello-world"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "hello-world-deployment", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "replicas": 1,
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **spec,
        },
    }


def secret(host: str = HOST) -> dict[str, Any]:
    """Return a pull secret."""
    config = {"auths": {host: {"username": "mytoken", "password": "mypassword"}}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "regcred"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps(config)},
    }


async def apply(site: Site, *args: str, force: str = "true", manager: str = "tool", **spec: Any) -> Any:
    """Apply the Deployment of the captures, server-side."""
    query = f"?fieldManager={manager}&force={force}"
    _, body, _ = await site.send(
        "PATCH", PATH + query, deployment(*args, **spec), Content_Type="application/apply-patch+yaml"
    )
    return body


def read(site: Site) -> Any:
    """Return the Deployment as stored."""
    return site.cluster.get("deployments", "default", NAME)


def sets(site: Site) -> dict[str, int]:
    """Return the sizes of its ReplicaSets by revision."""
    return {
        each["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: each["spec"]["replicas"]
        for each in site.cluster.list("replicasets", "default")
    }


def progressing(site: Site) -> tuple[str, str]:
    """Return status and reason of its Progressing condition."""
    conditions = read(site)["status"]["conditions"]
    return next((each["status"], each["reason"]) for each in conditions if each["type"] == "Progressing")
