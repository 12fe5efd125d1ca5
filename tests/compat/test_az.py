"""The genuine az against the simulator: `make compat`. Headings as `facts/peer-az.md` 1.4 measured them."""

import json
from datetime import UTC, datetime, timedelta

import pytest

pytestmark = pytest.mark.compat

C = ("acr", "connected-registry")
R = ("--registry", "myacrregistry")
LIST = ["NAME", "MODE", "CONNECTION STATE", "PARENT", "LOGIN SERVER", "LAST SYNC (UTC)", "SYNC STATE"]
SHOW = [*LIST[:-1], "SYNC SCHEDULE", "SYNC WINDOW", LIST[-1]]
TOKENS = [
    *("NAME", "SCOPE MAP", "PASSWORD1 EXPIRY", "PASSWORD2 EXPIRY", "STATUS", "PROVISIONING STATE", "CREATION DATE")
]
MAPS = ["NAME", "TYPE", "CREATION DATE", "DESCRIPTION"]


def create(az, name, *options):
    """Create a connected registry; return its row."""
    (row,) = az.table(*C, "create", *R, "--name", name, *options)
    return row


def actions_of(azure, name):
    return set(azure.registry(f"/scopeMaps/{name}")["properties"]["actions"])


def gateway(name):
    return {f"gateway/{name}/{kind}/{verb}" for kind in ("config", "message") for verb in ("read", "write")}


def repository(name, *verbs):
    return {f"repositories/{name}/{verb}" for verb in verbs or ("content/read", "metadata/read")}


def test_what_az_knows_after_the_login(az):
    (account,) = az.json("account", "list")
    assert (account["state"], account["user"]["type"]) == ("Enabled", "servicePrincipal")
    assert [group["Name"] for group in az.table("group", "list")] == ["myresourcegroup"]
    types = {row["Name"]: row["Type"] for row in az.table("resource", "list")}
    assert types["myacrregistry"] == "Microsoft.ContainerRegistry/registries"
    assert types["k-berlin"] == "Microsoft.Kubernetes/connectedClusters"
    provider = az.json("provider", "show", "--namespace", "Microsoft.KubernetesConfiguration")
    assert provider["registrationState"] == "Registered"


def test_show_a_registry(az):
    (row,) = az.table("acr", "show", "--name", "myacrregistry")
    assert row["NAME"] == "myacrregistry"
    assert row["RESOURCE GROUP"] == "myresourcegroup"
    assert (row["SKU"], row["LOGIN SERVER"]) == ("Premium", "myacrregistry.azurecr.io")
    assert az.table("acr", "list") == [row]


def test_tables(az):
    listed = az.table(*C, "list", *R)
    assert all(list(row) == LIST for row in listed)
    waiting, berlin = listed
    assert [waiting[k] for k in LIST[:6]] == ["myconnectedregistry", "ReadOnly", "Offline", "", "", ""]
    assert [berlin[k] for k in LIST[:5]] == ["berlin1", "ReadWrite", "Online", "", "10.96.0.50"]
    assert datetime.fromisoformat(berlin["LAST SYNC (UTC)"]).utcoffset() == timedelta(0)
    (shown,) = az.table(*C, "show", *R, "--name", "berlin1")
    assert list(shown) == SHOW
    assert (shown["SYNC SCHEDULE"], shown["SYNC WINDOW"]) == ("* * * * *", "")


def test_create_with_scope_map_and_token(az, azure):
    az(
        "acr",
        "token",
        "create",
        *R,
        "--name",
        "clients",
        "--repository",
        "hello-world",
        "content/read",
        "metadata/read",
    )
    row = create(az, "newcreg01", "--repository", "hello-world", "--mode", "ReadOnly", "--client-tokens", "clients")
    assert list(row) == SHOW
    assert [row[k] for k in SHOW[:3]] == ["newcreg01", "ReadOnly", "Offline"]
    assert actions_of(azure, "newcreg01") >= repository("hello-world") | gateway("newcreg01")
    token = azure.registry("/tokens/newcreg01")["properties"]
    assert token["scopeMapId"].endswith("/scopeMaps/newcreg01")
    assert not token["credentials"]["passwords"]
    assert [t["NAME"] for t in az.table(*C, "list-client-tokens", *R, "--name", "newcreg01")] == ["clients"]


def test_create_enables_the_data_endpoint(az):
    az("acr", "update", "--name", "myacrregistry", "--data-endpoint-enabled", "false")
    create(az, "newcreg01", "--repository", "hello-world", "--mode", "ReadOnly", "--yes")
    assert az.json("acr", "show", "--name", "myacrregistry")["dataEndpointEnabled"] is True


