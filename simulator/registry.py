"""The registries' data plane: the Docker registry API v2 and ACR's token service.

Flow and paths: Azure/acr, quickstart-view-connected-registry-repos-and-tags.md. A token carries what it
grants and is signed, so that nothing is kept.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from simulator.cloud import Push, Token, zulu
from simulator.http import Request, Response
from simulator.sources import Cloud, Site, Source, permitted
from simulator.world import World

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LIFETIME = timedelta(hours=1)
# The catalog of ACR's own API, which azure-containerregistry reads; it has the same form.
ACR_CATALOG = "/acr/v1/_catalog"
_CHANGEABLE = ("deleteEnabled", "writeEnabled", "readEnabled", "listEnabled")
PERMISSIONS = {"pull": "content/read", "push": "content/write", "metadata_read": "metadata/read"}

# The right that an Entra identity needs for each action (MicrosoftDocs, container-registry-rbac-built-in-roles:
# AcrPull, AcrPush, AcrDelete); who may pull may read the catalog and tags.
RIGHTS = {
    "pull": "Microsoft.ContainerRegistry/registries/pull/read",
    "metadata_read": "Microsoft.ContainerRegistry/registries/pull/read",
    "push": "Microsoft.ContainerRegistry/registries/push/write",
    "delete": "Microsoft.ContainerRegistry/registries/artifacts/delete",
}

Access = dict[str, list[str]]


class DataPlane:
    """Answers requests to every registry of a world.

    Args:
        world: The state.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._key = secrets.token_bytes(32)

    def source(self, host: str) -> Source | None:
        """Return the cloud registry at a login server."""
        registry = self._world.registries_by_host.get(host.lower())
        return Cloud(registry) if registry else None

    def site(self, cluster: str) -> tuple[str, Source] | None:
        """Return host and source of what runs in a cluster, as seen from inside it."""
        found = self._world.clusters_by_name.get(cluster.lower())
        release = found.release if found else None
        if release is None or not release.instance.running or not release.instance.deployed:
            return None
        return release.host, Site(release.instance)

    def handle(self, request: Request, host: str, source: Source) -> Response:
        """Answer one request to the registry at `host`."""
        path = request.path.rstrip("/")
        if path.endswith("/oauth2/token"):
            return self._token(request, host, source)
        if path.endswith("/oauth2/exchange"):
            return self._exchange(request, host, source)
        if path != "/v2" and not path.startswith(("/v2/", "/acr/v1/")):
            return _error(404, "NOT_FOUND", "page not found")
        access = self._access(request, host, source)
        if access is None:
            return self._challenge(request, host)
        return self._serve(request, host, source, access, path.removeprefix("/v2").strip("/"))

    def _serve(self, request: Request, host: str, source: Source, access: Access, path: str) -> Response:
        if not path:
            return Response.json({})
        now = self._world.now()
        if path in ("_catalog", ACR_CATALOG.strip("/")):
            return _catalog(request, [r for r in sorted(source.tags(now)) if _allows(access, r, "metadata_read")])
        if path.startswith("acr/v1/") and "/_tags/" in path:
            repository, _, tag = path.removeprefix("acr/v1/").partition("/_tags/")
            return self._tag(source, access, repository, tag, host)
        repository, _, rest = path.rpartition("/")
        if rest == "list" and repository.endswith("/tags"):
            return self._tags(source, access, repository.removesuffix("/tags"))
        if repository.endswith("/manifests"):
            return self._manifest(request, source, access, repository.removesuffix("/manifests"), rest)
        return _error(404, "UNSUPPORTED", "The operation is unsupported.")

    def _tag(self, source: Source, access: Access, repository: str, tag: str, host: str) -> Response:
        """Show a tag's attributes (Azure SDK, azure-containerregistry's TagAttributes: GET /acr/v1/NAME/_tags/TAG)."""
        if not _allows(access, repository, "metadata_read"):
            return _denied(repository, "metadata_read")
        push = source.find(repository, tag, self._world.now())
        if push is None:
            return _error(404, "TAG_UNKNOWN", f"the tag {tag} is unknown")
        moment = zulu(push.at)
        attributes: dict[str, Any] = {
            "name": tag,
            "digest": push.digest,
            "createdTime": moment,
            "lastUpdateTime": moment,
        }
        attributes |= {"signed": False, "changeableAttributes": dict.fromkeys(_CHANGEABLE, True)}
        return Response.json({"registry": host, "imageName": repository, "tag": attributes})

    def _tags(self, source: Source, access: Access, repository: str) -> Response:
        if not _allows(access, repository, "metadata_read"):
            return _denied(repository, "metadata_read")
        tags = source.tags(self._world.now()).get(repository)
        if tags is None:
            return _error(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": repository})
        return Response.json({"name": repository, "tags": tags})

    def _manifest(self, request: Request, source: Source, access: Access, repository: str, reference: str) -> Response:
        if not _allows(access, repository, "pull"):
            return _denied(repository, "pull")
        push = source.find(repository, reference, self._world.now())
        if push is None:
            message = f'manifest tagged by "{reference}" is not found'
            return _error(404, "MANIFEST_UNKNOWN", message, {"Tag": reference})
        body = manifest(repository, push)
        headers = {
            "Content-Type": MANIFEST,
            "Docker-Content-Digest": push.digest,
            "Docker-Distribution-Api-Version": "registry/2.0",
            "ETag": f'"{push.digest}"',
        }
        return Response(200, b"" if request.method == "HEAD" else body, headers)

    def _access(self, request: Request, host: str, source: Source) -> Access | None:
        """Return what the request's credentials grant, repository by repository; None for none."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            claims = self._verify(value)
            if claims is None or claims["aud"] != host or claims["exp"] < self._world.now().timestamp():
                return None
            return dict(claims["access"])
        if scheme.lower() != "basic":
            return None
        token = source.login(*_basic(value), self._world.now())
        scope = source.scope(token) if token else None
        if scope is None:
            return None
        return {
            repository: [action for action, p in PERMISSIONS.items() if repository in scope.repositories(p)]
            for repository in set().union(*(scope.repositories(p) for p in PERMISSIONS.values()))
        }

    def _token(self, request: Request, host: str, source: Source) -> Response:
        form = {**request.query, **_form(request)}
        if form.get("grant_type") == "refresh_token":
            claims = self._verify(form.get("refresh_token", ""))
            if claims is None or claims["aud"] != host:
                return _unauthorized()
            granted = self._granted(claims.get("client", ""), source, _asked(form.get("scope", "")))
            return Response.json({"access_token": self._sign(host, granted)})
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        token = source.login(*_basic(value), self._world.now()) if scheme.lower() == "basic" else None
        if token is None:
            return _unauthorized()
        return Response.json({"access_token": self._sign(host, _scoped(source, token, form.get("scope", "")))})

    def _exchange(self, request: Request, host: str, source: Source) -> Response:
        """Give a refresh token for the Entra token of whoever has a role on the registry."""
        token = _form(request).get("access_token")
        caller = self._world.roles.bearer(token) if token else None
        if caller is None or not source.scope_id or not caller.knows(source.scope_id):
            return _unauthorized()
        return Response.json({"refresh_token": self._sign(host, {}, client=caller.client_id)})

    def _granted(self, client: str, source: Source, asked: Access) -> Access:
        """Return what an Entra identity may do of what it asks."""
        caller = self._world.roles.client(client)
        allowed = [action for action, right in RIGHTS.items() if caller.may(right, source.scope_id)]
        return {name: [a for a in allowed if a in actions or "*" in actions] for name, actions in asked.items()}

    def _sign(self, host: str, access: Access, **more: str) -> str:
        expires = (self._world.now() + LIFETIME).timestamp()
        claims = json.dumps({"aud": host, "exp": expires, "access": access, **more}).encode()
        parts = [_encode(b'{"alg":"HS256","typ":"JWT"}'), _encode(claims)]
        return ".".join([*parts, self._signature(".".join(parts))])

    def _verify(self, token: str) -> dict[str, Any] | None:
        signed, _, signature = token.rpartition(".")
        if not signed or not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            return None
        payload = signed.partition(".")[2]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    def _signature(self, text: str) -> str:
        return _encode(hmac.digest(self._key, text.encode(), hashlib.sha256))

    def _challenge(self, request: Request, host: str) -> Response:
        response = _unauthorized()
        realm = f"{request.base_url}/oauth2/token"
        response.headers["WWW-Authenticate"] = f'Bearer realm="{realm}",service="{host}"'
        return response


def manifest(repository: str, push: Push) -> bytes:
    """Return a manifest for an image that exists by its digest only."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "layers": [],
            "annotations": {"repository": repository, "digest": push.digest},
        }
    ).encode()


