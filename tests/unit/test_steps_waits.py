"""Steps that wait: for the extension, for contact, for sync, for pods; and the deeper cause of silence."""

from dataclasses import replace

import pytest
from examples import (
    DIGEST,
    LOGIN_SERVER,
    NOW,
    applied,
    cluster,
    container,
    cr,
    deployment,
    extension,
    facts,
    minutes,
    pod,
    site,
    token,
    wanted,
)
from fakes import FakeClock, Script, gateways, port

from arcfleet.core.credentials import Credential
from arcfleet.core.evidence import ClaimFacts, ExtensionEvidence
from arcfleet.core.findings import Finding
from arcfleet.core.journal import Entry, Phase
from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError, TransientError
from arcfleet.steps.diagnosis import SILENCE, deepest
from arcfleet.steps.extension import install, settle
from arcfleet.steps.health import wait_healthy
from arcfleet.steps.observe import observe
from arcfleet.steps.rollout import roll_out
from arcfleet.steps.sync import check_sync

LATER = NOW + minutes(1)
CONNECTED = (cluster(),)
IMAGE = ImageRef("app/web", "stable")
KUBE = {"kube": "{context: k}"}
SCOPE = ["repositories/app/web/content/read"]
CREDENTIAL = Credential(Secret("s"), "key", Entry("password1", Phase.INTENDED, NOW))
SILENT = PermanentError(Reason.NEVER_ACTIVATED, "connected registry: still so", evidence=("e",))


def listing(*answers):
    return Script(*({"berlinplant": answer} for answer in answers))


def failing(error):
    async def step():
        raise error

    return step()


def world(
    *, clusters=CONNECTED, extensions=(None,), apply=None, listed=None, actions=SCOPE, times=(NOW,), **kubernetes
):
    return gateways(
        clock=FakeClock(),
        registries=port(
            registry=Script(facts().registry),
            connected_registries=listed or listing(cr()),
            service_time=Script(*times),
            token=Script(token(password1=NOW)),
            scope_actions=Script(actions),
        ),
        extensions=port(cluster=Script(*clusters), extension=Script(*extensions), apply=apply or Script(extension())),
        images=port(digest=Script(DIGEST), pushed=Script(None)),
        kubernetes=port(**kubernetes),
    )


async def refused(step) -> PermanentError:
    with pytest.raises(PermanentError) as error:
        await step
    return error.value


@pytest.mark.parametrize("reason", sorted(SILENCE))
async def test_a_cluster_out_of_contact_explains_silence(reason):
    silent = PermanentError(reason, "extension: still so", evidence=("e",))
    here = world(clusters=(cluster("Offline"),))

    error = await refused(deepest(here, site(), failing(silent)))

    assert (error.reason, error.__cause__) == (Reason.ARC_OFFLINE, silent)
    assert error.evidence == ("connectivityStatus Offline", "extension: still so")


async def test_silence_of_a_cluster_in_contact_stays_what_it_is():
    here = world(extension_evidence=Script(ExtensionEvidence()))

    assert await refused(deepest(here, site(**KUBE), failing(SILENT))) is SILENT


async def test_a_cluster_that_can_not_be_looked_into_is_said():
    unread = PermanentError(Reason.FORBIDDEN, "pods is forbidden")

    without = await refused(deepest(world(), site(), failing(SILENT)))
    refusing = await refused(deepest(world(extension_evidence=Script(unread)), site(**KUBE), failing(SILENT)))

    assert without.evidence == ("e", "could not look: site berlin has no kube: way to its Kubernetes API")
    assert refusing.evidence == ("e", "could not look: pods is forbidden")
    assert (without.reason, without.message) == (SILENT.reason, SILENT.message)


async def test_what_the_cluster_shows_is_the_deeper_cause():
    pending = ExtensionEvidence(claim=ClaimFacts("Pending", "fast"))
    here = world(extension_evidence=Script(pending))

    error = await refused(deepest(here, site(**KUBE), failing(SILENT)))

    assert (error.reason, error.__cause__) == (Reason.STORAGE_CLASS, SILENT)
    assert error.message.startswith("connected registry: claim connected-registry-pvc is Pending")
    assert error.evidence == ("e", "connected registry: still so")


