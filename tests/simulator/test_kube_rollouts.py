"""Deployments: what a tool that waits for a rollout has to survive."""

from kube_harness import HOST, Site, deployment, serving

from simulator.kube import PullAnswer

NAME = "hello-world-deployment"
PATH = f"/apis/apps/v1/namespaces/default/deployments/{NAME}"
V2 = f"{HOST}/hello-world:v2"
BAD = PullAnswer(error="failed to pull and unpack image: not found")


async def apply(site: Site, *args, force="true", manager="tool", **spec):
    query = f"?fieldManager={manager}&force={force}"
    _, body, _ = await site.send(
        "PATCH", PATH + query, deployment(*args, **spec), Content_Type="application/apply-patch+yaml"
    )
    return body


def read(site):
    return site.cluster.get("deployments", "default", NAME)


def sets(site):
    return {
        each["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: each["spec"]["replicas"]
        for each in site.cluster.list("replicasets", "default")
    }


def progressing(site):
    conditions = read(site)["status"]["conditions"]
    return next((each["status"], each["reason"]) for each in conditions if each["type"] == "Progressing")


async def test_the_old_status_is_seen_under_a_new_generation():
    async with serving() as site:
        await apply(site)
        site.clock.step(5)

        await apply(site, V2)

        found = read(site)
        assert (found["metadata"]["generation"], found["status"]["observedGeneration"]) == (2, 1)
        assert progressing(site) == ("True", "NewReplicaSetAvailable")
        site.clock.step(0.05)
        assert read(site)["status"]["observedGeneration"] == 2


async def test_an_identical_apply_changes_nothing():
    async with serving() as site:
        await apply(site)
        site.clock.step(5)
        before = read(site)
        assert await apply(site) == before == read(site)


async def test_a_bad_update_leaves_the_old_pod_and_times_out():
    async with serving() as site:
        site.answers[V2] = BAD
        await apply(site, progressDeadlineSeconds=60)
        site.clock.step(5)

        await apply(site, V2, progressDeadlineSeconds=60)
        site.clock.step(58)
        assert progressing(site) == ("True", "ReplicaSetUpdated")
        site.clock.step(5)

        status = read(site)["status"]
        assert progressing(site) == ("False", "ProgressDeadlineExceeded")
        assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (2, 1, 1)


async def test_the_old_template_brings_its_replica_set_back():
    async with serving() as site:
        site.answers[V2] = BAD
        await apply(site)
        site.clock.step(5)
        await apply(site, V2)
        site.clock.step(5)

        await apply(site)
        site.clock.step(5)

        assert sets(site) == {"3": 1, "2": 0}
        assert progressing(site) == ("True", "NewReplicaSetAvailable")
        assert len(site.cluster.list("pods", "default")) == 1


async def test_surge_and_unavailability_bound_a_large_rollout():
    async with serving() as site:
        await apply(site, replicas=8)
        site.clock.step(5)
        totals, available = [], []

        await apply(site, V2, replicas=8)
        for _ in range(100):
            site.clock.step(0.05)
            status = read(site)["status"]
            totals.append(status["replicas"])
            available.append(status.get("availableReplicas", 0))

        assert max(totals) <= 10
        assert min(available) >= 6
        assert sets(site) == {"1": 0, "2": 8}


async def test_minimum_ready_seconds_delay_availability():
    async with serving() as site:
        await apply(site, minReadySeconds=20)
        site.clock.step(15)
        assert "availableReplicas" not in read(site)["status"]
        assert read(site)["status"]["readyReplicas"] == 1
        site.clock.step(10)
        assert read(site)["status"]["availableReplicas"] == 1


async def test_recreate_ends_the_old_pods_first():
    async with serving() as site:
        await apply(site, strategy={"type": "Recreate"})
        site.clock.step(5)
        await apply(site, V2, strategy={"type": "Recreate"})
        site.clock.step(0.2)
        assert sets(site) == {"1": 0}
        site.clock.step(5)
        assert sets(site) == {"1": 0, "2": 1}
        assert read(site)["status"]["availableReplicas"] == 1


async def test_a_paused_deployment_starts_nothing():
    async with serving() as site:
        await apply(site)
        site.clock.step(5)
        await apply(site, V2, paused=True)
        site.clock.step(5)
        assert sets(site) == {"1": 1}
        assert progressing(site) == ("Unknown", "DeploymentPaused")
        await apply(site, V2)
        site.clock.step(5)
        assert sets(site) == {"1": 0, "2": 1}
        assert progressing(site) == ("True", "NewReplicaSetAvailable")


async def test_the_history_is_kept_to_its_limit():
    async with serving() as site:
        for version in range(5):
            await apply(site, f"{HOST}/hello-world:{version}", revisionHistoryLimit=2)
            site.clock.step(5)
        assert sets(site) == {"3": 0, "4": 0, "5": 1}


async def test_another_managers_annotation_survives_an_apply():
    async with serving() as site:
        await apply(site)
        site.clock.step(5)
        restart = {"kubectl.kubernetes.io/restartedAt": "2026-11-24T03:00:00Z"}
        body = {"spec": {"template": {"metadata": {"annotations": restart}}}}
        await site.send("PATCH", PATH, body, Content_Type="application/strategic-merge-patch+json")

        after = await apply(site, V2)

        assert after["spec"]["template"]["metadata"]["annotations"] == restart


async def test_what_the_only_applier_leaves_out_is_removed():
    async with serving() as site:
        await apply(site, minReadySeconds=5)
        assert "minReadySeconds" not in (await apply(site))["spec"]


async def test_a_conflict_names_the_field_and_its_owner():
    async with serving() as site:
        await apply(site)
        other = await apply(site, V2, force="false", manager="other")
        assert (other["code"], other["reason"]) == (409, "Conflict")
        assert other["details"]["causes"] == [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "tool" using apps/v1',
                "field": '.spec.template.spec.containers[name="hello-world"].image',
            }
        ]
        taken = await apply(site, V2, manager="other")
        assert taken["spec"]["template"]["spec"]["containers"][0]["image"] == V2


async def test_scaling_makes_no_new_replica_set():
    async with serving() as site:
        await apply(site)
        site.clock.step(5)
        await apply(site, replicas=3)
        site.clock.step(5)
        assert sets(site) == {"1": 3}
        await apply(site, replicas=0)
        site.clock.step(5)
        assert site.cluster.list("pods") == []


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

        assert answer["status"]["phase"] == "Terminating" or answer["kind"] == "Namespace"
        assert (status, refused["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
        site.clock.step(5)
        assert site.cluster.get("namespaces", None, "shop") is None
        assert site.cluster.list("pods") == []


async def test_before_1_35_terminating_pods_are_not_counted():
    async with serving(version="1.32.13") as site:
        await apply(site)
        site.clock.step(5)
        assert "terminatingReplicas" not in read(site)["status"]
