"""The simulator answers as a real API server 1.36.2 was seen to answer.

Each captured request is sent again, in order, and status, headers and body are compared to the last field. `MEANT`
names every difference that there may be; any other fails the test, and so does a listed one that is gone.
"""

import json
import re

import aiohttp
import pytest
from kube_harness import Site, capture, serving
from kube_replay import USERS, check, compare, exchanges, plain, send

MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
ACCEPT = {
    "406_accept": "text/html",
    "table": TABLE,
    "partial_meta": PARTIAL,
    "apis_aggregated": AGGREGATED,
    "api_aggregated": AGGREGATED,
}
"""What the captures do not name."""

_UNHASHED = "nothing is stored in etcd that a hash could tell of"
MEANT: dict[str, dict[tuple[str, str], str]] = {
    "errors": {
        ("ssar_.*", "metadata.managedFields"): "a review is answered without the owners of its fields",
        ("ssrr", "status.nonResourceRules"): "the real cluster bound one more role, for /.well-known, to everybody",
        ("whoami", "status.userInfo.uid"): "the uid of a user is its name",
        ("list_rv0", "items.6.*"): "no namespace has the config map kube-root-ca.crt",
        ("api_v1|apps_v1", r"resources.\d+.storageVersionHash"): _UNHASHED,
        ("openapi_v3_index", "header Content-Type"): "the real server calls its JSON a text",
        ("table", r"columnDefinitions.\d+.description"): "descriptions of columns are left out",
        ("readyz_verbose", ""): "the checks behind the health are not listed",
    },
    "secret_create": {
        (r"1[01]", "metadata.managedFields.0.time"): "an apply that changes nothing but owners is dated too",
    },
    "service_dryrun": {},
    "service_dryrun_rbac": {},
    "service_real": {},
    "servicecidr": {
        ("0", r"resources.\d+.storageVersionHash"): _UNHASHED,
    },
    "servicecidr_multi": {},
}


