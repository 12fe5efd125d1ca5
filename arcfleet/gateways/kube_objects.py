"""Kinds of objects and the client's methods for them; pull secrets' content."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from arcfleet.core.kube.workloads import SEAL_ANNOTATION

KEY = ".dockerconfigjson"
SECRET_TYPE = "kubernetes.io/dockerconfigjson"  # noqa: S105 - a type's name
METHODS: dict[str, tuple[type, str]] = {
    "ConfigMap": (client.CoreV1Api, "config_map"),
    "DaemonSet": (client.AppsV1Api, "daemon_set"),
    "Deployment": (client.AppsV1Api, "deployment"),
    "PersistentVolumeClaim": (client.CoreV1Api, "persistent_volume_claim"),
    "Secret": (client.CoreV1Api, "secret"),
    "Service": (client.CoreV1Api, "service"),
    "ServiceAccount": (client.CoreV1Api, "service_account"),
    "StatefulSet": (client.AppsV1Api, "stateful_set"),
}


def method(api: client.ApiClient, kind: str, verb: str) -> Callable[..., Any]:
    """Return the client's method for a verb on a kind: `read`, `patch` or `delete`."""
    group, noun = METHODS[kind]
    call: Callable[..., Any] = getattr(group(api), f"{verb}_namespaced_{noun}")
    return call


async def or_none(reading: Awaitable[Any]) -> Any:
    """Return what a read answers; None where the object does not exist."""
    try:
        return await reading
    except ApiException as error:
        if error.status == 404:
            return None
        raise


def logins_of(secret: Any) -> dict[str, Any]:
    """Return the `auths` of a pull secret; none where its content is not one."""
    try:
        content = json.loads(base64.b64decode((secret.data or {}).get(KEY, "")))
    except (ValueError, binascii.Error):
        return {}
    auths = content.get("auths") if isinstance(content, dict) else None
    return auths if isinstance(auths, dict) else {}


def seal_of(secret: Any) -> str:
    """Return which password of ours a pull secret says that it holds; empty where it says nothing."""
    return str((secret.metadata.annotations or {}).get(SEAL_ANNOTATION, ""))


def encode(content: Any) -> str:
    """Return a value as a secret's data has it: JSON in base64."""
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()
