"""Commands for people to type, with a site's real names in them."""

from __future__ import annotations

from dataclasses import replace

from arcfleet.core.evidence import NAMESPACE
from arcfleet.core.findings import Finding
from arcfleet.core.fleet.manifest import Site


def addressed(finding: Finding, site: Site, namespace: str = NAMESPACE) -> Finding:
    """Return a finding whose remedy names the site: rules know no site, and write `{cluster}`, `kubectl …`.

    Args:
        finding: With `{registry}`, `{cr}`, `{cluster}`, `{group}`, `{extension}`, `{token}` in its remedy.
        site: Whose names replace them.
        namespace: Where its kubectl commands are about.
    """
    names = {
        "{registry}": site.registry,
        "{cr}": site.connected_registry,
        "{cluster}": site.cluster.name,
        "{group}": site.cluster_ref.resource_group,
        "{extension}": site.extension_name,
        "{token}": site.client_token or "TOKEN",
        "kubectl ": f"kubectl{_context(site)} --namespace {namespace} ",
    }
    remedy = finding.remedy
    for word, name in names.items():
        remedy = remedy.replace(word, name)
    return replace(finding, remedy=remedy)


def _context(site: Site) -> str:
    return f" --context {site.kube.context}" if site.kube and site.kube.context else ""
