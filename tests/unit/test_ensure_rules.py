"""Rules of `ensure`: what is missing is made, what differs is changed, what can't be changed is said, and no more."""

import copy
from dataclasses import replace

import pytest
import yaml
from examples import HEAD, REGISTRY_ID, fleet
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core.facts import ConnectedRegistryFacts, RegistryContents, RegistryFacts, ScopeMapFacts, TokenFacts
from arcfleet.core.names import ImageRef
from arcfleet.core.planning import ensure, scope_actions
from arcfleet.core.planning.calls import Call
from arcfleet.core.planning.ensure import Kind, changes, client_token, finding, lineage
from arcfleet.core.planning.ensure_effects import NOT_YET, applied, expected
from arcfleet.core.reasons import Reason

ON = RegistryFacts("acreu1", "acreu1.azurecr.io", "Premium", data_endpoint_enabled=True)
OFF = replace(ON, data_endpoint_enabled=False)
EMPTY = RegistryContents()
WEB = ("app/web",)


def sites(*extras, **common):
    """Return nested sites s1, s2, …, each below the one before; `extras` are further keys of each."""
    entries = []
    for i, extra in enumerate(extras or ({},), start=1):
        parent = {"parent": f"s{i - 1}"} if i > 1 else {}
        entries.append(
            {
                "name": f"s{i}", "registry": "acreu1", "connectedRegistry": f"Plant{i}", "ensure": True,
                "cluster": {"name": f"k{i}", "resourceGroup": "rg"}, "clusterIP": "10.96.0.50",
                **parent, **common, **copy.deepcopy(extra),
            }
        )  # fmt: skip
    return fleet(HEAD + yaml.safe_dump({"sites": entries})).sites


def site(**extra):
    return sites(extra)[0]


def made(*chain, wanted=WEB):
    """Return what the registry holds once these sites are ensured."""
    held = EMPTY
    for one in chain:
        held = applied(changes(one, ON, held, wanted), ON, held)[1]
    return held


def lines(found):
    return [change.because for change in found]


def calls(found):
    return [f"{change.call.method} {change.call.target.removeprefix(REGISTRY_ID)}" for change in found]


def test_an_empty_registry_gets_everything_in_an_order_that_holds():
    found = changes(site(), OFF, EMPTY, WEB)

    assert calls(found) == [
        "PATCH ", "PUT /scopeMaps/plant1", "PUT /tokens/plant1", "PUT /scopeMaps/Plant1-pull",
        "PUT /tokens/Plant1-pull", "PUT /connectedRegistries/Plant1",
    ]  # fmt: skip
    assert lines(found) == [
        "dedicated data endpoint: off -> on",
        "sync scope map plant1: app/web, gateway plant1",
        "sync token plant1",
        "client scope map Plant1-pull: app/web",
        "client token Plant1-pull",
        "connected registry Plant1 (ReadOnly, every minute)",
    ]
    assert [change.kind for change in found] == [
        Kind.DATA_ENDPOINT, Kind.SCOPE_MAP, Kind.TOKEN, Kind.SCOPE_MAP, Kind.TOKEN, Kind.CONNECTED_REGISTRY,
    ]  # fmt: skip


def test_what_is_written_names_what_it_needs():
    _, sync, token, client, _, connected = changes(site(), OFF, EMPTY, WEB)

    assert sync.actions == (*scope_actions.of_mode(WEB, "ReadOnly"), *scope_actions.of_gateway("plant1"))
    assert client.actions == scope_actions.of_mode(WEB, "ReadOnly")
    assert (token.name, token.scope_map) == ("plant1", "plant1")
    assert connected.spec.sync_token_id == f"{REGISTRY_ID}/tokens/plant1"
    assert connected.spec.client_token_ids == (f"{REGISTRY_ID}/tokens/Plant1-pull",)
    assert connected.spec.parent_id is None
    assert Call("PUT", f"{REGISTRY_ID}/tokens/plant1") == token.call