def test_settings_with_a_new_password(az, azure):
    settings = ("get-settings", *R, "--name", "myconnectedregistry", "--parent-protocol", "https")
    without = az.json(*C, *settings)
    assert without["SYNC_TOKEN_PASSWORD"].startswith("<use --generate-password")
    given = az.json(*C, *settings, "--generate-password", "1", "--yes")
    assert given["SYNC_TOKEN_PASSWORD"] in azure.control("GET", "secrets")
    assert given["ACR_REGISTRY_CONNECTION_STRING"] == (
        "ConnectedRegistryName=myconnectedregistry;SyncTokenName=myconnectedregistry;"
        f"SyncTokenPassword={given['SYNC_TOKEN_PASSWORD']};"
        "ParentGatewayEndpoint=myacrregistry.eastus.data.azurecr.io;ParentEndpointProtocol=https"
    )
    assert given["SYNC_TOKEN_PASSWORD"] not in json.dumps(azure.registry("/tokens/myconnectedregistry"))


def test_permissions(az, azure):
    where = (*R, "--name", "myconnectedregistry")
    (row,) = az.table(*C, "permissions", "show", *where)
    assert (list(row), row["NAME"]) == (MAPS, "myconnectedregistry")
    az(*C, "permissions", "update", *where, "--add", "app/web", "--remove", "hello-world")
    actions = az.json(*C, "permissions", "show", *where)["actions"]
    assert set(actions) == actions_of(azure, "myconnectedregistry")
    assert repository("app/web") <= set(actions)
    assert not repository("hello-world") & set(actions)


def test_update(az):
    where = (*R, "--name", "newcreg01")
    create(az, "newcreg01", "--repository", "hello-world", "--mode", "ReadOnly")
    options = ("--sync-schedule", "0 4 * * *", "--sync-window", "PT4H", "--log-level", "Debug")
    (row,) = az.table(*C, "update", *where, *options)
    assert (row["SYNC SCHEDULE"], row["SYNC WINDOW"]) == ("0 4 * * *", "4:00:00")
    changed = az.json(*C, "update", *where, "--add-client-tokens", "pull", "--add-notifications", "hello-world:*:*")
    assert changed["logging"]["logLevel"] == "Debug"
    assert changed["garbageCollection"] == {"enabled": True, "schedule": "0 0 * * *"}
    assert [i.rsplit("/", 1)[-1] for i in changed["clientTokenIds"]] == ["pull"]
    assert changed["notificationsList"] == ["hello-world:*:*"]
    assert changed["parent"]["syncProperties"]["schedule"] == "0 4 * * *"


def test_deactivate(az, azure):
    az(*C, "resync", *R, "--name", "berlin1")
    # An instance that is still in contact would activate itself again.
    azure.control("POST", "sites/k-berlin", {"link": False})
    az(*C, "deactivate", *R, "--name", "berlin1", "--yes")
    shown = az.json(*C, "show", *R, "--name", "berlin1")
    assert (shown["activation"]["status"], shown["connectionState"]) == ("Inactive", "Offline")


def test_delete(az):
    names = ("newcreg01", "newcreg02")
    for name in names:
        create(az, name, "--repository", "hello-world", "--mode", "ReadOnly")
    kept = az(*C, "delete", *R, "--name", "newcreg01", "--yes")
    assert "az acr token delete -n newcreg01 -r myacrregistry --yes" in kept.err
    az(*C, "delete", *R, "--name", "newcreg02", "--cleanup", "--yes")
    assert [r["NAME"] for r in az.table(*C, "list", *R)] == ["myconnectedregistry", "berlin1"]
    for kind in ("token", "scope-map"):
        left = [row["NAME"] for row in az.table("acr", kind, "list", *R)]
        assert [name for name in names if name in left] == ["newcreg01"]
        az("acr", kind, "delete", *R, "--name", "newcreg01", "--yes")
        assert "newcreg01" not in [row["NAME"] for row in az.table("acr", kind, "list", *R)]


