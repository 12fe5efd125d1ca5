"""How registries and connected registries look in ARM's answers (recordings/acr_connected_registry.json)."""

from typing import Any

from simulator.cloud import ACR, MANAGED, ConnectedRegistry, Registry, zulu
from simulator.syncing import result_view
from simulator.world import World


def registry_view(registry: Registry) -> dict[str, Any]:
    """Return a registry as seq 2 shows one."""
    return {
        "sku": sku_view(registry),
        "type": f"{ACR}/registries",
        "id": registry.id,
        "name": registry.name,
        "location": registry.location,
        "tags": registry.tags,
        "systemData": registry.stamps.system_data(),
        "properties": {
            "loginServer": registry.login_server,
            "creationDate": zulu(registry.stamps.created),
            "provisioningState": "Succeeded",
            "adminUserEnabled": False,
            "networkRuleSet": {"defaultAction": "Allow", "ipRules": []},
            "policies": _policies(registry),
            "encryption": {"status": "disabled"},
            "dataEndpointEnabled": registry.data_endpoint,
            "dataEndpointHostNames": [registry.data_host] if registry.data_endpoint else [],
            "privateEndpointConnections": [],
            "publicNetworkAccess": "Enabled",
            "networkRuleBypassOptions": "AzureServices",
            "zoneRedundancy": "Disabled",
            "anonymousPullEnabled": False,
        },
    }


def sku_view(registry: Registry) -> dict[str, str]:
    """Return a registry's SKU."""
    return {"name": registry.sku, "tier": registry.sku}


def _policies(registry: Registry) -> dict[str, Any]:
    """Return the policies of a registry on which nobody has set any."""
    since = registry.stamps.created.isoformat()
    return {
        "quarantinePolicy": {"status": "disabled"},
        "trustPolicy": {"type": "Notary", "status": "disabled"},
        "retentionPolicy": {"days": 7, "lastUpdatedTime": since, "status": "disabled"},
        "exportPolicy": {"status": "enabled"},
        "azureADAuthenticationAsArmPolicy": {"status": "enabled"},
        "softDeletePolicy": {"retentionDays": 7, "lastUpdatedTime": since, "status": "disabled"},
    }


def connected_view(world: World, registry: Registry, connected: ConnectedRegistry, *, preview: bool) -> dict[str, Any]:
    """Return a connected registry as seq 33 shows one; `preview` adds registrySyncResult."""
    place = f"{registry.id}/connectedRegistries"
    now = world.now()
    online = connected.instance is not None and connected.instance.online(now)
    parent: dict[str, Any] = {"id": f"{place}/{connected.parent}"} if connected.parent else {}
    login: dict[str, Any] = {"tls": {"certificate": {}}}
    if connected.activated_by is not None:
        tls = {"status": "Enabled", "certificate": {"type": "LocalDirectory"}}
        login = {"host": connected.host, "tls": tls}
    properties: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "mode": connected.mode,
        "version": connected.version,
        "connectionState": _state(connected, online=online),
        "lastActivityTime": connected.last_activity and connected.last_activity.isoformat(),
        "activation": {"status": "Active" if connected.activated_by else "Inactive"},
        "parent": parent | {"syncProperties": _sync_view(registry, connected)},
        "clientTokenIds": [f"{registry.id}/tokens/{t}" for t in connected.client_tokens] or None,
        "loginServer": login,
        "logging": {"logLevel": connected.log_level, "auditLogStatus": connected.audit_log},
        "notificationsList": connected.notifications,
        "garbageCollection": connected.garbage_collection,
        "statusDetails": _status_details(connected),
    }
    if preview:
        properties["registrySyncResult"] = result_view(connected, now)
    return {
        "type": f"{ACR}/registries/connectedRegistries",
        "id": f"{place}/{connected.name}",
        "name": connected.name,
        "systemData": connected.stamps.system_data(),
        # A property without a value is left out, as the recordings do.
        "properties": {key: value for key, value in properties.items() if value is not None},
        **({"identity": _identity_view(connected)} if connected.identity else {}),
    }


def _identity_view(connected: ConnectedRegistry) -> dict[str, Any]:
    return {"type": "UserAssigned", "userAssignedIdentities": {connected.identity: {"clientId": connected.client_id}}}


def _state(connected: ConnectedRegistry, *, online: bool) -> str:
    if not online:
        return "Offline"
    return "Unhealthy" if _status_details(connected) else "Online"


def _status_details(connected: ConnectedRegistry) -> list[dict[str, Any]] | None:
    """Return what the last sync reported; DiskError is the one documented code."""
    instance = connected.instance
    if instance is None or instance.disk is None or instance.synced is None:
        return None
    detail = {"type": "Disk", "code": "DiskError", "description": instance.disk, "correlationId": instance.id}
    return [detail | {"timestamp": instance.synced.isoformat()}]


def _sync_view(registry: Registry, connected: ConnectedRegistry) -> dict[str, Any]:
    managed = connected.auth_type == MANAGED
    view = {
        "tokenId": None if managed else f"{registry.id}/tokens/{connected.token}",
        "schedule": connected.schedule.cron,
        "syncWindow": connected.schedule.window,
        "messageTtl": connected.message_ttl,
        "lastSyncTime": connected.last_sync and connected.last_sync.isoformat(),
        "gatewayEndpoint": registry.gateway(connected),
        "authType": connected.auth_type,
    }
    return {key: value for key, value in view.items() if value is not None}
