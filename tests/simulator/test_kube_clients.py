"""The real Python client (kubernetes.aio) against the simulator: its models accept every answer."""

import asyncio

import pytest
from kube_harness import DIGEST, HOST, deployment, secret, serving
from kubernetes import client as sync_client
from kubernetes.aio import client, watch
from kubernetes.aio.client import exceptions
from kubernetes.dynamic import DynamicClient

APPLY = "application/apply-patch+yaml"


async def apply_all(site, apps, core):
    await core.patch_namespaced_secret(
        "regcred", "default", secret(), field_manager="tool", force=True, _content_type=APPLY
    )
    return await apps.patch_namespaced_deployment(
        "hello-world-deployment", "default", deployment(), field_manager="tool", force=True, _content_type=APPLY
    )


async def test_a_rollout_from_secret_to_running_pod():
    async with serving() as site, site.api() as api:
        apps, core = client.AppsV1Api(api), client.CoreV1Api(api)

        created = await apply_all(site, apps, core)
        site.clock.step(5)

        assert created.metadata.generation == 1
        assert created.status.observed_generation is None
        done = await apps.read_namespaced_deployment("hello-world-deployment", "default")
        assert (done.status.observed_generation, done.status.available_replicas) == (1, 1)
        pods = await core.list_namespaced_pod("default", label_selector="app=hello-world")
        status = pods.items[0].status.container_statuses[0]
        assert status.image_id == f"{HOST}/hello-world@{DIGEST}"
        assert (site.pulls[0].username, site.pulls[0].password) == ("mytoken", "mypassword")
        events = await core.list_namespaced_event(
            "default", field_selector=f"involvedObject.name={pods.items[0].metadata.name}"
        )
        assert {event.reason for event in events.items} == {"Scheduled", "Pulling", "Pulled", "Created", "Started"}


