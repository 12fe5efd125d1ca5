"""Server-side apply: who owns which field of a Deployment."""

from kube_harness import PATH, V2, apply, read, serving


async def test_an_identical_apply_changes_nothing():
    async with serving() as site:
        await apply(site)
        site.clock.step(5)
        before = read(site)
        assert await apply(site) == before == read(site)


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