def test_three_levels(az, azure):
    write = ("--repository", "hello-world", "--mode", "ReadWrite")
    middle = create(az, "floor2", "--parent", "berlin1", *write)
    lowest = create(az, "machine3", "--parent", "floor2", "--repository", "app/web", "--mode", "ReadOnly")
    assert (middle["PARENT"], lowest["PARENT"]) == ("berlin1", "floor2")
    below = [r["NAME"] for r in az.table(*C, "list", *R, "--parent", "berlin1")]
    assert below == ["floor2", "machine3"]
    settings = az.json(*C, "get-settings", *R, "--name", "floor2", "--parent-protocol", "https")
    assert "ParentGatewayEndpoint=10.96.0.50;" in settings["ACR_REGISTRY_CONNECTION_STRING"]
    above = gateway("machine3") | repository("app/web")
    assert above <= actions_of(azure, "berlin1")
    assert above <= actions_of(azure, "floor2")
    az(*C, "permissions", "update", *R, "--name", "machine3", "--add", "app/job")
    assert repository("app/job") <= actions_of(azure, "berlin1") & actions_of(azure, "floor2")
    refused = az(*C, "create", *R, "--name", "machine4", "--parent", "machine3", *write, code=1)
    assert "Can't create the registry 'machine4' with mode 'readwrite'" in refused.err
    refused = az(*C, "delete", *R, "--name", "floor2", "--cleanup", "--yes", code=1)
    assert "(Conflict)" in refused.err
    az(*C, "delete", *R, "--name", "machine3", "--cleanup", "--yes")
    assert not gateway("machine3") & (actions_of(azure, "berlin1") | actions_of(azure, "floor2"))
    az(*C, "delete", *R, "--name", "floor2", "--cleanup", "--yes")
    assert [r["NAME"] for r in az.table(*C, "list", *R)] == ["myconnectedregistry", "berlin1"]


def test_tokens_and_scope_maps(az):
    tokens = {row["NAME"]: row for row in az.table("acr", "token", "list", *R)}
    assert all(list(row) == TOKENS for row in tokens.values())
    assert set(tokens) == {"myconnectedregistry", "berlin1", "pull"}
    assert (tokens["berlin1"]["SCOPE MAP"], tokens["berlin1"]["STATUS"]) == ("berlin1", "Enabled")
    maps = az.table("acr", "scope-map", "list", *R)
    assert all(list(row) == MAPS for row in maps)
    one = ("--name", "pull", *R)
    generate = ("acr", "token", "credential", "generate", *one, "--password2")
    password = az.json(*generate, "--expiration", f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}")
    assert [p["name"] for p in password["passwords"]] == ["password2"]
    (row,) = az.table("acr", "token", "show", *one)
    assert row["PASSWORD2 EXPIRY"]
    (row,) = az.table("acr", "token", "update", *one, "--status", "disabled")
    assert row["STATUS"] == "Disabled"
    az("acr", "scope-map", "update", *one, "--add-repository", "app/job", "content/read", "--description", "Pulls")
    (row,) = az.table("acr", "scope-map", "show", *one)
    assert row["DESCRIPTION"] == "Pulls"
    refused = az("acr", "scope-map", "delete", *one, "--yes", code=1)
    assert "in use" in refused.err


def test_what_is_not_there(az):
    gone = az(*C, "show", *R, "--name", "nothere", code=3)
    assert "(ResourceNotFound) The resource nothere could not be found." in gone.err
    gone = az("acr", "show", "--name", "noregistry", code=1)
    assert "'noregistry' and type 'Microsoft.ContainerRegistry/registries' could not be found" in gone.err


def test_an_identity_in_place_of_a_token(az, azure):
    identity = f"/subscriptions/{azure.subscription}/resourceGroups/ids/providers/Microsoft.ManagedIdentity"
    managed = ("--auth-type", "ManagedIdentity", "--identity", f"{identity}/userAssignedIdentities/puller")
    created = az.json(*C, "create", *R, "--name", "newcreg01", "--mode", "ReadOnly", *managed)
    assert (created["parent"]["syncProperties"]["authType"], created["identity"]["type"]) == (
        "ManagedIdentity",
        "UserAssigned",
    )
    az(*C, "update", *R, "--name", "myconnectedregistry", *managed)
    for name in ("newcreg01", "myconnectedregistry"):
        settings = az.json(*C, "get-settings", *R, "--name", name, "--parent-protocol", "https")
        assert "SYNC_TOKEN_PASSWORD" not in settings
        start = f"ConnectedRegistryName={name};ManagedIdentityClientId="
        assert settings["ACR_REGISTRY_CONNECTION_STRING"].startswith(start)
    az(*C, "delete", *R, "--name", "newcreg01", "--yes")
    online = az(*C, "update", *R, "--name", "berlin1", *managed, code=1)
    assert "must be in 'Offline' state" in online.err