async def test_every_list_and_object_passes_the_models():
    async with serving() as site, site.api() as api:
        apps, core = client.AppsV1Api(api), client.CoreV1Api(api)
        network, storage = client.NetworkingV1Api(api), client.StorageV1Api(api)
        await apply_all(site, apps, core)
        claim = {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        await core.create_namespaced_persistent_volume_claim("default", claim)
        pod = deployment()["spec"]["template"]
        for kind, create in (
            ("DaemonSet", apps.create_namespaced_daemon_set),
            ("StatefulSet", apps.create_namespaced_stateful_set),
        ):
            spec = deployment()["spec"] | {"serviceName": "x"} if kind == "StatefulSet" else {"selector": {}}
            spec |= {"selector": {"matchLabels": {"app": "hello-world"}}, "template": pod}
            await create("default", {"metadata": {"name": "other"}, "spec": spec})
        await core.create_namespaced_config_map("default", {"metadata": {"name": "c"}, "data": {"k": "v"}})
        await core.create_namespaced_service_account("default", {"metadata": {"name": "s"}})
        site.clock.step(5)

        for listing in (
            apps.list_deployment_for_all_namespaces,
            apps.list_replica_set_for_all_namespaces,
            apps.list_daemon_set_for_all_namespaces,
            apps.list_stateful_set_for_all_namespaces,
            core.list_pod_for_all_namespaces,
            core.list_event_for_all_namespaces,
            core.list_secret_for_all_namespaces,
            core.list_service_for_all_namespaces,
            core.list_config_map_for_all_namespaces,
            core.list_service_account_for_all_namespaces,
            core.list_persistent_volume_claim_for_all_namespaces,
            core.list_namespace,
            core.list_node,
            network.list_service_cidr,
            network.list_ip_address,
            storage.list_storage_class,
        ):
            found = await listing()
            assert found.items, listing.__name__
            assert found.metadata.resource_version


async def test_version_discovery_and_reviews():
    async with serving() as site, site.api() as api:
        assert (await client.VersionApi(api).get_code()).git_version == "v1.36.2"
        assert "v1" in (await client.CoreApi(api).get_api_versions()).versions
        groups = await client.ApisApi(api).get_api_versions()
        assert "apps" in {group.name for group in groups.groups}
        for discovery in (client.CoreV1Api, client.AppsV1Api, client.NetworkingV1Api, client.StorageV1Api):
            assert (await discovery(api).get_api_resources()).resources
        review = {"spec": {"resourceAttributes": {"verb": "create", "resource": "services", "namespace": "default"}}}
        answer = await client.AuthorizationV1Api(api).create_self_subject_access_review(review)
        assert answer.status.allowed
        me = await client.AuthenticationV1Api(api).create_self_subject_review({})
        assert me.status.user_info.username == "kubernetes-admin"


async def test_the_synchronous_client_too():
    async with serving() as site:
        configuration = sync_client.Configuration(host=site.url)
        with sync_client.ApiClient(configuration) as api:
            apps = sync_client.AppsV1Api(api)
            await asyncio.to_thread(apps.create_namespaced_deployment, "default", deployment())
            site.clock.step(5)
            found = await asyncio.to_thread(apps.list_namespaced_deployment, "default")
            assert found.items[0].status.available_replicas == 1
            dynamic = await asyncio.to_thread(DynamicClient, api)
            pods = await asyncio.to_thread(lambda: dynamic.resources.get(api_version="v1", kind="Pod").get())
            assert pods.items[0].status.phase == "Running"


async def test_errors_come_as_the_clients_exceptions():
    async with serving() as site, site.api() as api:
        core = client.CoreV1Api(api)
        await core.create_namespaced_secret("default", secret())

        with pytest.raises(exceptions.NotFoundException):
            await core.read_namespaced_secret("nope", "default")
        with pytest.raises(exceptions.ConflictException):
            await core.create_namespaced_secret("default", secret())
        with pytest.raises(exceptions.UnprocessableEntityException) as refused:
            await core.create_namespaced_secret("default", secret() | {"metadata": {"name": "Bad_Name"}})
        assert '"reason":"Invalid"' in refused.value.body


async def test_a_dictionary_is_patched_strategically():
    async with serving() as site, site.api() as api:
        apps = client.AppsV1Api(api)
        await apps.create_namespaced_deployment("default", deployment())

        container = {"name": "hello-world", "image": f"{HOST}/hello-world:v2"}
        body = {"spec": {"template": {"spec": {"containers": [container]}}}}
        patched = await apps.patch_namespaced_deployment("hello-world-deployment", "default", body)

        assert patched.metadata.generation == 2
        kept = patched.spec.template.spec.containers[0]
        assert (kept.image, kept.image_pull_policy) == (container["image"], "Always")


async def test_a_watch_follows_a_rollout():
    async with serving() as site, site.api() as api:
        apps = client.AppsV1Api(api)
        await apps.create_namespaced_deployment("default", deployment())
        seen, begun = [], asyncio.Event()

        async def follow():
            async with watch.Watch() as stream:
                async for event in stream.stream(
                    apps.list_namespaced_deployment, "default", field_selector="metadata.name=hello-world-deployment"
                ):
                    status = event["object"].status
                    begun.set()
                    seen.append((event["type"], status.observed_generation, status.available_replicas))
                    if status.available_replicas:
                        return

        task = asyncio.create_task(follow())
        await asyncio.wait_for(begun.wait(), 5)
        site.clock.step(5)
        await asyncio.wait_for(task, 5)

        assert seen[0] == ("ADDED", None, None)
        assert seen[-1] == ("MODIFIED", 1, 1)


async def test_scale_and_delete():
    async with serving() as site, site.api() as api:
        apps, core = client.AppsV1Api(api), client.CoreV1Api(api)
        name = "hello-world-deployment"
        await apps.create_namespaced_deployment("default", deployment())
        site.clock.step(5)

        scale = await apps.patch_namespaced_deployment_scale(name, "default", {"spec": {"replicas": 3}})
        site.clock.step(5)

        assert scale.spec.replicas == 3
        assert (await apps.read_namespaced_deployment_status(name, "default")).status.available_replicas == 3
        assert (await apps.read_namespaced_deployment(name, "default")).metadata.generation == 2
        await apps.delete_namespaced_deployment(name, "default")
        site.clock.step(5)
        assert not (await core.list_namespaced_pod("default")).items
        assert not (await apps.list_namespaced_replica_set("default")).items


async def test_the_log_of_a_pod():
    async with serving() as site, site.api() as api:
        core = client.CoreV1Api(api)
        pod = {"metadata": {"name": "one"}, "spec": {"containers": [{"name": "c", "image": "registry.local/a:1"}]}}
        await core.create_namespaced_pod("default", pod)
        site.clock.step(0.2)
        with pytest.raises(exceptions.BadRequestException) as early:
            await core.read_namespaced_pod_log("one", "default")
        assert 'container \\"c\\" in pod \\"one\\" is waiting to start: ContainerCreating' in early.value.body
        site.clock.step(5)

        site.cluster.logs["default", "one"] = ["first", "second"]

        assert await core.read_namespaced_pod_log("one", "default") == "first\nsecond\n"
        assert await core.read_namespaced_pod_log("one", "default", tail_lines=1) == "second\n"