def test_a_site_as_it_should_be_is_left_alone():
    assert changes(site(), ON, made(site()), WEB) == ()


def test_a_site_without_repositories_has_nobody_pull_from_it():
    assert calls(changes(site(), ON, EMPTY, ())) == [
        "PUT /scopeMaps/plant1", "PUT /tokens/plant1", "PUT /connectedRegistries/Plant1",
    ]  # fmt: skip


def test_a_readwrite_registry_may_write_and_its_clients_still_only_read():
    one = site(connectedRegistrySettings={"mode": "ReadWrite"})
    sync, _, client, *_ = changes(one, ON, EMPTY, WEB)

    assert "repositories/app/web/content/delete" in sync.actions
    assert client.actions == scope_actions.of_mode(WEB, "ReadOnly")


def test_the_mode_that_exists_decides_the_rights():
    one = site()
    held = made(site(connectedRegistrySettings={"mode": "ReadWrite"}))

    (sync, _client) = changes(one, ON, held, ("app/web", "db"))

    assert sync.actions == scope_actions.of_mode(("db",), "ReadWrite")


def test_an_added_repository_extends_self_ancestors_and_the_client_token():
    chain = sites({}, {}, {})

    found = changes(chain[2], ON, made(*chain), ("app/web", "db"))

    assert lines(found) == [
        "sync scope map: + db", "sync scope map of Plant2: + db", "sync scope map of Plant1: + db",
        "client scope map: + db",
    ]  # fmt: skip
    assert {change.call.method for change in found} == {"PATCH"}


def test_a_nested_registry_is_let_through_by_all_above_it():
    chain = sites({}, {}, {})

    found = changes(chain[2], ON, made(*chain[:2]), WEB)

    assert lines(found)[:3] == [
        "sync scope map plant3: app/web, gateway plant3",
        "sync scope map of Plant2: + gateway plant3",
        "sync scope map of Plant1: + gateway plant3",
    ]
    assert lines(found)[-1] == "connected registry Plant3 (ReadOnly, every minute, below Plant2)"
    assert found[-1].spec.parent_id == f"{REGISTRY_ID}/connectedRegistries/Plant2"


def test_what_is_above_is_extended_even_where_it_is_still_to_be_made():
    found = changes(sites({}, {})[1], ON, EMPTY, WEB)

    assert (found[1].call.method, found[1].because) == ("PATCH", "sync scope map of Plant1: + app/web, gateway plant2")


def test_what_others_added_to_a_scope_map_stays():
    held = made(site())
    theirs = replace(
        held.scope_maps["plant1"], actions=(*held.scope_maps["plant1"].actions, "repositories/x/content/read")
    )

    assert changes(site(), ON, replace(held, scope_maps={**held.scope_maps, "plant1": theirs}), WEB) == ()


def test_a_sync_token_of_another_name_keeps_its_own_scope_map():
    held = made(site())
    cr = replace(held.connected["plant1"], sync_token_id=f"{REGISTRY_ID}/tokens/mine")
    held = RegistryContents(
        {"plant1": cr},
        {**held.scope_maps, "map": ScopeMapFacts("map", scope_actions.of_gateway("plant1"))},
        {**held.tokens, "mine": TokenFacts("mine", "enabled", f"{REGISTRY_ID}/scopeMaps/map")},
    )

    (only,) = changes(site(), ON, held, WEB)

    assert (only.name, only.because) == ("map", "sync scope map: + app/web")


def test_half_of_it_made_leaves_the_rest():
    everything = changes(site(), ON, EMPTY, WEB)

    for done in range(len(everything) + 1):
        held = applied(everything[:done], ON, EMPTY)[1]
        assert calls(changes(site(), ON, held, WEB)) == calls(everything[done:])


def test_a_scope_map_that_every_registry_has_is_never_changed():
    held = made(site())
    pull = replace(held.tokens["plant1-pull"], scope_map_id=f"{REGISTRY_ID}/scopeMaps/_repositories_pull")
    held = replace(held, tokens={**held.tokens, "plant1-pull": pull})

    assert lines(changes(site(), ON, held, ("app/web", "db"))) == ["sync scope map: + db"]


