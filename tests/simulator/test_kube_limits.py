"""What refuses a Deployment, and what goes with it when it or its namespace is deleted."""

from kube_harness import PATH, apply, deployment, read, serving


async def test_a_quota_shows_as_a_replica_failure():
    async with serving() as site:
        quotas = "/api/v1/namespaces/default/resourcequotas"
        await site.send("POST", quotas, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}})
        await apply(site)
        site.clock.step(5)
        failure = next(each for each in read(site)["status"]["conditions"] if each["type"] == "ReplicaFailure")
        assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
        assert failure["message"].endswith(
            "is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"
        )

        await site.send("DELETE", f"{quotas}/q")
        site.clock.step(20)

        assert read(site)["status"]["availableReplicas"] == 1
        assert {each["type"] for each in read(site)["status"]["conditions"]} == {"Available", "Progressing"}


async def test_a_strategy_that_makes_no_sense_is_refused():
    async with serving() as site:
        percent = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "many"}}
        for strategy in (percent, {"type": "Magic"}, {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}):
            assert (await apply(site, strategy=strategy))["code"] == 422


async def test_orphans_stay_and_are_taken_over_again():
    async with serving() as site:
        await apply(site)
        site.clock.step(5)
        await site.send("DELETE", PATH, {"propagationPolicy": "Orphan"})
        site.clock.step(5)
        pods = site.cluster.list("pods", "default")
        assert read(site) is None
        assert len(pods) == 1

        await apply(site)
        site.clock.step(5)

        assert [pod["metadata"]["uid"] for pod in site.cluster.list("pods", "default")] == [
            pod["metadata"]["uid"] for pod in pods
        ]
        assert read(site)["status"]["availableReplicas"] == 1


async def test_a_namespace_takes_all_that_is_in_it_along():
    async with serving(namespaces=("shop",)) as site:
        body = deployment() | {"metadata": {"name": "web"}}
        await site.send("POST", "/apis/apps/v1/namespaces/shop/deployments", body)
        site.clock.step(5)

        _, answer, _ = await site.send("DELETE", "/api/v1/namespaces/shop")
        status, refused, _ = await site.send("POST", "/apis/apps/v1/namespaces/shop/deployments", body)

        assert answer["status"]["phase"] == "Terminating"
        assert (status, refused["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
        site.clock.step(5)
        assert site.cluster.get("namespaces", None, "shop") is None
        assert site.cluster.list("pods") == []
