"""Deployments: what a tool that waits for a rollout has to survive."""

from kube_harness import HOST, V2, apply, progressing, read, serving, sets

from simulator.kube import PullAnswer

BAD = PullAnswer(error="failed to pull and unpack image: not found")


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


async def test_a_pause_may_last_longer_than_the_deadline():
    async with serving() as site:
        await apply(site, paused=True, progressDeadlineSeconds=10)
        site.clock.step(60)
        assert progressing(site) == ("Unknown", "DeploymentPaused")
        await apply(site, paused=False, progressDeadlineSeconds=10)
        site.clock.step(0.05)
        assert progressing(site)[0] != "False"
        site.clock.step(5)
        assert progressing(site) == ("True", "NewReplicaSetAvailable")


async def test_the_history_is_kept_to_its_limit():
    async with serving() as site:
        for version in range(5):
            await apply(site, f"{HOST}/hello-world:{version}", revisionHistoryLimit=2)
            site.clock.step(5)
        assert sets(site) == {"3": 0, "4": 0, "5": 1}


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


async def test_scaling_in_the_middle_of_a_rollout_comes_to_an_end():
    async with serving() as site:
        await apply(site, replicas=4)
        site.clock.step(5)
        await apply(site, V2, replicas=4)
        site.clock.step(0.3)
        assert set(sets(site).values()) != {0, 4}
        await apply(site, V2, replicas=9)
        site.clock.step(0.1)
        assert sum(sets(site).values()) > 5
        site.clock.step(10)
        assert sets(site) == {"1": 0, "2": 9}
        assert progressing(site) == ("True", "NewReplicaSetAvailable")


async def test_a_good_rollout_passes_through_these_stages():
    """The order of scenario_rollout_ok, kept here for those who have no captures."""
    async with serving() as site:
        stages = []
        site.cluster._store.listen(
            lambda event: stages.append(stage(event.object)) if event.resource.name == "deployments" else None
        )
        await apply(site)
        site.clock.step(5)
    created, updated, available = "NewReplicaSetCreated", "ReplicaSetUpdated", "NewReplicaSetAvailable"
    assert stages == [
        ({}, None, {}),
        ({}, created, {}),
        ({"observedGeneration": 1, "unavailableReplicas": 1, "terminatingReplicas": 0}, created, "False"),
        (
            {
                "observedGeneration": 1,
                "replicas": 1,
                "updatedReplicas": 1,
                "unavailableReplicas": 1,
                "terminatingReplicas": 0,
            },
            updated,
            "False",
        ),
        (
            {
                "observedGeneration": 1,
                "replicas": 1,
                "updatedReplicas": 1,
                "readyReplicas": 1,
                "availableReplicas": 1,
                "terminatingReplicas": 0,
            },
            available,
            "True",
        ),
    ]


def stage(found):
    """Return a Deployment's counters, why it progresses, and whether it is available."""
    status = found["status"]
    conditions = {each["type"]: each for each in status.get("conditions", [])}
    counters = {name: value for name, value in status.items() if name != "conditions"}
    return counters, conditions.get("Progressing", {}).get("reason"), conditions.get("Available", {}).get("status", {})


async def test_before_1_35_terminating_pods_are_not_counted():
    async with serving(version="1.32.13") as site:
        await apply(site)
        site.clock.step(5)
        assert "terminatingReplicas" not in read(site)["status"]