def test_settings_that_differ_are_one_write():
    one = site(connectedRegistrySettings={"schedule": "0 2 * * *", "window": "4h"})

    (only,) = changes(one, ON, made(site()), WEB)

    assert (only.call.method, only.kind) == ("PATCH", Kind.CONNECTED_REGISTRY)
    assert only.because == "schedule: * * * * * -> 0 2 * * *; window: none -> PT4H"
    assert not only.needs_sync


SYNCED = {Kind.DATA_ENDPOINT: False, Kind.SCOPE_MAP: True, Kind.TOKEN: False, Kind.CONNECTED_REGISTRY: True}


def test_a_sync_must_bring_rights_and_client_tokens():
    assert {change.kind: change.needs_sync for change in changes(site(), OFF, EMPTY, WEB)} == SYNCED


def standing(*tokens: str) -> ConnectedRegistryFacts:
    return replace(made(site()).connected["plant1"], client_token_ids=tuple(f"…/tokens/{name}" for name in tokens))


TOKENS = {
    "none yet": ({}, None, "Plant1-pull"),
    "named in the file": ({"clientToken": "mine"}, standing("theirs"), "mine"),
    "the only one there is": ({}, standing("theirs"), "theirs"),
    "none of several is meant": ({}, standing("a", "b"), "Plant1-pull"),
}


@pytest.mark.parametrize(("extra", "cr", "name"), TOKENS.values(), ids=TOKENS)
def test_the_client_token_is_the_files_or_the_only_one_or_a_new_one(extra, cr, name):
    assert client_token(site(**extra), cr) == name


def test_the_line_of_ancestors_is_azures_where_it_exists():
    chain = sites({}, {}, {})
    held = made(*chain[:2])
    under = replace(held.connected["plant1"], parent="elsewhere")

    assert lineage(chain[2], EMPTY) == ("Plant2", "Plant1")
    assert lineage(chain[2], replace(held, connected={**held.connected, "plant1": under})) == (
        "Plant2", "Plant1", "elsewhere",
    )  # fmt: skip


def test_a_line_of_ancestors_that_bites_its_tail_ends():
    cr = made(site()).connected["plant1"]
    held = RegistryContents({"plant1": replace(cr, parent="b"), "b": replace(cr, name="b", parent="Plant1")})

    assert lineage(site(), held) == ("b", "Plant1")


def test_repositories_are_those_named_and_those_of_images():
    one = site(connectedRegistrySettings={"repositories": ["base", "app/web"]})

    assert ensure.repositories(one, (ImageRef("app/web", "1"), ImageRef("db", "2"))) == ("base", "app/web", "db")


def test_what_is_expected_is_fresh_and_has_no_endpoint_yet():
    one = sites({}, {"workloads": [{"name": "w", "image": "app/web"}]})[1]

    cr = expected(one, EMPTY)

    assert (cr.name, cr.parent, cr.connection_state, cr.activation) == ("Plant2", "Plant1", "Offline", "Inactive")
    assert (cr.sync_token_id, cr.gateway_endpoint) == (f"{REGISTRY_ID}/tokens/plant2", NOT_YET)
    assert cr.client_token_ids == (f"{REGISTRY_ID}/tokens/Plant2-pull",)
    assert cr == made(*sites({}, {"workloads": [{"name": "w", "image": "app/web"}]})).connected["plant2"]


def changed(key="plant1", **values):
    held = made(site())
    return replace(held, connected={**held.connected, key: replace(held.connected[key], **values)})


def token_off(name):
    held = made(site())
    return replace(held, tokens={**held.tokens, name: replace(held.tokens[name], status="disabled")})


