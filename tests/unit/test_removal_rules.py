"""The rules of a removal: what goes, in which order, what stays, and why nothing is begun."""

from dataclasses import replace

import pytest
import yaml
from examples import HEAD, NOW, REGISTRY_ID, cluster, cr, extension, fleet, minutes, site

from arcfleet.core.facts import PasswordFacts, RegistryContents, ScopeMapFacts, TokenFacts
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.passwords.own_passwords import own_slots
from arcfleet.core.planning import scope_actions
from arcfleet.core.planning.plan import Disposition, Step
from arcfleet.core.reasons import Reason
from arcfleet.core.removing.fleet_removal import combined
from arcfleet.core.removing.removal import plan
from arcfleet.core.removing.removals import Asked, Found, Held, Kind, Removal, check_confirmation
from arcfleet.errors import PermanentError

MADE = NOW - minutes(60)
ENTRY = Entry("password1", Phase.VERIFIED, NOW, created=MADE)
PULL = f"{REGISTRY_ID}/tokens/berlinplant-pull"
PLAIN, OWNED = site(), site(ensure="true")
APPLIED = frozenset({("arcfleet", "Apply")})
NOTHING, ALL = Asked(), Asked(workloads=True)


def token(name, scope_map="", *slots):
    passwords = tuple(PasswordFacts(slot, MADE) for slot in slots)
    return TokenFacts(name, "enabled", f"{REGISTRY_ID}/scopeMaps/{scope_map or name}", passwords)


def by_name(*items):
    return {item.name.lower(): item for item in items}


def contents(*others, **values):
    """Return what `ensure` made for the site, with other connected registries beside it."""
    made = {
        "connected": by_name(cr(client_token_ids=(PULL,)), *others),
        "scope_maps": by_name(
            ScopeMapFacts("berlinplant", scope_actions.of_gateway("berlinplant")), ScopeMapFacts("berlinplant-pull")
        ),
        "tokens": by_name(token("berlinplant", "", "password1"), token("berlinplant-pull", "", "password1")),
    }
    return RegistryContents(**{**made, **values})


def found(**values):
    entries = {"berlinplant": ENTRY, "berlinplant-pull": ENTRY}
    return Found(
        **{"cluster": cluster(), "extension": extension(), "contents": contents(), "entries": entries, **values}
    )


def kinds(removal):
    return [each.kind for each in removal.deletions]


def test_what_ensure_made_goes_in_the_order_of_az():
    removal = plan(OWNED, found(), NOTHING)

    assert [str(call).rpartition("registries/acreu1/")[2] for call in removal.plan.calls] == [
        "DELETE connectedClusters/k-berlin/extensions/berlinplant",
        "connectedRegistries/berlinplant/deactivate",
        "connectedRegistries/berlinplant", "tokens/berlinplant", "scopeMaps/berlinplant",
        "tokens/berlinplant-pull", "scopeMaps/berlinplant-pull",
    ]  # fmt: skip
    assert kinds(removal)[-2:] == [Kind.JOURNAL, Kind.JOURNAL]
    assert [part.step for part in removal.parts] == [
        Step.DELETE_EXTENSION, Step.DEACTIVATE, Step.DELETE_CONNECTED_REGISTRY, Step.DELETE_TOKENS, Step.CLEAR_JOURNAL,
    ]  # fmt: skip
    assert removal.plan.disposition is Disposition.REMOVE


def test_without_ensure_only_the_extension_and_our_password_go_unless_the_registry_is_asked_for():
    bare, asked = plan(PLAIN, found(), NOTHING), plan(PLAIN, found(), Asked(connected_registry=True))

    assert kinds(bare) == [Kind.EXTENSION, Kind.ACTIVATION, Kind.PASSWORDS, Kind.JOURNAL]
    assert kinds(asked) == [
        Kind.EXTENSION, Kind.ACTIVATION, Kind.PASSWORDS, Kind.CONNECTED_REGISTRY, Kind.JOURNAL,
    ]  # fmt: skip
    assert bare.deletions[2].parts == ("password1",)
    assert any("--connected-registry" in line for line in bare.kept)
    assert "tokens and scope maps: the site has no ensure" in asked.kept


