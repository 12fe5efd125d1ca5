"""The two registries that clients pull from: the cloud's and a site's, behind one small face.

`pull` gives a kubelet the words in which containerd shows each refusal; `registry.py` answers the same
questions over HTTP. The words follow the captures (data/kubernetes/scenario_fail_*.json, where they are
renderings) and MicrosoftDocs' troubleshoot-connected-registry-arc.md.
"""

from datetime import datetime
from typing import Protocol

from simulator.cloud import Push, Registry, ScopeMap, Token, derived_digest
from simulator.instance import NAME, Instance
from simulator.kube import PullAnswer, PullRequest
from simulator.world import ConnectedCluster, World

MICROSOFT = "mcr.microsoft.com"


class Source(Protocol):
    """What a pull needs of a registry.

    Attributes:
        scope_id: Where roles on it are assigned; empty where Entra's tokens do not count.
    """

    scope_id: str

    def login(self, username: str, password: str, now: datetime) -> Token | None:
        """Return the token that these credentials open."""

    def scope(self, token: Token) -> ScopeMap | None:
        """Return what a token may do."""

    def find(self, repository: str, reference: str, now: datetime) -> Push | None:
        """Return what a tag or digest means now."""

    def tags(self, now: datetime) -> dict[str, list[str]]:
        """Return the tags of each repository."""


class Cloud:
    """A cloud registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.scope_id = registry.id

    def login(self, username: str, password: str, now: datetime) -> Token | None:
        """Any enabled token may log in."""
        return self._registry.login(username, password, now)

    def scope(self, token: Token) -> ScopeMap | None:
        """The token's scope map holds at once."""
        return self._registry.scope_of(token)

    def find(self, repository: str, reference: str, _now: datetime) -> Push | None:
        """The newest push holds at once."""
        return self._registry.images.get(repository, {}).get(reference)

    def tags(self, _now: datetime) -> dict[str, list[str]]:
        """Return every tag."""
        return {r: _only_tags(list(tags)) for r, tags in self._registry.images.items()}


class Site:
    """A running instance, brought up to date first."""

    scope_id = ""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def login(self, username: str, password: str, now: datetime) -> Token | None:
        """Only the client tokens known since the last sync may log in."""
        self._instance.advance(now)
        return self._instance.client(username, password, now)

    def scope(self, token: Token) -> ScopeMap | None:
        """Return the token's scope map (that it follows changes at once is a simplification)."""
        registry = self._instance.registry
        return registry.scope_of(token) if registry else None

    def find(self, repository: str, reference: str, now: datetime) -> Push | None:
        """Return what has arrived."""
        self._instance.advance(now)
        return self._instance.find(repository, reference, now)

    def tags(self, now: datetime) -> dict[str, list[str]]:
        """Return the tags that have arrived."""
        self._instance.advance(now)
        images = self._instance.images
        found = {r: [t for t in tags if self._instance.find(r, t, now)] for r, tags in images.items()}
        return {r: _only_tags(tags) for r, tags in found.items() if tags}


def permitted(source: Source, token: Token, repository: str, permission: str = "content/read") -> bool:
    """Say whether a token's scope map grants a permission on a repository."""
    scope = source.scope(token)
    return scope is not None and repository in scope.repositories(permission)


def pull(world: World, cluster: ConnectedCluster, request: PullRequest) -> PullAnswer:
    """Answer one attempt of a cluster's kubelet to pull an image."""
    host = request.host.removesuffix(":443")
    if host == MICROSOFT:
        return PullAnswer(derived_digest(request.repository, request.reference))
    source = _reach(world, cluster, host)
    if isinstance(source, str):
        return PullAnswer(error=_unreachable(request, source))
    refusal = _refusal(source, request, world.now())
    if refusal is not None:
        return PullAnswer(error=_refused(request, refusal))
    push = source.find(request.repository, request.reference, world.now())
    if push is None:
        unknown = f"{_resolving(request)}{request.image}: manifest unknown: not found"
        return PullAnswer(error=f"rpc error: code = NotFound desc = {unknown}")
    return PullAnswer(push.digest, behaviour=push.behaviour)


def _refusal(source: Source, request: PullRequest, now: datetime) -> str | None:
    token = source.login(request.username or "", request.password or "", now)
    if token is None:
        return "401 Unauthorized"
    if not permitted(source, token, request.repository):
        return "403 Forbidden: denied: Insufficient scopes to perform the operation"
    return None


def _reach(world: World, cluster: ConnectedCluster, host: str) -> Source | str:
    """Return the source behind a host, or the transport's words for why there is none."""
    release = cluster.release
    if release is not None and release.host == host:
        return _reach_site(release.instance)
    if host in world.registries_by_host:
        reached = Cloud(world.registries_by_host[host])
        return reached if cluster.linked else f"dial tcp: lookup {host}: i/o timeout"
    if host.replace(".", "").isdigit():
        return f"dial tcp {host}:443: connect: no route to host"
    return f"dial tcp: lookup {host}: no such host"


def _reach_site(instance: Instance) -> Source | str:
    if not instance.cluster.has("services", NAME):
        return f"dial tcp {instance.host}:443: connect: no route to host"
    if not instance.running or not instance.deployed:
        return f"dial tcp {instance.host}:443: connect: connection refused"
    if instance.settings.get("httpEnabled") == "true":
        return "http: server gave HTTP response to HTTPS client"
    if instance.settings.get("trustDistribution.enabled", "true") != "true":
        return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    return Site(instance)


def _resolving(request: PullRequest) -> str:
    image = request.image
    return f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": '


def _manifest_url(request: PullRequest) -> str:
    return f"https://{request.host}/v2/{request.repository}/manifests/{request.reference}"


def _refused(request: PullRequest, reason: str) -> str:
    return f"{_resolving(request)}unexpected status from HEAD request to {_manifest_url(request)}: {reason}"


def _unreachable(request: PullRequest, reason: str) -> str:
    return f'{_resolving(request)}failed to do request: Head "{_manifest_url(request)}": {reason}'


def _only_tags(references: list[str]) -> list[str]:
    return sorted(r for r in references if not r.startswith("sha256:"))