async def prepare(site: Site) -> None:
    """Make what the captures found: config maps, a quota, a namespace that cannot end."""
    site.token = "admin"
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"count/deployments.apps": "0"}}}
    await site.send("POST", "/api/v1/namespaces/quota-ns/resourcequotas", quota)
    held = {"metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    await site.send("POST", "/api/v1/namespaces/term-ns/configmaps", held)
    await site.send("DELETE", "/api/v1/namespaces/term-ns")


async def make_maps(site: Site) -> None:
    site.token = "admin"
    for number in range(7):
        body = {"metadata": {"name": f"cm{number}"}, "data": {"k": "v"}}
        await site.send("POST", MAPS, body, User_Agent="python-requests/2")


DISCOVERY = {"APIResourceList": "resources", "APIGroupList": "groups", "APIGroupDiscoveryList": "items"}


def served(recorded, body):
    """Return a captured discovery document without what the simulator does not serve, and ours in its order."""
    kind = body.get("kind") if isinstance(body, dict) else None
    if kind not in DISCOVERY:
        return recorded, body
    key = DISCOVERY[kind]
    pairs = [pick(recorded[key], body[key])]
    if kind == "APIGroupDiscoveryList":
        for left, right in zip(*pairs[0], strict=True):
            (version,), (mine,) = left["versions"][:1], right["versions"]
            version["resources"], mine["resources"] = pick(version["resources"], mine["resources"])
            for one, other in zip(version["resources"], mine["resources"], strict=True):
                if "subresources" in one and "subresources" in other:
                    one["subresources"], other["subresources"] = pick(one["subresources"], other["subresources"])
                elif "subresources" in one:
                    del one["subresources"]
    return recorded | {key: pairs[0][0]}, body | {key: pairs[0][1]}


def pick(recorded, mine):
    def name(entry):
        return (
            entry.get("name") or entry.get("resource") or entry.get("subresource") or entry["metadata"].get("name", "")
        )

    names = {name(each) for each in mine}
    return sorted((each for each in recorded if name(each) in names), key=name), sorted(mine, key=name)


class Memory:
    """What later requests of the captures refer to: the continue token of an earlier answer."""

    token = ""

    def own(self, request):
        path = re.sub(r"continue=ey[\w-]+", f"continue={self.token}", request["path"])
        return request | {"path": path.replace("resourceVersion=1741", "resourceVersion=3")}


@pytest.mark.parametrize("name", sorted(MEANT))
async def test_each_captured_exchange_is_answered_alike(name):
    found, memory = [], Memory()
    async with serving(tokens=USERS, namespaces=("quota-ns", "term-ns")) as site:
        await prepare(site)
        for label, exchange in exchanges(name):
            # With two ranges a dry run looks at an arbitrary one: each answer is as true as the other.
            if "request" not in exchange or (name == "servicecidr_multi" and label in {"1", "2"}):
                continue
            if label == "list_limit":
                await make_maps(site)
            if label == "410_continue_expired":
                site.cluster.create("namespaces", {"metadata": {"name": "later"}})
                site.cluster.compact()
            headers = {"Accept": ACCEPT[label]} if label in ACCEPT else {}
            status, body, given = await send(site, memory.own(exchange["request"]), **headers)
            site.clock.step(0.1)
            recorded = exchange["response"]
            if label == "list_limit":
                memory.token = body["metadata"]["continue"]
            recorded["body"], body = served(recorded["body"], body)
            if label == "openapi_v3_index":
                recorded["body"]["paths"] = {key: recorded["body"]["paths"][key] for key in body["paths"]}
            found += compare(label, recorded, status, body, given)
    check(found, MEANT[name])


async def events(site, query, count):
    """Return so many events of a watch of the config maps."""
    found = []
    headers = {"Authorization": "Bearer admin"}
    async with aiohttp.ClientSession() as session, session.get(f"{site.url}{MAPS}?{query}", headers=headers) as answer:
        assert answer.status == 200
        async for line in answer.content:
            found.append(json.loads(line))
            if len(found) == count:
                return found
    return found


@pytest.mark.parametrize(
    ("label", "query"),
    [
        ("410_watch", "watch=1&resourceVersion=3&timeoutSeconds=3"),
        ("watch_rv1", "watch=1&resourceVersion=1&timeoutSeconds=3"),
        ("watch_future", "watch=1&resourceVersion=99999999&timeoutSeconds=1"),
        (
            "watch_initial_events",
            "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=3",
        ),
    ],
)
async def test_a_captured_watch_shows_the_same_events(label, query):
    recorded = capture("errors")[label]["events"]
    async with serving(tokens=USERS) as site:
        site.token = "admin"
        await make_maps(site)
        for number in range(7):
            await site.send("DELETE", f"{MAPS}/cm{number}")
        site.cluster.compact()
        found = await events(site, query, max(1, len(recorded)))

    assert [plain(each) for each in found] == [plain({"type": e["type"], "object": e["object"]}) for e in recorded]


async def test_a_captured_watch_replays_changes_in_order():
    """The bookmark that ends the capture comes a minute later; other tests see bookmarks."""
    recorded = [each for each in capture("errors")["watch_bookmarks"]["events"] if each["type"] == "MODIFIED"]
    async with serving(tokens=USERS) as site:
        await make_maps(site)
        _, listed, _ = await site.send("GET", MAPS)
        for number in range(3):
            changed = {"metadata": {"name": f"cm{number}"}, "data": {"k": "z"}}
            await site.send("PUT", f"{MAPS}/cm{number}", changed, User_Agent="python-requests/2")
        version = listed["metadata"]["resourceVersion"]
        found = await events(site, f"watch=1&resourceVersion={version}&timeoutSeconds=3", 3)

    assert [plain(each) for each in found] == [plain({"type": e["type"], "object": e["object"]}) for e in recorded]
