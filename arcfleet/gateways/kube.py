"""A site's Kubernetes API, over the official asyncio client: pull secrets, workloads and their pods."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from kubernetes.aio import client

from arcfleet.core.evidence import ExtensionEvidence
from arcfleet.core.facts import Unread, WorkloadFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import FIELD_MANAGER, SEAL_ANNOTATION, Login, Object
from arcfleet.core.planning.surveys import ClusterSurvey, KubeRight
from arcfleet.core.reasons import Reason
from arcfleet.core.removing.removals import Held
from arcfleet.errors import PermanentError
from arcfleet.gateways import kube_evidence, kube_removal, kube_survey, translation
from arcfleet.gateways.kube_facts import selector_text, workload_facts
from arcfleet.gateways.kube_objects import KEY, SECRET_TYPE, encode, logins_of, method, or_none, seal_of
from arcfleet.gateways.kubeconfigs import Kubeconfigs
from arcfleet.settings import Settings

REQUESTS = 10
"""More than any reading or writing here takes of them, one after the other."""


class KubernetesSites:
    """`ports.Kubernetes` on kubernetes.aio, with one client per site that is worked on.

    A client holds a connection and its list of trusted authorities, up to a megabyte: those in no use are closed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kubeconfigs = Kubeconfigs(settings)
        self._clients: dict[str, client.ApiClient] = {}
        self._used: dict[str, float] = {}
        self._lock = asyncio.Lock()

    async def apply(self, site: Site, item: Object, *, take_back: bool = False) -> None:
        """Apply one object server-side. Fields that another manager owns are a conflict, unless they are taken back."""
        name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
        call = await self._method(site, item["kind"])
        with translation.kubernetes(site.name, f"{item['kind']} {namespace}/{name}"):
            await call(
                name,
                namespace,
                item,
                field_manager=FIELD_MANAGER,
                field_validation="Strict",
                force=take_back,
                _content_type="application/apply-patch+yaml",
                _request_timeout=self._settings.request_timeout,
            )

    @property
    def open(self) -> int:
        """How many clients are open."""
        return len(self._clients)

    async def close(self) -> None:
        """Close every connection."""
        for api in self._clients.values():
            await api.close()

    async def delete(self, site: Site, item: Held) -> None:
        """Delete the very object that was read; one that is gone already is deleted."""
        with translation.kubernetes(site.name, str(item)):
            await kube_removal.delete(await self._client(site), item, self._settings.request_timeout)

    async def drop_login(self, site: Site, item: Held) -> None:
        """Take the login for the site's address out of a pull secret; the others stay."""
        with translation.kubernetes(site.name, str(item)):
            await kube_removal.drop_login(
                await self._client(site), site.cluster_ip, item, self._settings.request_timeout
            )

    async def held(self, site: Site, kind: str, namespace: str, name: str) -> Held | None:
        """Return an object with who wrote it; None where it does not exist."""
        with translation.kubernetes(site.name, f"{kind} {namespace}/{name}"):
            return await kube_removal.held(
                await self._client(site), kind, namespace, name, self._settings.request_timeout
            )

    async def login(self, site: Site, namespace: str, name: str) -> Login | None:
        """Return the login for the site's address that a pull secret holds, if there is one."""
        found = await self._secret(site, namespace, name)
        entry = logins_of(found).get(site.cluster_ip) if found else None
        return Login.of_entry(entry, seal_of(found)) if isinstance(entry, dict) else None

    async def login_hosts(self, site: Site, namespace: str, name: str) -> tuple[str, ...] | None:
        """Return the registries that a pull secret holds logins of; None where it does not exist."""
        found = await self._secret(site, namespace, name)
        return tuple(logins_of(found)) if found else None

    async def put_login(self, site: Site, namespace: str, name: str, login: Login, *, dry_run: bool = False) -> None:
        """Create a pull secret, or merge the site's login into the one that is there.

        With `dry_run` the API server only says whether it would: the namespace, rights, quotas, admission.
        """
        api = client.CoreV1Api(await self._client(site))
        options: dict[str, Any] = {"field_manager": FIELD_MANAGER, "_request_timeout": self._settings.request_timeout}
        if dry_run:
            options["dry_run"] = "All"
        found = await self._secret(site, namespace, name)
        logins = {**(logins_of(found) if found else {}), site.cluster_ip: login.entry()}
        metadata = client.V1ObjectMeta(name=name)
        if found:
            # With the version that was read, so that a login added meanwhile is not lost.
            metadata.resource_version = found.metadata.resource_version
        if login.seal or (found and seal_of(found)):
            metadata.annotations = {SEAL_ANNOTATION: login.seal}
        body = client.V1Secret(type=SECRET_TYPE, metadata=metadata, data={KEY: encode({"auths": logins})})
        with translation.kubernetes(site.name, f"pull secret {namespace}/{name}"):
            if found:
                await api.patch_namespaced_secret(name, namespace, body, **options)
            else:
                await api.create_namespaced_secret(namespace, body, **options)

    async def restart(self, site: Site, kind: str, namespace: str, name: str, at: datetime) -> None:
        """Replace a workload's pods by a change of their template, as `kubectl rollout restart` does."""
        call = await self._method(site, kind)
        annotations = {"kubectl.kubernetes.io/restartedAt": at.isoformat(timespec="seconds")}
        with translation.kubernetes(site.name, f"{kind} {namespace}/{name}"):
            await call(
                name,
                namespace,
                {"spec": {"template": {"metadata": {"annotations": annotations}}}},
                field_manager=FIELD_MANAGER,
                _content_type="application/strategic-merge-patch+json",
                _request_timeout=self._settings.request_timeout,
            )

    async def missing_rights(self, site: Site, rights: Sequence[KubeRight]) -> tuple[KubeRight, ...] | Unread:
        """Return which of the rights the cluster denies."""
        api = await self._client(site)
        return await kube_survey.missing_rights(api, site, rights, self._settings.request_timeout)

    async def survey(self, site: Site, rights: Sequence[KubeRight]) -> ClusterSurvey:
        """Return what the cluster shows of a site's prerequisites, and which of the rights it denies."""
        return await kube_survey.survey(await self._client(site), site, rights, self._settings.request_timeout)

    async def extension_evidence(self, site: Site) -> ExtensionEvidence:
        """Return what the cluster shows of the connected registry that runs in it."""
        return await kube_evidence.read(await self._client(site), site, self._settings.request_timeout)

    async def workload(self, site: Site, namespace: str, name: str, kind: str = "Deployment") -> WorkloadFacts | None:
        """Return a workload with the pods of its newest revision; None where it does not exist."""
        api = await self._client(site)
        timeout = self._settings.request_timeout
        read = await self._method(site, kind, "read")
        with translation.kubernetes(site.name, f"{kind} {namespace}/{name}"):
            found = await or_none(read(name, namespace, _request_timeout=timeout))
            if found is None:
                return None
            pods = await client.CoreV1Api(api).list_namespaced_pod(
                namespace, label_selector=selector_text(found.spec.selector), _request_timeout=timeout
            )
        return workload_facts(found, pods.items, kind, api.sanitize_for_serialization(found))

    async def read(self, site: Site, item: Object) -> Object | Unread | None:
        """Return an object as the API shows it, or that we may not read it; None where it does not exist."""
        kind, metadata = item["kind"], item["metadata"]
        read = await self._method(site, kind, "read")
        try:
            with translation.kubernetes(site.name, f"{kind} {metadata['namespace']}/{metadata['name']}"):
                found = await or_none(
                    read(metadata["name"], metadata["namespace"], _request_timeout=self._settings.request_timeout)
                )
        except PermanentError as error:
            if error.reason is not Reason.FORBIDDEN:
                raise
            return Unread(error.message)
        shown: Object | None = (await self._client(site)).sanitize_for_serialization(found)
        return shown

    async def _method(self, site: Site, kind: str, verb: str = "patch") -> Callable[..., Any]:
        """Return the client's method for a verb on a kind."""
        return method(await self._client(site), kind, verb)

    async def _client(self, site: Site) -> client.ApiClient:
        if site.kube is None:
            raise PermanentError(
                Reason.NO_KUBERNETES_ACCESS,
                f"site {site.name} has workloads, but no way to its Kubernetes API",
                "give the site kube: {context: …}",
            )
        async with self._lock:
            if site.name not in self._clients:
                await self._close_idle()
                self._clients[site.name] = await self._kubeconfigs.client(site.name, site.kube)
            self._used[site.name] = time.monotonic()
            return self._clients[site.name]

    async def _close_idle(self) -> None:
        """Close the clients that were last asked for so long ago that no reading of theirs is under way."""
        now, idle = time.monotonic(), REQUESTS * self._settings.request_timeout
        for name in [name for name in self._clients if now - self._used[name] > idle]:
            await self._clients.pop(name).close()

    async def _secret(self, site: Site, namespace: str, name: str) -> Any:
        api = client.CoreV1Api(await self._client(site))
        with translation.kubernetes(site.name, f"pull secret {namespace}/{name}"):
            return await or_none(
                api.read_namespaced_secret(name, namespace, _request_timeout=self._settings.request_timeout)
            )
