"""Kinds of objects and the client's methods for them; pull secrets' content."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from arcfleet.core.workloads import SEAL_ANNOTATION

KEY = ".dockerconfigjson"
SECRET_TYPE = "kubernetes.io/dockerconfigjson"  # noqa: S105 - a type's name
PATCH: dict[str, tuple[type, str]] = {
    "ConfigMap": (client.CoreV1Api, "patch_namespaced_config_map"),
    "DaemonSet": (client.AppsV1Api, "patch_namespaced_daemon_set"),
    "Deployment": (client.AppsV1Api, "patch_namespaced_deployment"),
    "PersistentVolumeClaim": (client.CoreV1Api, "patch_namespaced_persistent_volume_claim"),
    "Service": (client.CoreV1Api, "patch_namespaced_service"),
    "ServiceAccount": (client.CoreV1Api, "patch_namespaced_service_account"),
    "StatefulSet": (client.AppsV1Api, "patch_namespaced_stateful_set"),
}


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
