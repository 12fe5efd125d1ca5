"""A cluster's prerequisites, read over the Kubernetes client. What may not be read is `Unread`.

The client's models type every field as optional, even those that the API always fills; they enter here as Any.

Sources, measured on API servers of 1.32 and 1.36: a dry run can't tell that a service's address is taken; ServiceCIDR
and IPAddress exist since 1.33; without them a dry-run create of a service tells the range.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from arcfleet.core.facts import Unread
from arcfleet.core.fleet.manifest import Site
from arcfleet.core.planning.surveys import ClusterSurvey, KubeRight, NodeFacts, StorageClassFacts
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from arcfleet.gateways import translation

T = TypeVar("T")
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_RANGE = re.compile(r"The range of valid IPs is (\S+?)[\s\"]*$")


async def survey(api: client.ApiClient, site: Site, rights: Sequence[KubeRight], timeout: float) -> ClusterSurvey:
    """Read everything at once; requests time out after `timeout` seconds each."""
    look = _Look(api, site, timeout)
    nodes, classes, ranges, missing, (owner, used) = await asyncio.gather(
        look.or_unread("nodes", look.nodes()),
        look.or_unread("storage classes", look.storage_classes()),
        look.or_unread("service ranges", look.service_ranges()),
        look.or_unread("rights", look.missing_rights(rights)),
        look.address(),
    )
    return ClusterSurvey(nodes, classes, ranges, owner, used, missing)


async def missing_rights(
    api: client.ApiClient, site: Site, rights: Sequence[KubeRight], timeout: float
) -> tuple[KubeRight, ...] | Unread:
    """Read only which of the rights are denied."""
    look = _Look(api, site, timeout)
    return await look.or_unread("rights", look.missing_rights(rights))


class _Look:
    """The reads of one survey."""

    def __init__(self, api: client.ApiClient, site: Site, timeout: float) -> None:
        self._api, self._site = api, site
        self._options: dict[str, Any] = {"_request_timeout": timeout}
        self._core, self._networking = client.CoreV1Api(api), client.NetworkingV1Api(api)

    async def or_unread(self, what: str, reading: Awaitable[T]) -> T | Unread:
        """Return what a read answers, or why it could not be read."""
        try:
            with translation.kubernetes(self._site.name, what):
                return await reading
        except PermanentError as error:
            return Unread(error.message)

    async def nodes(self) -> tuple[NodeFacts, ...]:
        """Return the nodes."""
        return tuple(_node(item) for item in (await self._core.list_node(**self._options)).items)

    async def storage_classes(self) -> tuple[StorageClassFacts, ...]:
        """Return the storage classes."""
        found: Any = await client.StorageV1Api(self._api).list_storage_class(**self._options)
        return tuple(
            StorageClassFacts(item.metadata.name, (item.metadata.annotations or {}).get(DEFAULT_CLASS) == "true")
            for item in found.items
        )

    async def service_ranges(self) -> tuple[str, ...]:
        """Return the service ranges: from ServiceCIDRs, or by a dry run where they don't exist or may not be read."""
        try:
            found: Any = await self._networking.list_service_cidr(**self._options)
        except ApiException as error:
            if error.status not in {403, 404}:
                raise
            return await self._range_by_dry_run()
        return tuple(cidr for item in found.items for cidr in item.spec.cidrs or ())

    async def _range_by_dry_run(self) -> tuple[str, ...]:
        """Ask for an address that no cluster has as a service's; the refusal names the range."""
        port = client.V1ServicePort(port=443)
        body = client.V1Service(
            metadata=client.V1ObjectMeta(name="arcfleet-range-check"),
            spec=client.V1ServiceSpec(cluster_ip="255.255.255.254", ports=[port]),
        )
        try:
            await self._core.create_namespaced_service("default", body, dry_run="All", **self._options)
        except ApiException as error:
            found = _RANGE.search(_message(error)) if error.status == 422 else None
            if found:
                return (found.group(1),)
            raise
        raise PermanentError(Reason.BAD_RESPONSE, "the API server took an address that is in no range")

    async def address(self) -> tuple[str | Unread, frozenset[str]]:
        """Return who has the site's address, and the addresses of all services that were seen."""
        services: Any = await self.or_unread("services", self._core.list_service_for_all_namespaces(**self._options))
        if not isinstance(services, Unread):
            taken = {
                item.spec.cluster_ip: f"{item.metadata.namespace}/{item.metadata.name}"
                for item in services.items
                if item.spec.cluster_ip not in {None, "", "None"}
            }
            return taken.get(self._site.cluster_ip, ""), frozenset(taken)
        return await self.or_unread("services", self._address_owner()), frozenset()

    async def _address_owner(self) -> str:
        try:
            found: Any = await self._networking.read_ip_address(self._site.cluster_ip, **self._options)
        except ApiException as error:
            # 404 is also what a cluster before 1.33 answers, which has no such resource: that one names no object.
            if error.status == 404 and _details(error).get("name"):
                return ""
            raise
        parent = found.spec.parent_ref
        return f"{parent.namespace}/{parent.name}"

    async def missing_rights(self, rights: Sequence[KubeRight]) -> tuple[KubeRight, ...]:
        """Return the rights that the API server says we lack."""
        allowed = await asyncio.gather(*(self._may(right) for right in rights))
        return tuple(right for right, granted in zip(rights, allowed, strict=True) if not granted)

    async def _may(self, right: KubeRight) -> bool:
        attributes = client.V1ResourceAttributes(
            verb=right.verb,
            group=right.group,
            resource=right.resource,
            namespace=right.namespace,
            name=right.name or None,
        )
        spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
        answer: Any = await client.AuthorizationV1Api(self._api).create_self_subject_access_review(
            client.V1SelfSubjectAccessReview(spec=spec), **self._options
        )
        return bool(answer.status.allowed)


def _node(item: Any) -> NodeFacts:
    info, ready = item.status.node_info, False
    for condition in item.status.conditions or ():
        if condition.type == "Ready":
            ready = condition.status == "True"
    return NodeFacts(
        item.metadata.name, info.operating_system, info.architecture, ready, not (item.spec.unschedulable or False)
    )


def _body(error: ApiException) -> dict[str, Any]:
    try:
        found = json.loads(error.body or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _message(error: ApiException) -> str:
    return str(_body(error).get("message") or "")


def _details(error: ApiException) -> dict[str, Any]:
    details = _body(error).get("details")
    return details if isinstance(details, dict) else {}