LOOKS = [TransientError(Reason.THROTTLED, "slower"), PermanentError(Reason.FORBIDDEN, "no right")]


@pytest.mark.parametrize("look", LOOKS, ids=["transient", "permanent"])
async def test_a_look_for_the_cause_that_fails_leaves_the_error_as_it_was(look):
    here = world(clusters=(look,), extension_evidence=Script(ExtensionEvidence()))

    assert await refused(deepest(here, site(**KUBE), failing(SILENT))) is SILENT


async def test_a_cause_that_is_known_is_not_looked_behind():
    known, here = PermanentError(Reason.BAD_VERSION, "x"), world(clusters=(cluster("Offline"),))

    assert await refused(deepest(here, site(), failing(known))) is known
    assert here.extensions.cluster.calls == []


INSTALLS = {
    "at once": (extension(), (), None),
    "after a while": (extension("Creating"), (extension("Creating"), extension()), None),
    "failed at once": (extension("Failed", error="chart path not found"), (), Reason.BAD_VERSION),
    "failed after a while": (
        extension("Creating"),
        (extension("Failed", error="timed out waiting for the condition"),),
        Reason.HELM_TIMEOUT,
    ),
    "deleted meanwhile": (extension("Creating"), (None,), Reason.DELETE_IN_PROGRESS),
    "never ending": (extension("Creating"), (extension("Creating"),), Reason.EXTENSION_STUCK),
}


@pytest.mark.parametrize(("applied_as", "then", "reason"), INSTALLS.values(), ids=INSTALLS)
async def test_an_installation_ends_healthy_or_with_its_cause(applied_as, then, reason):
    here = world(apply=Script(applied_as), extensions=then or (None,))
    step = install(here, site(), facts(extension=None), CREDENTIAL, lambda _: None)

    if reason is None:
        assert await step == NOW
    else:
        assert (await refused(step)).reason is reason


WHEN = {"of a creation: from before it": (None, NOW), "of an update: from after it": (extension(), NOW + minutes(9))}


@pytest.mark.parametrize(("installed", "since"), WHEN.values(), ids=WHEN)
async def test_an_installation_returns_the_time_that_contact_must_be_later_than(installed, since):
    here = world(times=(NOW, NOW + minutes(9)))

    assert await install(here, site(), facts(extension=installed), CREDENTIAL, lambda _: None) == since


LOST = TransientError(Reason.UNREACHABLE, "no answer")
TAKEN = {
    "at once": ((extension(last_modified=LATER),), None),
    "within the same second": ((extension(last_modified=NOW),), None),
    "and still under way": ((extension("Updating", last_modified=LATER), extension(last_modified=LATER)), None),
    "and failed": (
        (extension("Failed", last_modified=LATER, error="chart path not found"),),
        Reason.BAD_VERSION,
    ),
}
UNTAKEN = {
    "nothing is there": None,
    "it is as it was": extension(last_modified=NOW - minutes(1)),
    "of an unknown time": extension(last_modified=None),
    "it failed before": extension("Failed", last_modified=NOW - minutes(1)),
}


@pytest.mark.parametrize(("then", "reason"), TAKEN.values(), ids=TAKEN)
async def test_a_change_whose_answer_was_lost_is_looked_for_and_not_sent_again(then, reason):
    here = world(apply=Script(LOST), extensions=then)
    step = install(here, site(), facts(), CREDENTIAL, lambda _: None)

    if reason is None:
        assert await step == NOW
    else:
        assert (await refused(step)).reason is reason
    assert len(here.extensions.apply.calls) == 1


@pytest.mark.parametrize("found", UNTAKEN.values(), ids=UNTAKEN)
async def test_a_change_that_was_not_taken_stays_the_error_that_it_was(found):
    here = world(apply=Script(LOST), extensions=(extension("Updating"), found))

    with pytest.raises(TransientError) as lost:
        await install(here, site(), facts(), CREDENTIAL, lambda _: None)

    assert lost.value is LOST
    assert (len(here.extensions.extension.calls), len(here.extensions.apply.calls)) == (2, 1)


