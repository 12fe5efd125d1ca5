"""The look into a cluster, workloads of every kind, and push times, through the real clients."""

from __future__ import annotations

from datetime import timedelta

import pytest

from arcfleet.core.kube import workload_drift, workloads
from arcfleet.core.names import ImageRef
from arcfleet.core.passwords import credentials
from arcfleet.core.verdicts.pods import judge
from arcfleet.gateways import connect
from tests.conftest import fleet_of, fleet_text, settings_of

FLEET = fleet_of(fleet_text(1))
SITE = FLEET.sites[0]
HOST = "acreu1.azurecr.io"


def user(name: str, **rights):
    def change(world):
        world["clusters"][0]["kubernetes"]["user"] = {"name": name, **rights}

    return change


async def installed(sim, here) -> None:
    """Install the extension with a password that is then replaced."""
    cr = (await here.registries.connected_registries(SITE.registry_ref, max_age=0))["plant1"]
    minted = await here.registries.generate_password(SITE.registry_ref, cr.sync_token_id, "password1")
    text = credentials.connection_string(cr, getattr(minted, "password", minted))
    await here.extensions.apply(SITE, text, exists=False, on_status=lambda _: None)
    sim.post("/password", {"registry": "acreu1", "token": "plant1", "name": "password1"})
    sim.step(600)


async def test_the_registrys_pod_its_claim_and_its_log_are_read_without_secrets(simulate):
    sim = simulate(FLEET, extensionInstall=20)
    async with connect(settings_of(sim)) as here:
        await installed(sim, here)
        found = await here.kubernetes.extension_evidence(SITE)

    assert [pod.ready for pod in found.pods] == [True]
    assert (found.claim.phase, found.unread) == ("Bound", ())
    assert "Incorrect Password" in found.log[-1]
    assert not any(secret in line for secret in sim.secrets() for line in found.log)


async def test_an_empty_cluster_shows_nothing_and_that_is_no_error(simulate):
    sim = simulate(FLEET)
    async with connect(settings_of(sim)) as here:
        found = await here.kubernetes.extension_evidence(SITE)

    assert (found.pods, found.claim, found.log, found.events, found.unread) == ((), None, (), (), ())


async def test_what_may_not_be_read_is_said(simulate):
    sim = simulate(FLEET, change=user("stranger", role="edit", namespaces=["default"]))
    async with connect(settings_of(sim)) as here:
        found = await here.kubernetes.extension_evidence(SITE)

    assert len(found.unread) == 3
    assert all(line.startswith("could not look: ") and "forbidden" in line for line in found.unread)


async def test_a_cluster_that_does_not_answer_is_said(simulate):
    sim = simulate(FLEET)
    sim.site("k-s1", reachable=False)
    async with connect(settings_of(sim)) as here:
        found = await here.kubernetes.extension_evidence(SITE)

    assert all("does not answer" in line for line in found.unread)


async def test_a_tags_push_time_is_read_once(simulate):
    sim = simulate(FLEET)
    digest = sim.push("acreu1", "app/web", "next")
    async with connect(settings_of(sim)) as here:
        now = await here.registries.registry(SITE.registry_ref) and await here.registries.service_time()
        times = [await here.images.pushed(HOST, ImageRef("app/web", "next")) for _ in range(3)]
        unknown = await here.images.pushed(HOST, ImageRef("app/web", "never"))
        pinned = await here.images.pushed(HOST, ImageRef("app/web", digest))

    assert len(set(times)) == 1
    assert abs(times[0] - now) < timedelta(minutes=5)
    assert (unknown, pinned) == (None, None)
    assert sim.counters()["byKind"]["registry GET _tags"] == 2


TEMPLATE = """
apiVersion: apps/v1
kind: {kind}
metadata: {{name: agent}}
spec:
  {extra}
  selector: {{matchExpressions: [{{key: app, operator: In, values: [agent, other]}}]}}
  template:
    metadata: {{labels: {{app: agent}}}}
    spec: {{containers: [{{name: agent, image: "mcr.microsoft.com/agent:1"}}]}}
"""
KINDS = {"DaemonSet": "", "StatefulSet": "{serviceName: agent, replicas: 2}", "Deployment": "{replicas: 2}"}


@pytest.mark.parametrize("kind", KINDS)
async def test_workloads_of_every_kind_are_applied_and_judged(simulate, kind):
    extra = KINDS[kind].strip("{}").replace(", ", "\n  ")
    manifest = workloads.parse_manifest(TEMPLATE.format(kind=kind, extra=extra), "agent.yaml")
    named = [{"name": "agent", "manifest": "agent.yaml", "pin": "tag"}]
    site = fleet_of(fleet_text(1, workloads=named)).sites[0]
    wanted = workloads.desired(site, site.workloads[0], manifest, HOST, {})
    sim = simulate(FLEET)
    async with connect(settings_of(sim)) as here:
        assert await here.kubernetes.workload(site, "default", "agent", kind) is None
        for item in wanted.objects:
            await here.kubernetes.apply(site, item)
        sim.step(120)
        live = await here.kubernetes.workload(site, "default", wanted.name, wanted.kind)

    assert judge(live, "agent").rule == "P2"
    assert (live.kind, workload_drift.differences(wanted, live)) == (kind, ())
    assert len(live.pods) == live.desired