def test_what_is_gone_is_done():
    gone = found(extension=None, contents=RegistryContents(), entries={})
    left = found(extension=None, contents=RegistryContents())

    assert plan(OWNED, gone, ALL).plan.disposition is Disposition.NOOP
    assert plan(OWNED, gone, ALL).plan.because == ("nothing left to remove",)
    assert kinds(plan(OWNED, left, ALL)) == [Kind.JOURNAL, Kind.JOURNAL]


def test_our_password_of_a_sync_token_ends_also_where_its_registry_is_gone_already():
    left = contents(connected={})

    removal = plan(PLAIN, found(extension=None, contents=left), NOTHING)

    assert [(each.kind, each.name) for each in removal.deletions] == [
        (Kind.PASSWORDS, "berlinplant"), (Kind.JOURNAL, "arcfleet_acreu1_berlinplant"),
    ]  # fmt: skip


def test_a_token_that_another_registry_has_is_kept_with_its_scope_map():
    other = cr(name="otherplant", sync_token_id=f"{REGISTRY_ID}/tokens/otherplant", client_token_ids=(PULL,))

    removal = plan(OWNED, found(contents=contents(other)), NOTHING)

    assert [each.name for each in removal.deletions if each.kind in {Kind.TOKEN, Kind.SCOPE_MAP}] == ["berlinplant"] * 2
    assert "token berlinplant-pull and its scope map: otherplant has it too" in removal.kept


def test_a_scope_map_that_another_token_has_is_kept():
    tokens = by_name(token("berlinplant"), token("berlinplant-pull"), token("ci", "berlinplant-pull"))

    removal = plan(OWNED, found(contents=contents(tokens=tokens)), NOTHING)

    assert [each.name for each in removal.deletions if each.kind is Kind.SCOPE_MAP] == ["berlinplant"]
    assert [each.name for each in removal.deletions if each.kind is Kind.TOKEN] == ["berlinplant", "berlinplant-pull"]


def test_a_client_token_that_the_file_names_is_not_deleted_but_our_password_of_it_ends_with_the_pull_secrets():
    named = site(ensure="true", clientToken="ci-pull")
    tokens = by_name(token("berlinplant"), token("ci-pull", "", "password1", "password2"))
    held = found(contents=contents(tokens=tokens), entries={"ci-pull": ENTRY})

    kept, ended = plan(named, held, NOTHING), plan(named, held, ALL)

    assert "ci-pull" not in [each.name for each in kept.deletions]
    assert "token ci-pull and its scope map: not made by ensure" in kept.kept
    assert [each.parts for each in ended.deletions if each.name == "ci-pull"] == [("password1",)]


def test_a_sync_token_of_another_name_is_not_ensure_s():
    own = cr(sync_token_id=f"{REGISTRY_ID}/tokens/handmade", client_token_ids=(PULL,))
    tokens = by_name(token("handmade"), token("berlinplant"), token("berlinplant-pull"))

    removal = plan(OWNED, found(contents=contents(connected=by_name(own), tokens=tokens)), NOTHING)

    assert [each.name for each in removal.deletions if each.kind is Kind.TOKEN] == ["berlinplant-pull"]


def test_gateway_rights_go_wherever_they_are_and_nothing_else_of_a_scope_map():
    granted = (*scope_actions.of_gateway("hubplant"), *scope_actions.of_gateway("berlinplant"), "repositories/app/x")
    maps = {**contents().scope_maps, "hubplant": ScopeMapFacts("hubplant", granted)}

    removal = plan(OWNED, found(contents=contents(scope_maps=maps)), NOTHING)

    (rights,) = [each for each in removal.deletions if each.kind is Kind.RIGHTS]
    assert (rights.name, rights.parts) == ("hubplant", scope_actions.of_gateway("berlinplant"))


