"""What a removal reads and deletes in a site's cluster: single objects, and one login of a pull secret."""

from __future__ import annotations

from typing import Any

from kubernetes.aio import client

from arcfleet.core.kube.workloads import FIELD_MANAGER, SEAL_ANNOTATION
from arcfleet.core.removing.removals import SECRETS, Held
from arcfleet.gateways.kube_objects import KEY, encode, logins_of, method, or_none, seal_of


async def held(api: client.ApiClient, kind: str, namespace: str, name: str, timeout: float) -> Held | None:
    """Return an object with who wrote it, and the registries that it holds logins for; None where it does not exist."""
    found = await or_none(method(api, kind, "read")(name, namespace, _request_timeout=timeout))
    if found is None:
        return None
    written = [entry for entry in found.metadata.managed_fields or () if not entry.subresource]
    return Held(
        kind,
        namespace,
        name,
        found.metadata.uid,
        frozenset((entry.manager or "", entry.operation or "") for entry in written),
        frozenset(logins_of(found)) if kind == SECRETS else frozenset(),
    )


async def delete(api: client.ApiClient, item: Held, timeout: float) -> None:
    """Delete the very object that was read, after what it owns; one that is gone already is deleted."""
    options = client.V1DeleteOptions(
        propagation_policy="Foreground", preconditions=client.V1Preconditions(uid=item.uid)
    )
    await or_none(method(api, item.kind, "delete")(item.name, item.namespace, body=options, _request_timeout=timeout))


async def drop_login(api: client.ApiClient, host: str, item: Held, timeout: float) -> None:
    """Take the login for a host out of a pull secret; the others stay."""
    core = client.CoreV1Api(api)
    found = await or_none(core.read_namespaced_secret(item.name, item.namespace, _request_timeout=timeout))
    logins = logins_of(found) if found else {}
    if logins.pop(host, None) is None:
        return
    # With the version that was read, so that a login added meanwhile is not lost.
    metadata: dict[str, Any] = {"resourceVersion": found.metadata.resource_version}
    if seal_of(found):
        # It was about our login. A null deletes it, which the client's own models don't let through.
        metadata["annotations"] = {SEAL_ANNOTATION: None}
    body = {"metadata": metadata, "data": {KEY: encode({"auths": logins})}}
    await core.patch_namespaced_secret(
        item.name, item.namespace, body, field_manager=FIELD_MANAGER, _request_timeout=timeout
    )
