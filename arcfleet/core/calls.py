"""The writes that a plan makes, in the services' own words, so that a person can read them before they are sent."""

from __future__ import annotations

from dataclasses import dataclass

from arcfleet.core.manifest import Site


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """One write: `PUT`, `PATCH`, `POST` or `DELETE` to Azure, `APPLY`, `CREATE` or `DRY RUN` to a cluster."""

    method: str
    target: str
    """An ARM id, or `CLUSTER namespaces/NS/KIND/NAME`."""

    @property
    def is_azure(self) -> bool:
        """Whether it goes to Azure Resource Manager."""
        return self.target.startswith("/")

    def __str__(self) -> str:
        return f"{self.method} {self.target.partition('/providers/')[2] or self.target}"


def registry_call(site: Site, method: str, path: str) -> Call:
    """Return a call to something in the site's cloud registry, for example `tokens/berlin1`."""
    return Call(method, f"{site.registry_ref.id}/{path}".rstrip("/"))


def extension_call(site: Site, method: str) -> Call:
    """Return a call to the site's extension."""
    kind = "providers/Microsoft.KubernetesConfiguration/extensions"
    return Call(method, f"{site.cluster_ref.id}/{kind}/{site.extension_name}")
