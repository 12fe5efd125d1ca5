"""The writes that a plan makes, in the services' own words, so that a person can read them before they are sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from arcfleet.core.facts import SiteFacts
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.kube.workloads import KINDS, Desired, Object

_PROVIDERS = re.compile(r"(providers/)?Microsoft\.\w+/")


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """One write.

    `method` is `PUT`, `PATCH`, `POST` or `DELETE` to Azure; in a cluster `APPLY`, `DELETE`, `RESTART` for a workload's
    pods, or `LOGIN` for a pull secret that is created, or changed where it exists.
    """

    method: str
    target: str
    """An ARM id, or `CLUSTER namespaces/NAMESPACE/RESOURCE/NAME`."""

    @property
    def is_azure(self) -> bool:
        """Whether it goes to Azure Resource Manager."""
        return self.target.startswith("/")

    def __str__(self) -> str:
        resource = self.target.partition("/providers/")[2]
        return f"{self.method} {_PROVIDERS.sub('', resource) or self.target}"


def registry_call(site: Site, method: str, path: str) -> Call:
    """Return a call to something in the site's cloud registry, for example `tokens/berlin1`; "" is itself."""
    return Call(method, f"{site.registry_ref.id}/{path}".rstrip("/"))


def installation(site: Site, facts: SiteFacts) -> tuple[Call, ...]:
    """Return the calls of an installation: a password, and the extension with it."""
    return (password(site), extension(site, "PUT" if facts.extension is None else "PATCH"))


def extension(site: Site, method: str) -> Call:
    """Return a call to the site's extension."""
    kind = "providers/Microsoft.KubernetesConfiguration/extensions"
    return Call(method, f"{site.cluster_ref.id}/{kind}/{site.extension_name}")


def password(site: Site) -> Call:
    """Return the call that generates a password."""
    return registry_call(site, "POST", "generateCredentials")


def pull_secrets(site: Site, facts: SiteFacts, missing: Sequence[tuple[str, str]]) -> tuple[Call, ...]:
    """Return the calls that give pull secrets the site's login: a password too, where no secret has one yet."""
    generated = site.pull_secret_from is None and not any(facts.pull_secrets.values())
    minted = (password(site),) if missing and generated else ()
    return (*minted, *logins(site, missing))


def logins(site: Site, secrets: Sequence[tuple[str, str]]) -> tuple[Call, ...]:
    """Return the calls that write a login into pull secrets."""
    return tuple(_in_cluster(site, "LOGIN", namespace, "secrets", name) for namespace, name in secrets)


def deletion(site: Site, kind: str, namespace: str, name: str) -> Call:
    """Return the call that deletes an object of the cluster."""
    resource = KINDS[kind][1] if kind in KINDS else f"{kind.lower()}s"
    return _in_cluster(site, "DELETE", namespace, resource, name)


def restarts(site: Site, wanted: Sequence[Desired]) -> tuple[Call, ...]:
    """Return the calls that restart the pods of workloads."""
    return tuple(_in_cluster(site, "RESTART", w.namespace, KINDS[w.kind][1], w.name) for w in wanted)


def rollouts(site: Site, wanted: Sequence[Desired]) -> tuple[Call, ...]:
    """Return the calls that apply the objects of workloads."""
    return tuple(_apply(site, item) for workload in wanted for item in workload.objects)


def _apply(site: Site, item: Object) -> Call:
    metadata = item["metadata"]
    return _in_cluster(site, "APPLY", metadata["namespace"], KINDS[item["kind"]][1], metadata["name"])


def _in_cluster(site: Site, method: str, namespace: str, resource: str, name: str) -> Call:
    return Call(method, f"{site.cluster.name} namespaces/{namespace}/{resource}/{name}")
