"""Sites with `ensure`: what their connected registries need is made, kept and extended; parents before children."""

from __future__ import annotations

import asyncio

import yaml

from arcfleet.core.planning import scope_actions
from arcfleet.core.reasons import Reason
from arcfleet.core.runs.outcomes import Result, Status
from arcfleet.gateways import connect
from tests.conftest import fleet_of, fleet_text, settings_of
from tests.flows.test_planning import calls_of, planned, writes_of

ENSURE = "ensure connected registry"
CHAIN = {"s2": "s1", "s3": "s2"}
SIBLINGS = {"s2": "s1", "s3": "s1"}


def nested(parents: dict[str, str], count: int = 3, **overrides) -> str:
    """Return a fleet of sites with `ensure`; `parents` names each child's parent."""
    value = yaml.safe_load(fleet_text(count, ensure=True, **overrides))
    for site in value["sites"]:
        if site["name"] in parents:
            site["parent"] = parents[site["name"]]
    return yaml.safe_dump(value)


def arm_writes(sim) -> dict[str, int]:
    """Return how often each kind of thing in the registry was written since the last reset."""
    kinds = {kind.removeprefix("arm "): n for kind, n in sim.counters()["byKind"].items()}
    return {kind: n for kind, n in kinds.items() if kind.startswith(("PUT", "PATCH")) and "extensions" not in kind}


async def held_by(sim, text: str):
    """Return connected registries and scope maps as the real clients see them now."""
    ref = fleet_of(text).sites[0].registry_ref
    async with connect(settings_of(sim)) as gateways:
        return await asyncio.gather(
            gateways.registries.connected_registries(ref, max_age=0), gateways.registries.scope_maps(ref, max_age=0)
        )


async def test_an_empty_registry_is_brought_up_parents_first_and_then_left_alone(simulate, deploy, recorder):
    text = nested(CHAIN)
    sim = simulate(fleet_of(text), extensionInstall=60)
    plan = await planned(sim, text)
    assert sim.counters()["writes"] == 0

    report = await deploy(sim, text)

    assert writes_of(sim) == calls_of(plan)

    assert [(outcome.site, outcome.status) for outcome in report.outcomes] == [
        ("s1", Status.SUCCEEDED), ("s2", Status.SUCCEEDED), ("s3", Status.SUCCEEDED),
    ]  # fmt: skip
    assert arm_writes(sim) == {
        "PATCH registries": 1, "PUT scopeMaps": 6, "PUT tokens": 6, "PUT connectedRegistries": 3, "PATCH scopeMaps": 3,
    }  # fmt: skip
    order = [site for site, _ in recorder.steps]
    assert order == sorted(order)
    connected, _ = await held_by(sim, text)
    assert {name: (cr.connection_state, cr.parent) for name, cr in connected.items()} == {
        "plant1": ("Online", None), "plant2": ("Online", "plant1"), "plant3": ("Online", "plant2"),
    }  # fmt: skip

    sim.post("/counters/reset")
    again = await deploy(sim, text)

    counters = sim.counters()
    assert [outcome.status for outcome in again.outcomes] == [Status.NOOP] * 3
    assert (counters["writes"], counters["unknownRoutes"]) == (0, 0)
    for kinds in counters["bySite"].values():
        assert sum(n for kind, n in kinds.items() if kind.startswith("arm")) == 2
    shared = {kind for kind in counters["byKind"] if kind.startswith("arm")}
    assert shared == {
        "arm GET connectedClusters", "arm GET extensions", "arm GET registries",
        "arm LIST connectedRegistries", "arm LIST scopeMaps", "arm LIST tokens",
    }  # fmt: skip


