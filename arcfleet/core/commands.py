"""Commands for people to type, with a site's real names in them."""

from __future__ import annotations

from dataclasses import replace

from arcfleet.core.findings import Finding
from arcfleet.core.manifest import Site


def addressed(finding: Finding, site: Site, namespace: str) -> Finding:
    """Return a finding whose kubectl commands go to the site's cluster and a namespace."""
    context = f" --context {site.kube.context}" if site.kube and site.kube.context else ""
    return replace(finding, remedy=finding.remedy.replace("kubectl ", f"kubectl{context} --namespace {namespace} "))


def in_azure(text: str, site: Site) -> str:
    """Return a text with the site's names for `{registry}`, `{cr}`, `{cluster}`, `{group}`, `{extension}`, `{site}`."""
    return text.format(
        registry=site.registry,
        cr=site.connected_registry,
        cluster=site.cluster.name,
        group=site.cluster_ref.resource_group,
        extension=site.extension_name,
        site=site.name,
    )
