"""Bodies of writes as az sends them (recorded, acr_connected_registry.json seq 28, 44 and 84)."""

from datetime import timedelta

from arcfleet.core.facts import GarbageCollectionFacts
from arcfleet.core.planning.registry_settings import ConnectedRegistrySpec
from arcfleet.gateways.acr_models import creation, update

TTL, WINDOW = timedelta(days=2), timedelta(hours=4)


def test_a_root_is_created_as_recorded():
    spec = ConnectedRegistrySpec(
        mode="readonly", sync_token_id="…/tokens/syncToken", schedule="0 0/10 * * *", sync_window=WINDOW,
        message_ttl=TTL, log_level="Warning", audit_log=False, notifications=("hello-world:tag:push",),
        client_token_ids=("…/tokens/clientToken",),
    )  # fmt: skip

    assert creation(spec).as_dict() == {
        "properties": {
            "mode": "readonly",
            "parent": {
                "syncProperties": {
                    "tokenId": "…/tokens/syncToken",
                    "schedule": "0 0/10 * * *",
                    "syncWindow": "PT4H",
                    "messageTtl": "P2D",
                }
            },
            "clientTokenIds": ["…/tokens/clientToken"],
            "logging": {"logLevel": "Warning", "auditLogStatus": "Disabled"},
            "notificationsList": ["hello-world:tag:push"],
        }
    }


def test_a_nested_one_names_its_parent_as_recorded():
    spec = ConnectedRegistrySpec(
        mode="readonly", parent_id="…/connectedRegistries/root", sync_token_id="…/tokens/child",
        schedule="* * * * *", message_ttl=TTL, log_level="Information", audit_log=False,
        garbage_collection=GarbageCollectionFacts(enabled=True, schedule="0 0 * * *"),
    )  # fmt: skip

    properties = creation(spec).as_dict()["properties"]

    assert properties["parent"] == {
        "id": "…/connectedRegistries/root",
        "syncProperties": {"tokenId": "…/tokens/child", "schedule": "* * * * *", "messageTtl": "P2D"},
    }
    assert properties["garbageCollection"] == {"enabled": True, "schedule": "0 0 * * *"}
    assert "clientTokenIds" not in properties


def test_an_update_sends_only_what_is_given():
    assert update(ConnectedRegistrySpec(log_level="Information", notifications=())).as_dict() == {
        "properties": {"logging": {"logLevel": "Information"}, "notificationsList": []}
    }
    assert update(ConnectedRegistrySpec(schedule="* * * * *", sync_window=WINDOW)).as_dict() == {
        "properties": {"syncProperties": {"schedule": "* * * * *", "syncWindow": "PT4H"}}
    }
