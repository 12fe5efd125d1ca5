"""The plan of a fleet: what it amounts to, and how it reads."""

from dataclasses import replace
from datetime import timedelta

from examples import NOW, applied, cluster, cr, extension, facts, site, wanted

from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.planning import fleet_plan
from arcfleet.core.planning.fleet_plan import FleetPlan
from arcfleet.core.planning.plan import Disposition, plan
from arcfleet.core.reasons import Reason

WEB = wanted()
SECRET = ("default", "regcred")
NEVER = cr(connection_state="Offline", activation="Inactive", last_sync=None)
FRESH = plan(site(), facts(extension=None, connected_registry=NEVER, workloads={"web": None}), (WEB,))
HEALTHY = plan(site(), facts(workloads={"web": applied(WEB)}, pull_secrets={SECRET: True}), (WEB,))
OTHER = replace(applied(WEB), applied_hash="0")
CHANGED = plan(
    site(), facts(extension=extension(settings={}), workloads={"web": OTHER}, pull_secrets={SECRET: True}), (WEB,)
)
AWAY = plan(site(), facts(cluster=cluster("Offline")), (WEB,))
NODE = Finding(Verdict.FAILED, Reason.NO_SUITABLE_NODE, "cluster", "no node", "N7", remedy="add one")
UNCHECKED = Finding(Verdict.UNKNOWN, Reason.NOT_CHECKED, "rights", "not checked: rights", "N5", ("forbidden",))
BLOCKED = FRESH.judged((NODE,))


def fleet(**sites):
    return FleetPlan("plants", NOW, 10, sites)


def test_the_calls_of_a_fresh_site_are_listed_in_their_order():
    assert [str(call) for call in FRESH.calls] == [
        "POST registries/acreu1/generateCredentials",
        "PUT connectedClusters/k-berlin/extensions/berlinplant",
        "POST registries/acreu1/generateCredentials",
        "LOGIN k-berlin namespaces/default/secrets/regcred",
        "APPLY k-berlin namespaces/default/deployments/web",
    ]


def test_a_login_that_the_site_has_already_costs_no_password():
    other = wanted("app/web:stable", pullSecret="second", namespace="shop")
    seen = facts(workloads={"web": None}, pull_secrets={SECRET: True, ("shop", "second"): False})

    made = plan(site(), seen, (WEB, other))

    assert [call.method for call in made.calls] == ["LOGIN", "APPLY", "APPLY"]


def test_a_plan_says_what_it_disturbs():
    assert fleet_plan.effect(FRESH) == ""
    assert fleet_plan.effect(CHANGED) == "restarts the registry pod, rolls 1 pod of web"


def test_the_sum_of_a_plan():
    lines = fleet_plan.summary(fleet(a=FRESH, b=FRESH, c=CHANGED, d=HEALTHY, e=AWAY, f=BLOCKED))

    assert lines == (
        "3 sites change · 1 deferred · 1 blocked",
        "2 pods start · 1 pod rolls · 1 registry pod restarts · 5 passwords are generated, none into a slot in use",
        "8 writes to Azure, 5 to the clusters · 3 sites at a time",
    )


def test_sites_of_which_the_same_is_said_are_told_together():
    groups = fleet(a=FRESH, b=HEALTHY, c=FRESH, d=BLOCKED).groups

    assert [names for names, _ in groups] == [["a", "c"], ["b"], ["d"]]


def test_what_could_not_be_checked_is_told_once_with_its_sites():
    noted = FRESH.judged((UNCHECKED,))

    assert fleet(a=noted, b=noted).unchecked == {("not checked: rights", "forbidden"): ["a", "b"]}


def test_a_plans_id_follows_what_it_does_and_nothing_else():
    made = fleet(a=FRESH, b=HEALTHY)
    later = FleetPlan("plants", NOW + timedelta(hours=1), 10, {"a": FRESH.judged((UNCHECKED,)), "b": HEALTHY})

    assert made.id == later.id
    assert made.id != fleet(a=CHANGED, b=HEALTHY).id
    assert len(made.id) == 8


def test_json_has_every_call_and_finding_and_no_call_of_a_blocked_site():
    value = fleet_plan.to_json(fleet(a=FRESH, d=BLOCKED))

    assert [len(entry["calls"]) for entry in value["sites"]] == [5, 0]
    assert value["sites"][1]["finding"]["remedy"] == "add one"
    assert value["counts"][Disposition.BLOCKED] == 1


def test_a_row_says_what_is_done_and_what_to_do():
    rows = fleet_plan.rows(fleet(a=FRESH, b=HEALTHY, d=BLOCKED))

    assert [row["plan"] for row in rows] == ["+ create", "= noop", "✗ blocked"]
    assert rows[1]["what"] == "nothing to do"
    assert (rows[2]["what"], rows[2]["do"]) == ("no node", "add one")
