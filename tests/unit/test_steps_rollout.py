"""Rolling out: what differs is applied, watched, and judged by its pods."""

from dataclasses import replace

from examples import (
    applied,
    container,
    cr,
    deployment,
    facts,
    pod,
    site,
    wanted,
)
from fakes import Script
from steps_world import KUBE, PINNED, listing, world

from arcfleet.core.findings import Finding
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from arcfleet.steps.rollout import roll_out


async def rolled(seen, *looks, **around) -> tuple[tuple[Finding, ...] | PermanentError, Script]:
    here = world(workload=Script(*looks), **around)
    here.kubernetes.apply = apply = Script(None)
    try:
        return await roll_out(here, site(**KUBE), facts(workloads={"web": seen}), wanted(), lambda _: None), apply
    except PermanentError as error:
        return error, apply


async def test_a_workload_that_differs_is_applied_and_awaited():
    (finding,), apply = await rolled(None, None, deployment(updated=0), deployment())

    assert finding.rule == "P2"
    assert [call[1]["kind"] for call in apply.calls] == ["Deployment"]


async def test_a_workload_as_it_should_be_is_neither_applied_nor_looked_at():
    (finding,), apply = await rolled(applied(wanted()), RuntimeError("nobody should look"))

    assert (finding.rule, apply.calls) == ("P2", [])


async def test_pods_that_run_the_pinned_digest_prove_that_the_site_served_it():
    standing = replace(applied(wanted()), pods=(pod(PINNED),))

    (_, untouched), _ = await rolled(standing, RuntimeError("nobody should look"))
    (_, rolled_out), _ = await rolled(None, deployment(pod(PINNED)))

    assert untouched == rolled_out
    assert (untouched.rule, untouched.grade, untouched.subject) == ("S3", "A", "sync app/web:stable")


MISSING = deployment(pod(container(waiting_reason="ErrImagePull", waiting_message="manifest unknown")), updated=0)


async def test_an_image_that_the_site_lacks_is_explained_by_the_sync_rules():
    out_of_scope, _ = await rolled(None, MISSING, actions=[])
    on_its_way, _ = await rolled(None, MISSING, listed=listing(cr(last_sync=None)))

    assert (out_of_scope.reason, out_of_scope.rule) == (Reason.NOT_IN_SCOPE, "S2")
    assert out_of_scope.evidence[1:] == ("web-1/web cannot pull 10.96.0.50/app/web:stable", "manifest unknown")
    assert (on_its_way.reason, on_its_way.rule) == (Reason.IMAGE_NOT_ON_SITE, "P4")
    assert on_its_way.evidence[-1] == "app/web:stable: no sync since the push or our change"


async def test_commands_name_the_cluster_and_the_namespace():
    crashed, _ = await rolled(None, deployment(pod(container(restarts=4))))

    assert crashed.remedy == "kubectl --context k --namespace default logs web-1 --container web --previous"


async def test_a_workload_that_was_applied_is_watched_before_it_is_called_healthy():
    up, down = deployment(pod(container(ready=True))), deployment(pod(container(restarts=4)))

    finding, _ = await rolled(None, up, up, down)

    assert (finding.reason, finding.rule) == (Reason.CRASH_LOOP, "P10")


async def test_a_workload_as_it_should_be_that_has_restarted_is_watched_but_not_applied():
    again = replace(applied(wanted()), pods=(pod(container(ready=True, restarts=1)),))

    finding, apply = await rolled(again, again, deployment(pod(container(restarts=4))))

    assert (finding.rule, apply.calls) == ("P10", [])


async def test_a_pull_error_that_lasts_fails_with_its_own_reason():
    stuck = pod(container(waiting_reason="ErrImagePull", waiting_message="401 unauthorized"))

    error, _ = await rolled(None, deployment(stuck, updated=0))

    assert error.reason is Reason.CLIENT_TOKEN
    assert error.evidence == ("401 unauthorized",)