@pytest.mark.parametrize("connectivity", ["Offline", "Expired", "Connecting"])
def test_out_of_contact_nothing_at_all_is_removed_unless_it_is_abandoned(connectivity):
    away = found(cluster=cluster(connectivity))

    deferred, abandoned = plan(OWNED, away, ALL), plan(OWNED, away, Asked(workloads=True, abandon_offline=True))

    assert (deferred.deletions, deferred.plan.disposition) == ((), Disposition.DEFERRED)
    assert "--abandon-offline" in deferred.finding.remedy
    assert abandoned.deletions[0].kind is Kind.EXTENSION
    assert abandoned.deletions[0].forced
    # Without an extension there is nothing for which the cluster would be needed.
    assert plan(OWNED, replace(away, extension=None), ALL).plan.disposition is Disposition.REMOVE


def test_an_extension_of_another_type_blocks():
    removal = plan(OWNED, found(extension=extension(extension_type="microsoft.dapr")), NOTHING)

    assert (removal.finding.reason, removal.deletions) == (Reason.FOREIGN, ())


def test_a_registry_that_others_sync_through_blocks_while_they_are_there():
    child = cr(name="childplant", parent="berlinplant", sync_token_id=f"{REGISTRY_ID}/tokens/childplant")
    idle = replace(child, activation="Inactive", connection_state="Offline")

    assert plan(OWNED, found(contents=contents(child)), NOTHING).finding.reason is Reason.HAS_CHILDREN
    assert plan(OWNED, found(contents=contents(idle)), NOTHING).finding.reason is Reason.HAS_CHILDREN
    assert plan(PLAIN, found(contents=contents(child)), NOTHING).finding.reason is Reason.HAS_CHILDREN
    # The extension alone may go, where nothing runs below: the connected registry stays.
    assert plan(PLAIN, found(contents=contents(idle)), NOTHING).finding is None


def test_workloads_need_a_way_to_the_cluster():
    removal = plan(site(workloads="[{name: web, image: app/web}]"), found(), ALL)

    assert removal.finding.reason is Reason.NO_KUBERNETES_ACCESS


WITH_WORKLOADS = site(workloads="[{name: web, image: app/web}]", kube="{context: k}")


@pytest.mark.parametrize(
    ("writers", "goes"),
    [
        ({("arcfleet", "Apply"), ("kube-controller-manager", "Update")}, True),
        ({("arcfleet", "Apply"), ("kubectl", "Update")}, True),
        ({("arcfleet", "Apply"), ("argocd", "Apply")}, False),
        ({("arcfleet", "Update")}, False),
        ({("kubectl-create", "Update")}, False),
        (set(), False),
    ],
)
def test_an_object_goes_if_arcfleet_alone_applied_it(writers, goes):
    held = Held("Deployment", "default", "web", "1", frozenset(writers))

    removal = plan(WITH_WORKLOADS, found(objects=(held,)), ALL)

    assert (Kind.WORKLOAD in kinds(removal)) is goes
    assert any(line.startswith("Deployment default/web: ") for line in removal.kept) is not goes


def test_a_claim_is_kept_as_it_holds_data():
    held = Held("PersistentVolumeClaim", "default", "data", "1", APPLIED)

    removal = plan(WITH_WORKLOADS, found(objects=(held,)), ALL)

    assert Kind.WORKLOAD not in kinds(removal)
    assert "PersistentVolumeClaim default/data: it holds data" in removal.kept


OURS, BOTH = frozenset({("arcfleet", "Update")}), frozenset({("arcfleet", "Update"), ("kubectl-create", "Update")})


@pytest.mark.parametrize(
    ("writers", "hosts", "method"),
    [
        (OURS, {"10.96.0.50"}, "DELETE"),
        (OURS, {"10.96.0.50", "ghcr.io"}, "LOGIN"),
        (BOTH, {"10.96.0.50"}, "LOGIN"),
        (BOTH - OURS, {"10.96.0.50"}, None),
        (OURS, {"ghcr.io"}, None),
    ],
)
def test_of_a_pull_secret_only_our_login_goes_and_the_whole_if_nobody_else_wrote_it(writers, hosts, method):
    held = Held("Secret", "default", "regcred", "1", writers, frozenset(hosts))

    removal = plan(WITH_WORKLOADS, found(pull_secrets=(held,)), ALL)

    assert [each.call.method for each in removal.deletions if each.kind is Kind.LOGIN] == ([method] if method else [])


