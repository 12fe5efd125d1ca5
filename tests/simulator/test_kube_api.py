"""The API server's manners: lists, watches, selectors, patches, rights, an unreachable cluster."""

import asyncio
import json

import aiohttp
import pytest
from kube_harness import deployment, secret, serving, user

MAPS = "/api/v1/namespaces/default/configmaps"
ROLES = {"root": "cluster-admin", "reader": "view", "shopkeeper": "edit:shop", "guest": "none"}


def config_map(name, **labels):
    return {"metadata": {"name": name, "labels": labels}, "data": {"k": "v"}}


async def fill(site, *names):
    for name in names:
        await site.send("POST", MAPS, config_map(name, app=name[0], n=name[1:]))


async def names(site, query=""):
    _, found, _ = await site.send("GET", MAPS + query)
    return [item["metadata"]["name"] for item in found["items"]]


async def lines(site, query, *, path=MAPS, count=None):
    """Return the events of a watch until it ends, or so many."""
    found = []
    async with aiohttp.ClientSession() as session, session.get(f"{site.url}{path}?watch=1&{query}") as answer:
        async for line in answer.content:
            found.append(json.loads(line))
            if len(found) == count:
                break
    return found


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ("app=a", ["a1", "a2"]),
        ("app==a,n=2", ["a2"]),
        ("app!=a", ["b1", "c1"]),
        ("app in (a, c),n=1", ["a1", "c1"]),
        ("app notin (a,b)", ["c1"]),
        ("app", ["a1", "a2", "b1", "c1"]),
        ("!app", []),
    ],
)
async def test_label_selectors(selector, wanted):
    async with serving() as site:
        await fill(site, "a1", "a2", "b1", "c1")
        assert await names(site, f"?labelSelector={selector}") == wanted


async def test_field_selectors():
    async with serving() as site:
        await fill(site, "a1", "b1")
        assert await names(site, "?fieldSelector=metadata.name=a1") == ["a1"]
        assert await names(site, "?fieldSelector=metadata.name!=a1,metadata.namespace=default") == ["b1"]


async def test_pages_are_followed_by_their_token():
    async with serving() as site:
        await fill(site, "a1", "a2", "b1", "b2", "c1")
        _, first, _ = await site.send("GET", f"{MAPS}?limit=2")
        assert first["metadata"]["remainingItemCount"] == 3
        assert await names(site, f"?limit=2&continue={first['metadata']['continue']}") == ["b1", "b2"]


async def test_what_is_too_old_is_gone():
    async with serving() as site:
        await fill(site, "a1", "a2", "b1")
        _, page, _ = await site.send("GET", f"{MAPS}?limit=1")
        version = page["metadata"]["resourceVersion"]
        await fill(site, "c1")
        site.cluster.compact()

        status, gone, _ = await site.send("GET", f"{MAPS}?limit=1&continue={page['metadata']['continue']}")
        assert (status, gone["reason"]) == (410, "Expired")
        assert await names(site, f"?continue={gone['metadata']['continue']}") == ["a2", "b1", "c1"]
        exact = f"{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact"
        assert (await site.send("GET", exact))[0] == 410
        (event,) = await lines(site, f"resourceVersion={version}")
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        assert event["object"]["message"].startswith(f"too old resource version: {version} (")


async def test_a_watch_resumes_where_it_was():
    async with serving() as site:
        await fill(site, "a1")
        _, found, _ = await site.send("GET", MAPS)
        version = found["metadata"]["resourceVersion"]
        await fill(site, "b1")
        await site.send("DELETE", f"{MAPS}/a1")
        events = await lines(site, f"resourceVersion={version}&timeoutSeconds=1")
        assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
            ("ADDED", "b1"),
            ("DELETED", "a1"),
        ]


async def test_initial_events_end_with_a_bookmark():
    async with serving() as site:
        await fill(site, "a1")
        query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        events = await lines(site, query, count=2)
        assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
        assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_ends_in_time_with_a_bookmark():
    async with serving() as site:
        events = await lines(site, "timeoutSeconds=1&allowWatchBookmarks=true")
        assert [event["type"] for event in events] == ["BOOKMARK"]


async def test_leaving_a_selection_is_a_deletion_to_its_watch():
    async with serving() as site:
        await fill(site, "a1")
        _, found, _ = await site.send("GET", MAPS)
        version = found["metadata"]["resourceVersion"]
        patch = {"metadata": {"labels": {"app": "b"}}}
        await site.send("PATCH", f"{MAPS}/a1", patch, Content_Type="application/merge-patch+json")
        events = await lines(site, f"resourceVersion={version}&labelSelector=app=a&timeoutSeconds=1")
        assert [event["type"] for event in events] == ["DELETED"]


async def test_a_watch_shows_tables_to_those_who_ask():
    async with serving() as site:
        await fill(site, "a1")
        headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{site.url}{MAPS}?watch=1") as answer,
        ):
            event = json.loads(await answer.content.readline())
        assert (event["type"], event["object"]["kind"]) == ("ADDED", "Table")
        assert event["object"]["rows"][0]["cells"] == ["a1", 1, "0s"]


async def test_some_namespaces_stay():
    async with serving() as site:
        status, refused, _ = await site.send("DELETE", "/api/v1/namespaces/default")
        assert status == 403
        assert refused["message"] == 'namespaces "default" is forbidden: this namespace may not be deleted'


async def test_a_watch_that_nobody_reads_any_more_is_forgotten():
    async with serving() as site:
        await lines(site, "resourceVersion=0&sendInitialEvents=true", count=1)
        await asyncio.sleep(0.05)
        await fill(site, "a1")
        assert not any(watch.is_open for watch in site.cluster._api.watches)