WRITE = {"connectedRegistrySettings": {"mode": "ReadWrite"}}
FINDINGS = {
    "mode": (site(**WRITE), made(site()), Reason.IMMUTABLE, "mode: ReadOnly -> ReadWrite"),
    "nested, and should not be": (site(), changed(parent="hub"), Reason.IMMUTABLE, "parent: hub -> the cloud registry"),
    "another parent": (
        sites({}, {})[1], replace(made(*sites({}, {})), connected={
            "plant2": replace(made(*sites({}, {})).connected["plant2"], parent=None)}),
        Reason.IMMUTABLE, "parent: the cloud registry -> Plant1",
    ),
    "managed identity": (site(), changed(auth_type="ManagedIdentity"), Reason.IMMUTABLE, "managed identity"),
    "below a ReadOnly one": (sites({}, WRITE)[1], made(site()), Reason.IMMUTABLE, "parent Plant1 is ReadOnly"),
    "sync token disabled": (site(), token_off("plant1"), Reason.CREDENTIAL_UNUSABLE, "sync token plant1 is disabled"),
    "client token disabled": (
        site(), token_off("plant1-pull"), Reason.CLIENT_TOKEN, "client token Plant1-pull is disabled",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("one", "held", "reason", "words"), FINDINGS.values(), ids=FINDINGS)
def test_what_nobody_can_change_in_place_is_said_with_a_remedy(one, held, reason, words):
    found = finding(one, held)

    assert found.reason is reason
    assert words in found.message
    assert found.remedy


HINDERS_NOTHING = {
    "nothing there": (site(), EMPTY),
    "all as it should be": (site(), made(site())),
    "mode not given": (site(), made(site(**WRITE))),
    "mode in another case": (site(**WRITE), replace(
        made(site(**WRITE)), connected={"plant1": replace(made(site(**WRITE)).connected["plant1"], mode="readwrite")})),
    "parent in another case": (sites({}, {})[1], replace(
        made(*sites({}, {})),
        connected={"plant2": replace(made(*sites({}, {})).connected["plant2"], parent="PLANT1")})),
    "ReadWrite below ReadWrite": (sites(WRITE, WRITE)[1], made(site(**WRITE))),
}  # fmt: skip


@pytest.mark.parametrize(("one", "held"), HINDERS_NOTHING.values(), ids=HINDERS_NOTHING)
def test_what_can_be_made_or_is_there_hinders_nothing(one, held):
    assert finding(one, held) is None


REPOSITORIES = st.lists(st.sampled_from(["app/web", "db", "base", "a/b/c"]), unique=True, max_size=4).map(tuple)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "schedule": st.sampled_from(["* * * * *", "0 2 * * *"]),
        "messageTtl": st.sampled_from(["1d", "2d", "90d"]),
        "logLevel": st.sampled_from(["Debug", "Information", "None"]),
        "auditLog": st.booleans(),
        "notifications": st.lists(st.sampled_from(["a:*:push", "*:*"]), unique=True),
        "garbageCollection": st.fixed_dictionaries({"enabled": st.booleans()}),
    },
)


@given(st.lists(st.tuples(SETTINGS, REPOSITORIES), min_size=1, max_size=3), SETTINGS, REPOSITORIES, st.integers(0, 20))
def test_whatever_was_there_and_wherever_one_stopped_the_same_end_is_reached(before, settings, wanted, stop):
    earlier = sites(*({"connectedRegistrySettings": s} for s, _ in before))
    registry, held = OFF, EMPTY
    for one, (_, repositories) in zip(earlier, before, strict=True):
        registry, held = applied(changes(one, registry, held, repositories)[:stop], registry, held)
    last = sites(*({"connectedRegistrySettings": s} for s, _ in before[:-1]), {"connectedRegistrySettings": settings})[
        -1
    ]

    after = applied(changes(last, registry, held, wanted), registry, held)

    assert changes(last, *after, wanted) == ()
    assert all(set(held.scope_maps[name].actions) <= set(after[1].scope_maps[name].actions) for name in held.scope_maps)
    assert lineage(last, after[1])[: len(last.ancestors)] == last.ancestors