async def test_a_change_that_was_refused_is_not_looked_for():
    no = PermanentError(Reason.REFUSED, "no")
    here = world(apply=Script(no))

    assert await refused(install(here, site(), facts(), CREDENTIAL, lambda _: None)) is no
    assert here.extensions.extension.calls == []


@pytest.mark.parametrize("end", [extension("Failed"), extension(), None], ids=["failed", "healthy", "gone"])
async def test_settling_returns_whatever_the_operation_ended_in(end):
    here = world(extensions=(extension("Updating"), end))

    assert await settle(here, site(), lambda _: None) == end


AWAY = {"connection_state": "Offline"}


async def test_a_registry_that_is_away_is_asked_what_keeps_it_away():
    here = world(listed=listing(cr(**AWAY)))
    here.registries.token = Script(token())

    error = await refused(wait_healthy(here, site(), facts(), None, lambda _: None))

    assert (error.reason, error.rule, here.clock.slept) == (Reason.CREDENTIAL_UNUSABLE, "C4", [])


async def test_after_a_change_a_registry_is_given_time_before_it_is_asked_what_keeps_it_away():
    here = world(listed=listing(cr(**AWAY)))
    here.registries.token = Script(token())

    error = await refused(wait_healthy(here, site(), facts(), NOW, lambda _: None))

    assert (error.rule, here.clock.now) == ("C4", 120)


async def test_a_registry_whose_parent_is_away_waits_for_it():
    listed = Script({"berlinplant": cr(**AWAY, parent="Hub"), "hub": cr(**AWAY, name="hub")})
    here = world(listed=listed, extension_evidence=Script(ExtensionEvidence()))

    error = await refused(wait_healthy(here, site(), facts(), NOW, lambda _: None))

    assert (error.reason, error.rule) == (Reason.PARENT_NOT_READY, "C3")


@pytest.mark.parametrize("may", [Reason.FORBIDDEN, Reason.SYNC_TOKEN_NOT_FOUND])
async def test_a_token_that_may_not_be_read_hides_nothing_and_one_that_is_gone_is_told(may):
    here = world(listed=listing(cr(**AWAY), cr(last_activity=LATER)))
    here.registries.token = Script(PermanentError(may, "no"))
    step = wait_healthy(here, site(), facts(), None, lambda _: None)

    if may is Reason.FORBIDDEN:
        assert (await step).last_activity == LATER
    else:
        assert (await refused(step)).reason is may


async def test_a_healthy_registry_costs_no_look_at_its_token():
    here = world()

    await wait_healthy(here, site(), facts(), None, lambda _: None)

    assert here.registries.token.calls == []


async def test_contact_must_be_newer_than_our_change():
    here, told = world(listed=listing(cr(), cr(), cr(last_activity=LATER))), []

    found = await wait_healthy(here, site(), facts(), LATER, told.append)

    assert found.last_activity == LATER
    assert [finding.verdict for finding in told] == ["progressing", "healthy"]
    assert here.clock.slept == [5.0, 5.0]


async def test_where_nothing_was_changed_any_contact_will_do():
    assert await wait_healthy(world(), site(), facts(), None, lambda _: None) == cr()


async def test_a_broken_extension_is_told_before_any_waiting():
    here = world()

    error = await refused(wait_healthy(here, site(), facts(extension=extension("Failed")), None, lambda _: None))

    assert (error.reason, here.clock.slept) == (Reason.EXTENSION_FAILED, [])


async def test_a_registry_that_never_comes_fails_for_its_clusters_sake_if_that_is_gone():
    never = cr(connection_state="Offline", activation="Inactive", last_sync=None)
    here = world(listed=listing(never), clusters=(cluster("Offline"),))

    assert (await refused(wait_healthy(here, site(), facts(), NOW, lambda _: None))).reason is Reason.ARC_OFFLINE


HALF_PAST = NOW + minutes(30)
RESTING = {"connection_state": "Offline", "schedule": "0 * * * *", "sync_window": "PT5M", "last_sync": NOW}