async def test_an_unreachable_cluster_cuts_connections_and_watches():
    async with serving() as site:
        open_watch = asyncio.create_task(lines(site, ""))
        await asyncio.sleep(0.1)
        assert site.cluster._api.watches

        site.cluster.connected = False

        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(open_watch, 2)
        with pytest.raises(aiohttp.ClientError):
            await site.send("GET", "/version")
        site.cluster.connected = True
        assert (await site.send("GET", "/version"))[0] == 200


async def test_patches_of_each_kind():
    async with serving() as site:
        await fill(site, "a1")
        path = f"{MAPS}/a1"
        merge = {"data": {"k": None, "x": "1"}}
        _, merged, _ = await site.send("PATCH", path, merge, Content_Type="application/merge-patch+json")
        assert merged["data"] == {"x": "1"}
        operations = [
            {"op": "test", "path": "/data/x", "value": "1"},
            {"op": "add", "path": "/data/a~1b", "value": "2"},
            {"op": "remove", "path": "/data/x"},
        ]
        _, edited, _ = await site.send("PATCH", path, operations, Content_Type="application/json-patch+json")
        assert edited["data"] == {"a/b": "2"}
        status, refused, _ = await site.send("PATCH", path, operations, Content_Type="application/json-patch+json")
        assert (status, refused["reason"]) == (422, "Invalid")
        assert (await site.send("PATCH", path, merge, Content_Type="text/plain"))[0] == 415


async def test_a_strategic_patch_follows_its_directives():
    async with serving() as site:
        path = "/apis/apps/v1/namespaces/default/deployments"
        await site.send("POST", path, deployment())
        containers = [{"name": "second", "image": "b"}, {"$patch": "delete", "name": "hello-world"}]
        body = {
            "spec": {
                "strategy": {"$retainKeys": ["type"], "type": "Recreate"},
                "template": {"spec": {"$setElementOrder/containers": [{"name": "second"}], "containers": containers}},
            }
        }
        _, patched, _ = await site.send(
            "PATCH", f"{path}/hello-world-deployment", body, Content_Type="application/strategic-merge-patch+json"
        )
        assert [each["name"] for each in patched["spec"]["template"]["spec"]["containers"]] == ["second"]
        assert patched["spec"]["strategy"] == {"type": "Recreate"}


async def test_a_status_changes_only_through_its_subresource():
    async with serving() as site:
        node = "/api/v1/nodes/node-1"
        patch = {"status": {"phase": "Terminated"}}
        kind = "application/merge-patch+json"
        _, through_object, _ = await site.send("PATCH", node, patch, Content_Type=kind)
        assert "phase" not in through_object["status"]
        _, through_status, _ = await site.send("PATCH", f"{node}/status", patch, Content_Type=kind)
        assert through_status["status"]["phase"] == "Terminated"


async def test_a_dry_run_stores_nothing():
    async with serving() as site:
        before = site.cluster._store.version
        assert (await site.send("POST", f"{MAPS}?dryRun=All", config_map("a1")))[0] == 201
        assert (await site.send("DELETE", "/api/v1/nodes/node-1?dryRun=All"))[0] == 200
        assert site.cluster._store.version == before


async def test_a_collection_is_deleted_by_selector():
    async with serving() as site:
        await fill(site, "a1", "a2", "b1")
        assert (await site.send("DELETE", f"{MAPS}?labelSelector=app=a"))[0] == 200
        assert await names(site) == ["b1"]


@pytest.mark.parametrize(
    ("token", "method", "path", "status"),
    [
        ("reader", "GET", MAPS, 200),
        ("reader", "GET", "/api/v1/namespaces/default/secrets", 403),
        ("reader", "POST", MAPS, 403),
        ("reader", "GET", "/apis/networking.k8s.io/v1/servicecidrs", 403),
        ("reader", "GET", "/api/v1/services", 200),
        ("shopkeeper", "GET", "/api/v1/namespaces/shop/secrets", 200),
        ("shopkeeper", "GET", MAPS, 403),
        ("guest", "GET", MAPS, 403),
        ("guest", "GET", "/version", 200),
        ("", "GET", MAPS, 403),
        ("stranger", "GET", MAPS, 401),
    ],
)
async def test_roles(token, method, path, status):
    async with serving(tokens={token: user(role) for token, role in ROLES.items()}, namespaces=("shop",)) as site:
        site.token = token
        assert (await site.send(method, path, config_map("a") if method == "POST" else None))[0] == status


async def test_applying_a_new_object_needs_the_right_to_create_too():
    async with serving(tokens={token: user(role) for token, role in ROLES.items()}) as site:
        site.token = "reader"
        path = "/api/v1/namespaces/default/secrets/regcred?fieldManager=x"
        status, refused, _ = await site.send("PATCH", path, secret(), Content_Type="application/apply-patch+yaml")
        assert status == 403
        assert 'cannot patch resource "secrets"' in refused["message"]


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '{"spec": 5}', '{"metadata": []}', '{"spec": {"template": "x"}}']
)
async def test_nonsense_is_refused_and_not_a_crash(body):
    async with serving() as site:
        status, refused, _ = await site.send("POST", "/apis/apps/v1/namespaces/default/deployments", body)
        assert status in {400, 422}
        assert refused["kind"] == "Status"


@pytest.mark.parametrize("query", ["?limit=x", "?resourceVersion=abc", "?watch=1&timeoutSeconds=x"])
async def test_a_query_that_is_no_number_is_refused(query):
    async with serving() as site:
        assert (await site.send("GET", MAPS + query))[0] == 400