def _catalog(request: Request, repositories: list[str]) -> Response:
    start, asked = request.query.get("last", ""), request.query.get("n", "")
    size = int(asked) if asked.isdecimal() else 100
    following = [r for r in repositories if r > start]
    response = Response.json({"repositories": following[:size]})
    if len(following) > size:
        link = f"{request.path}?last={following[size - 1]}&n={size}"
        response.headers["Link"] = f'<{link}>; rel="next"'
    return response


def _scoped(source: Source, token: Token, scope: str) -> Access:
    """Return what a registry token may do of what it asks; asking for the catalog shows what it may see."""
    asked = _asked(scope)
    granted = {
        name: [a for a in actions if a in PERMISSIONS and permitted(source, token, name, PERMISSIONS[a])]
        for name, actions in asked.items()
    }
    if "*" in asked:
        mine = source.scope(token)
        granted |= {
            repository: ["metadata_read"] for repository in (mine.repositories("metadata/read") if mine else ())
        }
    return granted


def _asked(scope: str) -> Access:
    """Read `repository:app/web:pull registry:catalog:*`; `*` stands for the catalog."""
    asked: Access = {}
    for part in scope.split():
        kind, _, rest = part.partition(":")
        name, _, actions = rest.rpartition(":")
        asked["*" if kind == "registry" else name] = actions.split(",")
    return asked


def _allows(access: Access, repository: str, action: str) -> bool:
    granted = access.get(repository, access.get("*", []))
    return action in granted or "*" in granted


def _basic(value: str) -> tuple[str, str]:
    try:
        username, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return username, password


def _form(request: Request) -> Mapping[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode(errors="replace")).items()}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _error(status: int, code: str, message: str, detail: Any = None) -> Response:
    return Response.json({"errors": [{"code": code, "message": message, "detail": detail}]}, status)


def _unauthorized() -> Response:
    message = "authentication required, visit https://aka.ms/acr/authorization for more information."
    return _error(401, "UNAUTHORIZED", message)


def _denied(repository: str, action: str) -> Response:
    detail = [{"Type": "repository", "Name": repository, "Action": action}]
    return _error(403, "DENIED", "Insufficient scopes to perform the operation", detail)