LATER = NOW - minutes(30)


@pytest.mark.parametrize(
    ("entry", "made", "expected"),
    [
        (None, {"password1": MADE}, ()),
        (ENTRY, {"password1": MADE}, ("password1",)),
        (ENTRY, {"password1": LATER}, ()),
        (ENTRY, {"password1": MADE, "password2": LATER}, ("password1",)),
        (replace(ENTRY, retiring=True), {"password1": MADE, "password2": LATER}, ("password1", "password2")),
        (replace(ENTRY, retired=LATER), {"password1": MADE, "password2": LATER}, ("password1", "password2")),
        (replace(ENTRY, retired=LATER), {"password1": MADE, "password2": NOW}, ("password1",)),
        (Entry("password1", Phase.INTENDED, NOW), {"password1": MADE}, ()),
    ],
)
def test_a_password_is_ours_if_the_journal_knows_when_it_was_made(entry, made, expected):
    held = TokenFacts("t", "enabled", "m", tuple(PasswordFacts(slot, at) for slot, at in made.items()))

    assert own_slots(held, entry) == expected


def nested(*names):
    """Return sites with `ensure`, each below the one before."""
    entries = [
        {
            "name": name, "registry": "acreu1", "connectedRegistry": f"{name}plant", "clusterIP": "10.96.0.50",
            "cluster": {"name": f"k-{name}", "resourceGroup": "rg"}, "ensure": True,
            **({"parent": parent} if parent else {}),
        }
        for name, parent in zip(names, (None, *names), strict=False)
    ]  # fmt: skip
    return fleet(HEAD + yaml.safe_dump({"sites": entries})).sites


def below(name, parent):
    return cr(
        name=f"{name}plant", parent=parent and f"{parent}plant", sync_token_id=f"{REGISTRY_ID}/tokens/{name}plant"
    )


def test_a_fleet_is_planned_children_first_on_what_each_leaves():
    sites = nested("hub", "line")
    held = RegistryContents(connected=by_name(below("hub", None), below("line", "hub")))
    here = found(contents=held, entries={})

    whole = combined(sites, {"hub": here, "line": here}, NOTHING)
    partly = combined(sites[:1], {"hub": here}, NOTHING)
    stays = combined(sites, {"hub": here, "line": replace(here, cluster=cluster("Offline"))}, NOTHING)

    assert [(name, removal.finding) for name, removal in whole.items()] == [("hub", None), ("line", None)]
    assert partly["hub"].finding.reason is Reason.HAS_CHILDREN
    assert stays["line"].plan.disposition is Disposition.DEFERRED
    assert (stays["hub"].finding.reason, stays["hub"].plan.disposition) == (Reason.HAS_CHILDREN, Disposition.BLOCKED)


def test_a_site_that_can_t_be_observed_keeps_what_is_above_it():
    sites = nested("hub", "line")
    unread = Removal(finding=plan(OWNED, found(cluster=cluster("Offline")), NOTHING).finding)

    made = combined(sites, {"hub": found(), "line": unread}, NOTHING)

    assert made["line"] is unread
    assert made["hub"].finding.reason is Reason.HAS_CHILDREN


def test_only_the_fleet_s_name_confirms():
    check_confirmation("plants-eu", "plants-eu")
    for typed in ("", "yes", "Plants-EU", "plants-eu "):
        with pytest.raises(PermanentError, match="is not the name of the fleet"):
            check_confirmation("plants-eu", typed)


def test_what_was_asked_for_is_spelled_as_options():
    assert Asked(True, True, True).options == "--workloads --connected-registry --abandon-offline"
    assert NOTHING.options == ""
