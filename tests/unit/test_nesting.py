"""Plans of nested sites together: nothing below what is not well, nothing written twice."""

from dataclasses import replace

import yaml
from examples import HEAD, LOGIN_SERVER, cluster, facts, fleet

from arcfleet.core.facts import RegistryContents, RegistryFacts
from arcfleet.core.planning.ensure import changes
from arcfleet.core.planning.ensure_effects import applied, expected
from arcfleet.core.planning.nesting import combined, parents_first
from arcfleet.core.planning.plan import Disposition, plan
from arcfleet.core.reasons import Reason

OFF = RegistryFacts("acreu1", LOGIN_SERVER, "Premium", data_endpoint_enabled=False)
EMPTY = RegistryContents()


def sites(parents, **extra):
    """Return sites with `ensure` in this order: name to parent."""
    entries = [
        {
            "name": name, "registry": "acreu1", "connectedRegistry": f"{name}plant", "clusterIP": "10.96.0.50",
            "cluster": {"name": f"k-{name}", "resourceGroup": "rg"}, "ensure": True,
            "connectedRegistrySettings": {"repositories": ["base"]}, **({"parent": parent} if parent else {}), **extra,
        }
        for name, parent in parents.items()
    ]  # fmt: skip
    return fleet(HEAD + yaml.safe_dump({"sites": entries})).sites


def planned(chosen, **values):
    """Plan sites of an empty registry, each for itself; `values` are facts by site."""
    plans = []
    for site in chosen:
        parts = {"extension": None, "connected_registry": expected(site, EMPTY), **values.get(site.name, {})}
        plans.append(plan(site, replace(facts(**parts), registry=OFF, contents=EMPTY), ()))
    return plans


def calls(made):
    return [f"{call.method} {call.target.partition('/registries/acreu1')[2]}" for call in made.calls]


def test_parents_come_first_and_siblings_in_their_own_order():
    chosen = sites({"leaf": "mid", "z": "hub", "mid": "hub", "hub": None, "alone": None})

    assert [site.name for site in parents_first(chosen)] == ["hub", "alone", "z", "mid", "leaf"]


def test_what_is_shared_is_written_once_and_extended_by_the_next():
    chosen = sites({"leaf": "hub", "hub": None}, clientToken="shared")

    made = combined(chosen, planned(chosen))

    assert list(made) == ["leaf", "hub"]
    assert calls(made["hub"])[:6] == [
        "PATCH ", "PUT /scopeMaps/hubplant", "PUT /tokens/hubplant", "PUT /scopeMaps/shared", "PUT /tokens/shared",
        "PUT /connectedRegistries/hubplant",
    ]  # fmt: skip
    assert calls(made["leaf"])[:4] == [
        "PUT /scopeMaps/leafplant", "PATCH /scopeMaps/hubplant", "PUT /tokens/leafplant",
        "PUT /connectedRegistries/leafplant",
    ]  # fmt: skip
    assert made["leaf"].because[1] == "sync scope map of hubplant: + gateway leafplant"
    assert len(made["leaf"].because) == len(made["leaf"].ensure) + 1


def test_nothing_is_begun_below_a_site_at_which_nothing_is_done():
    chosen = sites({"hub": None, "mid": "hub", "leaf": "mid", "alone": None})

    made = combined(chosen, planned(chosen, hub={"cluster": cluster("Offline")}))

    assert [one.disposition for one in made.values()] == [
        Disposition.DEFERRED, Disposition.BLOCKED, Disposition.BLOCKED, Disposition.CREATE,
    ]  # fmt: skip
    assert made["mid"].finding.reason is Reason.PARENT_NOT_READY
    assert "site hub, its parent, deferred" in made["mid"].finding.message
    assert calls(made["alone"])[0] == "PATCH "


def test_a_plan_keeps_what_it_does_besides():
    (alone,) = planned(sites({"hub": None}))

    left = alone.ensuring(())

    assert (left.because, left.disposition) == (("extension newest version",), Disposition.CREATE)
    assert left.calls == alone.calls[len(alone.ensure) :]
    assert alone.ensuring(alone.ensure) is alone


def test_a_site_for_which_others_do_everything_has_nothing_to_do():
    one, two = sites({"hub": None, "alone": None}, clientToken="shared")
    held = applied(changes(one, OFF, EMPTY, ("base",)), OFF, EMPTY)[1]
    held = applied(changes(two, OFF, held, ("base",)), OFF, held)[1]
    seen = replace(facts(connected_registry=held.connected["hubplant"]), contents=held)
    cr = replace(seen.connected_registry, connection_state="Online", activation="Active")
    wanting = [plan(site, replace(seen, registry=OFF, connected_registry=cr), ()) for site in (one, two)]

    made = combined((one, two), wanting)

    assert [one.because for one in wanting] == [("dedicated data endpoint: off -> on",)] * 2
    assert [one.disposition for one in made.values()] == [Disposition.UPDATE, Disposition.NOOP]
    assert made["alone"].calls == ()
