"""Observing: everything that a plan needs, and no more."""

from examples import (
    LOGIN_SERVER,
    applied,
    cluster,
    extension,
    site,
    wanted,
)
from fakes import Script
from steps_world import IMAGE, refused, world

from arcfleet.core.reasons import Reason
from arcfleet.steps.observe import observe


async def test_a_connected_registry_that_does_not_exist_is_told_with_the_command():
    error = await refused(observe(world(listed=Script({})), site(), {}))

    assert (error.rule, error.reason) == ("C1", Reason.CONNECTED_REGISTRY_NOT_FOUND)
    assert error.remedy.startswith("az acr connected-registry create --registry acreu1 --name berlinplant")


WORKLOADS = '[{name: web, image: "app/web:stable"}]'


async def test_observing_reads_everything_that_a_plan_needs():
    live = applied(wanted())
    here = world(extensions=(extension(),), login=Script(None), workload=Script(live))

    seen, items = await observe(here, site(workloads=WORKLOADS), {})

    assert (seen.workloads, seen.pull_secrets) == ({"web": live}, {("default", "regcred"): False})
    assert [item.deployment for item in items] == [wanted().deployment]
    assert here.images.digest.calls == [(LOGIN_SERVER, IMAGE)]


async def test_a_tag_that_is_not_pinned_is_not_resolved():
    here = world(login=Script(None), workload=Script(None))

    await observe(here, site(workloads='[{name: web, image: "app/web:stable", pin: tag}]'), {})

    assert here.images.digest.calls == []


async def test_a_cluster_out_of_contact_is_not_asked_for_its_workloads():
    seen, items = await observe(world(clusters=(cluster("Offline"),)), site(workloads=WORKLOADS), {})

    assert (seen.cluster.connectivity, items) == ("Offline", ())