async def test_a_registry_between_its_syncs_is_as_it_should_be_where_nothing_was_changed():
    resting = cr(**RESTING)
    here = world(listed=listing(resting), times=(HALF_PAST,))

    assert await wait_healthy(here, site(), facts(connected_registry=resting), None, lambda _: None) == resting


async def test_after_a_change_the_next_sync_of_a_registry_with_windows_is_waited_for():
    resting = cr(**RESTING)
    here = world(listed=listing(resting), times=(HALF_PAST,))

    error = await refused(
        wait_healthy(here, site(), facts(connected_registry=resting), NOW + minutes(20), lambda _: None)
    )

    assert (error.reason, error.rule) == (Reason.SCHEDULED_GAP, "C9")
    assert here.clock.now == pytest.approx((30 + 15) * 60)


async def test_a_connected_registry_that_does_not_exist_is_told_with_the_command():
    error = await refused(observe(world(listed=Script({})), site(), {}))

    assert error.reason is Reason.CONNECTED_REGISTRY_NOT_FOUND
    assert error.remedy.startswith("az acr connected-registry create --registry acreu1 --name berlinplant")


async def test_an_image_out_of_scope_is_told_before_any_waiting():
    here = world(actions=[])

    error = await refused(check_sync(here, site(), facts(), [IMAGE], changed_at=NOW, on_change=lambda _: None))

    assert (error.reason, here.clock.slept) == (Reason.NOT_IN_SCOPE, [])


async def test_each_image_gets_a_finding_with_its_grade():
    here = world(listed=listing(cr(last_sync=None), cr(last_sync=LATER)))

    found = await check_sync(here, site(), facts(), [IMAGE, IMAGE], changed_at=NOW, on_change=lambda _: None)

    assert [(finding.rule, finding.grade) for finding in found] == [("S7", "D"), ("S7", "D")]


async def test_an_image_that_runs_already_is_not_waited_for():
    live = {"web": deployment(pod(PINNED))}
    here = world(listed=listing(cr(last_sync=None)))

    (found,) = await check_sync(
        here, site(), facts(workloads=live), [IMAGE], changed_at=LATER, on_change=lambda _: None
    )

    assert (found.rule, found.grade, here.clock.slept) == ("S3", "A", [])


@pytest.mark.parametrize(
    ("reason", "ends"), [(Reason.NOT_IN_CLOUD, Reason.NOT_IN_CLOUD), (Reason.FORBIDDEN, None)], ids=["absent", "secret"]
)
async def test_an_image_that_the_cloud_lacks_never_arrives_and_one_that_may_not_be_read_may(reason, ends):
    here = world()
    here.images.digest = here.images.pushed = Script(PermanentError(reason, "no"))
    step = check_sync(here, site(), facts(), [IMAGE], changed_at=None, on_change=lambda _: None)

    if ends:
        assert (await refused(step)).rule == "S1"
    else:
        assert [finding.grade for finding in await step] == ["D"]


async def test_a_registry_above_must_let_the_image_through_too():
    listed = Script({"berlinplant": cr(parent="hub"), "hub": cr(name="hub", sync_token_id="…/tokens/hub")})
    here = world(listed=listed)
    here.registries.scope_actions = Script(SCOPE, [])

    error = await refused(check_sync(here, site(), facts(connected_registry=cr(parent="hub")), [IMAGE],
                                     changed_at=None, on_change=lambda _: None))  # fmt: skip

    assert (error.reason, "--name hub" in error.remedy) == (Reason.NOT_IN_SCOPE, True)


async def test_registries_that_are_above_each_other_end_the_walk():
    listed = Script({"berlinplant": cr(parent="hub"), "hub": cr(name="hub", parent="berlinplant")})

    found = await check_sync(world(listed=listed), site(), facts(connected_registry=cr(parent="hub")), [IMAGE],
                             changed_at=None, on_change=lambda _: None)  # fmt: skip

    assert len(found) == 1


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


PINNED = container(ready=True, image=f"10.96.0.50/app/web@{DIGEST}", image_id=f"10.96.0.50/app/web@{DIGEST}")


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