async def test_a_schedule_changed_in_the_file_is_one_patch(simulate, deploy):
    text = nested({}, 1)
    sim = simulate(fleet_of(text), extensionInstall=60)
    await deploy(sim, text)
    sim.post("/counters/reset")
    changed = nested({}, 1, connectedRegistrySettings={"schedule": "*/5 * * * *"})

    report = await deploy(sim, changed)

    assert report.outcomes[0].changes == ("schedule: * * * * * -> */5 * * * *",)
    assert arm_writes(sim) == {"PATCH connectedRegistries": 1}
    assert "arm PATCH extensions" not in sim.counters()["byKind"]
    again = await deploy(sim, changed)
    assert again.outcomes[0].status is Status.NOOP


async def test_an_added_workload_is_let_through_at_two_children_of_one_parent_at_once(simulate, deploy):
    text = nested(SIBLINGS)
    sim = simulate(fleet_of(text), extensionInstall=60)
    await deploy(sim, text)
    value = yaml.safe_load(text)
    for site in value["sites"][1:]:
        own = {"name": "own", "image": f"app/{site['name']}:stable"}
        site["workloads"] = [{"name": "web", "image": "app/web:stable"}, own]
        sim.push("acreu1", f"app/{site['name']}", "stable")
    plan = await planned(sim, yaml.safe_dump(value))
    before = writes_of(sim)
    sim.post("/counters/reset")

    report = await deploy(sim, yaml.safe_dump(value))

    assert writes_of(sim) - before == calls_of(plan)

    assert [outcome.status for outcome in report.outcomes] == [Status.NOOP, Status.SUCCEEDED, Status.SUCCEEDED]
    assert report.outcomes[1].changes == (
        "sync scope map: + app/s2", "sync scope map of plant1: + app/s2", "client scope map: + app/s2", "workload own",
    )  # fmt: skip
    assert arm_writes(sim) == {"PATCH scopeMaps": 6}
    _, maps = await held_by(sim, text)
    added = {action for site in ("s2", "s3") for action in scope_actions.of_mode((f"app/{site}",), "ReadOnly")}
    gateways = {action for name in ("plant1", "plant2", "plant3") for action in scope_actions.of_gateway(name)}
    assert set(maps["plant1"].actions) == added | gateways | set(scope_actions.of_mode(("app/web",), "ReadOnly"))


async def test_what_failed_half_way_is_done_by_the_next_run_and_its_child_waits_for_it(simulate, deploy, recorder):
    text = nested({"s2": "s1"}, 2)
    sim = simulate(fleet_of(text), extensionInstall=60)
    refusal = {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "no right to do that"}}}
    sim.fault({"method": "PUT", "path": "connectedRegistries/plant1", "times": 1, "effect": refusal})

    report = await deploy(sim, text)

    assert [outcome.status for outcome in report.outcomes] == [Status.FAILED, Status.BLOCKED]
    assert report.outcomes[0].steps[-1].step == ENSURE
    assert (report.outcomes[0].finding.reason, report.outcomes[1].finding.reason) == (
        Reason.FORBIDDEN, Reason.PARENT_NOT_READY,
    )  # fmt: skip
    assert {site for site, _ in recorder.steps} == {"s1"}
    sim.post("/counters/reset")

    again = await deploy(sim, text)

    assert again.result is Result.COMPLETED
    assert again.outcomes[0].changes[0] == "connected registry plant1 (ReadOnly, every minute)"
    assert arm_writes(sim) == {
        "PUT connectedRegistries": 2, "PUT scopeMaps": 2, "PUT tokens": 2, "PATCH scopeMaps": 1,
    }  # fmt: skip


async def test_a_child_alone_goes_by_what_azure_shows_of_its_parent(simulate, deploy):
    text = nested({"s2": "s1"}, 2)
    sim = simulate(fleet_of(text), extensionInstall=60)

    early = await deploy(sim, text, sites=["s2"])

    assert (early.outcomes[0].status, early.outcomes[0].finding.reason) == (Status.FAILED, Reason.PARENT_NOT_READY)
    assert sim.counters()["writes"] == 0
    await deploy(sim, text, sites=["s1"])

    late = await deploy(sim, text, sites=["s2"])

    assert [(outcome.site, outcome.status) for outcome in late.outcomes] == [("s2", Status.SUCCEEDED)]
