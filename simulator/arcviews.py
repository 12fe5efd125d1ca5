"""How Arc-enabled clusters and their extensions look in ARM's answers, in each api-version.

Numbers of exchanges are those of recordings/arc_extension_install.json, if no other is named.
"""

import uuid
from datetime import timedelta
from typing import Any

from simulator.cloud import zulu
from simulator.world import EXTENSION_TYPE, ConnectedCluster, Extension, World

PROVIDER = "Microsoft.KubernetesConfiguration"
# The service that keeps the resource of a cluster up to date.
ARC = {"lastModifiedBy": "64b12d6e-6549-484c-8cc6-6281839ba394", "lastModifiedByType": "Application"}
CORES = 2
CERTIFICATE_LIFE = timedelta(days=90)


def cluster_view(world: World, cluster: ConnectedCluster, version: str) -> dict[str, Any]:
    """Return a cluster as seq 0 and 5 show one."""
    now = world.now()
    beat = cluster.last_heartbeat(now, world.timings.arc_heartbeat)
    properties: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "connectivityStatus": cluster.shown_connectivity(now),
        "agentPublicKeyCertificate": "MIICCgKCAgEA",
        "distribution": "generic",
        "infrastructure": "generic",
        "kubernetesVersion": cluster.kube_version,
        "totalNodeCount": len(cluster.nodes),
        "agentVersion": "1.13.7",
        "totalCoreCount": len(cluster.nodes) * CORES,
        "lastConnectivityTime": beat and zulu(beat),
        "managedIdentityCertificateExpirationTime": zulu(cluster.stamps.created + CERTIFICATE_LIFE),
    }
    if version >= "2022-10-01":
        properties |= {"privateLinkState": "Disabled", "azureHybridBenefit": "NotApplicable"}
    principal = str(uuid.uuid5(uuid.NAMESPACE_URL, cluster.id.lower()))
    return {
        "id": cluster.id,
        "name": cluster.name,
        "type": "microsoft.kubernetes/connectedclusters",
        "location": cluster.location,
        "tags": cluster.tags,
        "systemData": cluster.stamps.system_data("Z") | ARC,
        "identity": {"principalId": principal, "tenantId": world.tenant, "type": "SystemAssigned"},
        "properties": properties,
    }


def extension_id(cluster: ConnectedCluster, extension: Extension) -> str:
    """Return the ARM id of an extension."""
    return f"{cluster.id}/providers/{PROVIDER}/extensions/{extension.name}"


def extension_view(cluster: ConnectedCluster, extension: Extension, version: str) -> dict[str, Any]:
    """Return an extension as k8s_extension.json seq 1 shows one: no protected value ever comes back.

    Until 2022-07-01 `version` was the one in force (recorded, seq 34), later the one asked for (seq 103).
    """
    system = extension.stamps.system_data()
    identity = {"type": "SystemAssigned", "principalId": extension.identity}
    properties: dict[str, Any] = {
        "extensionType": EXTENSION_TYPE,
        "autoUpgradeMinorVersion": extension.auto_upgrade,
        "releaseTrain": extension.release_train,
        "version": extension.version,
        "currentVersion": extension.current_version,
        "scope": extension.scope,
        "provisioningState": extension.state,
        "configurationSettings": extension.settings,
        "configurationProtectedSettings": dict.fromkeys(extension.protected, ""),
        "statuses": extension.statuses,
        "aksAssignedIdentity": None,
        "isSystemExtension": False,
    }
    if version < "2022-07-01":
        del properties["isSystemExtension"]
        properties["version"] = properties.pop("currentVersion") or extension.version
    if extension.error:
        properties["errorInfo"] = extension.error
    return {
        "id": extension_id(cluster, extension),
        "name": extension.name,
        "type": f"{PROVIDER}/extensions",
        "properties": properties,
        "systemData": {key: value if key.endswith("At") else None for key, value in system.items()},
        **({"identity": identity} if extension.identity else {}),
    }
