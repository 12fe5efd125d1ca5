"""Credentials: may a password be generated, into which slot, and the string that it goes into."""

from dataclasses import replace

import pytest
from examples import NOW, cluster, cr, extension, facts, minutes, site, token
from hypothesis import given
from hypothesis import strategies as st

from arcfleet.core.findings import Verdict
from arcfleet.core.passwords.credentials import (
    ATTEMPT,
    MARGIN,
    SLOTS,
    Action,
    absent_slot,
    connection_string,
    decide,
    elsewhere,
    idle_slot,
)
from arcfleet.core.reasons import Reason
from arcfleet.core.secret import Secret
from arcfleet.core.verdicts.extension import failure
from arcfleet.errors import PermanentError

NEVER_STARTED = {"connection_state": "Offline", "activation": "Inactive", "last_sync": None}
OFFLINE = {"connection_state": "Offline"}
BAD_VERSION = failure("Chart path not found")
GOING = replace(failure("because it is being terminated"), verdict=Verdict.WAITING)

ROWS = {
    "Arc offline: nothing could be delivered": (
        facts(cluster=cluster("Offline"), extension=None),
        (Action.DEFER, Reason.ARC_OFFLINE),
    ),
    "Arc expired, although installed and failed": (
        facts(cluster=cluster("Expired"), extension=extension("Failed"), connected_registry=cr(**OFFLINE)),
        (Action.DEFER, Reason.ARC_OFFLINE),
    ),
    "Arc in a state that nobody knows": (facts(cluster=cluster("Sleeping")), (Action.DEFER, Reason.ARC_OFFLINE)),
    "managed identity, nothing installed": (
        facts(extension=None, connected_registry=cr(auth_type="ManagedIdentity")),
        (Action.NONE, Reason.OK),
    ),
    "managed identity, failed": (
        facts(extension=extension("Failed"), connected_registry=cr(auth_type="managedidentity", **OFFLINE)),
        (Action.NONE, Reason.OK),
    ),
    "nothing installed, yet online": (facts(extension=None), (Action.STOP, Reason.INSTANCE_ELSEWHERE)),
    "nothing installed, yet syncing": (
        facts(extension=None, connected_registry=cr(connection_state="Syncing")),
        (Action.STOP, Reason.INSTANCE_ELSEWHERE),
    ),
    "nothing installed, an earlier instance activated": (
        facts(extension=None, connected_registry=cr(**OFFLINE)),
        (Action.STOP, Reason.INSTANCE_ELSEWHERE),
    ),
    "nothing installed, never activated": (
        facts(extension=None, connected_registry=cr(**NEVER_STARTED)),
        (Action.GENERATE, Reason.OK),
    ),
    **{
        f"{state}, offline": (
            facts(extension=extension(state), connected_registry=cr(**NEVER_STARTED)),
            (Action.WAIT, Reason.EXTENSION_IN_PROGRESS),
        )
        for state in ("Accepted", "Creating", "Updating", "Deleting", "Pending")
    },
    "updating, online": (facts(extension=extension("Updating")), (Action.WAIT, Reason.EXTENSION_IN_PROGRESS)),
    "succeeded, online": (facts(), (Action.NONE, Reason.OK)),
    "succeeded, syncing": (facts(connected_registry=cr(connection_state="Syncing")), (Action.NONE, Reason.OK)),
    "succeeded, offline": (facts(connected_registry=cr(**OFFLINE)), (Action.NONE, Reason.OK)),
    "succeeded, offline, its password refused": (
        facts(connected_registry=cr(**OFFLINE), refusal="Incorrect Password"),
        (Action.GENERATE, Reason.BAD_CREDENTIAL),
    ),
    "online after a refusal": (facts(refusal="Incorrect Password"), (Action.NONE, Reason.OK)),
    "succeeded, unhealthy": (facts(connected_registry=cr(connection_state="Unhealthy")), (Action.NONE, Reason.OK)),
    "failed, online": (facts(extension=extension("Failed")), (Action.NONE, Reason.OK)),
    "failed, offline": (
        facts(extension=extension("Failed"), connected_registry=cr(**OFFLINE)),
        (Action.GENERATE, Reason.EXTENSION_FAILED),
    ),
    "canceled, offline": (
        facts(extension=extension("Canceled"), connected_registry=cr(**NEVER_STARTED)),
        (Action.GENERATE, Reason.EXTENSION_FAILED),
    ),
    "failed, offline, by what has to be corrected": (
        facts(extension=extension("Failed"), connected_registry=cr(**OFFLINE), hindrance=BAD_VERSION),
        (Action.STOP, Reason.BAD_VERSION),
    ),
    "failed, never started, by an uninstall that still goes on": (
        facts(extension=extension("Failed"), connected_registry=cr(**NEVER_STARTED), hindrance=GOING),
        (Action.DEFER, Reason.DELETE_IN_PROGRESS),
    ),
    "failed, online, by what has to be corrected": (
        facts(extension=extension("Failed"), hindrance=BAD_VERSION),
        (Action.STOP, Reason.BAD_VERSION),
    ),
    "in a state that nobody knows, offline": (
        facts(extension=extension("Hibernating"), connected_registry=cr(**OFFLINE)),
        (Action.NONE, Reason.OK),
    ),
}


@pytest.mark.parametrize(("seen", "expected"), ROWS.values(), ids=ROWS)
def test_a_row_of_the_table_decides(seen, expected):
    decision = decide(seen)

    assert (decision.action, decision.reason) == expected
    assert decision.because


SAID = {
    "Online": "find the instance and stop it (one that was just deleted is shown for 15 minutes), then: ",
    "Offline": "make sure that no instance of it runs anywhere, then: ",
}


@pytest.mark.parametrize(("state", "words"), SAID.items(), ids=SAID)
def test_an_activation_without_an_extension_is_told_with_who_may_hold_it_and_how_to_free_it(state, words):
    found = elsewhere(site(), facts(extension=None, connected_registry=cr(connection_state=state, last_activity=NOW)))

    assert found.evidence == (
        f"berlinplant is {state} and Active, last heard of at 2026-11-24 12:00Z",
        "no extension berlinplant on cluster k-berlin",
    )
    free = "az acr connected-registry deactivate --name berlinplant --registry acreu1; if one runs on this cluster"
    assert found.remedy.startswith(f"{words}{free}")
    assert "set extension.name to that: az k8s-extension list --cluster-name k-berlin" in found.remedy


@pytest.mark.parametrize("seen", [facts(), facts(extension=None, connected_registry=cr(**NEVER_STARTED))])
def test_what_is_installed_here_or_was_never_activated_is_held_by_nobody_else(seen):
    assert elsewhere(site(), seen) is None


connectivities = st.sampled_from(["Connected", "connected", "Offline", "Expired", "Connecting", ""])
states = st.sampled_from(["Online", "ONLINE", "Syncing", "Offline", "Unhealthy", "?", ""])
provisionings = st.sampled_from(["Succeeded", "FAILED", "Creating", "deleting", "Canceled", "?", None])


@given(
    connectivities, states, provisionings, st.sampled_from(["Active", "Inactive"]), st.sampled_from(["SyncToken", "x"])
)
def test_an_online_registry_never_gets_a_password(connectivity, state, provisioning, activation, auth):
    seen = facts(
        cluster=cluster(connectivity),
        connected_registry=cr(connection_state=state, activation=activation, auth_type=auth),
        extension=extension(provisioning) if provisioning is not None else None,
    )

    decision = decide(seen)

    if state.lower() in {"online", "syncing"} or connectivity.lower() != "connected":
        assert decision.action is not Action.GENERATE


def ago(count: float):
    return NOW - minutes(count)


def changed(count: float, state: str = "Succeeded"):
    """Return an extension whose last change was made so many minutes ago."""
    return extension(state, last_modified=ago(count))


OLD_NEW = token(password1=ago(30), password2=ago(15))
SLOT_CASES = {
    "no password yet": (token(), None, "password1"),
    "first absent": (token(password2=NOW), changed(0), "password1"),
    "second absent": (token(password1=NOW), changed(0), "password2"),
    "second absent, the change failed": (token(password1=ago(99)), changed(0, "Failed"), "password2"),
    "nothing installed: the older": (token(password1=ago(1), password2=ago(9)), None, "password2"),
    "nothing installed: the other older": (token(password1=ago(9), password2=ago(1)), None, "password1"),
    "changed at an unknown time: the older": (OLD_NEW, extension(last_modified=None), "password1"),
    "delivered after both: the newer is in use": (OLD_NEW, changed(1), "password1"),
    "made after the delivery: nobody has it": (OLD_NEW, changed(25), "password2"),
    "the same the other way round": (token(password1=ago(15), password2=ago(30)), changed(25), "password1"),
    "delivered at the moment of making": (OLD_NEW, changed(15), "password1"),
    "made later, but by no more than clocks differ": (OLD_NEW, changed(20), "password1"),
    "made later than clocks can differ": (OLD_NEW, changed(20.1), "password2"),
    "delivered before both: the older may be in use": (OLD_NEW, changed(99), "password2"),
    "made at an unknown time counts as oldest": (token(password1=ago(9), password2=None), changed(1), "password2"),
    "both made at an unknown time": (token(password1=None, password2=None), None, "password1"),
    "both made at an unknown time, delivered": (token(password1=None, password2=None), changed(1), "password1"),
    "further names are no slots": (
        token(password1=ago(30), password2=ago(15), password3=ago(60)),
        changed(1),
        "password1",
    ),
    **{
        f"made shortly before the change that {state}": (OLD_NEW, changed(5.1, state), "password2")
        for state in ("Failed", "failed", "Canceled")
    },
    "made for the change that failed, clocks differ": (OLD_NEW, changed(16, "Failed"), "password2"),
    "made long after the change that failed": (OLD_NEW, changed(25, "Failed"), "password2"),
    "long before a change that is under way": (OLD_NEW, changed(1, "Updating"), "password1"),
}
UNKNOWN_SLOTS = {
    "made an attempt's length before the change": (OLD_NEW, changed(5, "Failed")),
    "made long before the change": (OLD_NEW, changed(0, "FAILED")),
    "canceled": (OLD_NEW, changed(0, "Canceled")),
    "both made at an unknown time": (token(password1=None, password2=None), changed(0, "Failed")),
}


@pytest.mark.parametrize(("made", "installed", "slot"), SLOT_CASES.values(), ids=SLOT_CASES)
def test_a_password_goes_into_the_slot_that_is_not_in_use(made, installed, slot):
    assert idle_slot(made, installed) == slot


@pytest.mark.parametrize(("made", "installed"), UNKNOWN_SLOTS.values(), ids=UNKNOWN_SLOTS)
def test_where_a_failed_change_leaves_both_slots_in_doubt_neither_is_taken(made, installed):
    with pytest.raises(PermanentError, match="token berlinplant") as refused:
        idle_slot(made, installed)

    assert refused.value.reason is Reason.SLOT_UNKNOWN
    assert refused.value.remedy.startswith("repair the extension (az k8s-extension update)")


def test_the_margins_are_those_that_the_documentation_names():
    assert (minutes(5), minutes(10)) == (MARGIN, ATTEMPT)


moments = st.integers(0, 60).map(ago)
slots = st.dictionaries(st.sampled_from(SLOTS), moments)


@given(slots, moments, st.sampled_from(["Succeeded", "Updating", "?"]))
def test_the_slot_believed_in_use_is_never_returned(made, delivered_at, state):
    delivered = {slot: at for slot, at in made.items() if at <= delivered_at + MARGIN}
    newest = max(delivered.values(), default=None)
    believed = [slot for slot, at in delivered.items() if at == newest]

    slot = idle_slot(token(**made), extension(state, last_modified=delivered_at))

    assert slot in SLOTS
    if len(believed) == 1:
        assert slot != believed[0]


@given(st.fixed_dictionaries(dict.fromkeys(SLOTS, moments)), moments, st.sampled_from(["Failed", "Canceled"]))
def test_after_a_failure_only_a_password_made_for_it_or_later_is_replaced(made, delivered_at, state):
    newest = max(made.values())
    try:
        slot = idle_slot(token(**made), extension(state, last_modified=delivered_at))
    except PermanentError:
        assert newest <= delivered_at - ATTEMPT
    else:
        assert made[slot] == newest > delivered_at - ATTEMPT


@given(slots, st.sampled_from(["Succeeded", "Failed"]))
def test_a_slot_that_holds_nothing_is_always_taken_first(made, state):
    if len(made) == len(SLOTS):
        assert absent_slot(token(**made)) is None
        return

    slot = absent_slot(token(**made))

    assert slot in SLOTS
    assert slot not in made
    assert idle_slot(token(**made), changed(0, state)) == slot


def test_of_two_absent_slots_the_first_is_meant():
    assert absent_slot(token(password3=NOW)) == "password1"


STRING = (
    "ConnectedRegistryName=berlinplant;SyncTokenName=berlinplant;SyncTokenPassword=p+w/d=;"
    "ParentGatewayEndpoint=acreu1.westeurope.data.azurecr.io;ParentEndpointProtocol={}"
)
PROTOCOLS = {
    "below the cloud": (None, "https", "https"),
    "below the cloud http is not heard": (None, "http", "https"),
    "below another registry": ("parentplant", "https", "https"),
    "below another registry in plain": ("parentplant", "http", "http"),
}


@pytest.mark.parametrize(("parent", "asked", "used"), PROTOCOLS.values(), ids=PROTOCOLS)
def test_the_connection_string_is_as_az_writes_it(parent, asked, used):
    made = connection_string(cr(parent=parent), Secret("p+w/d="), parent_protocol=asked)

    assert made.reveal() == STRING.format(used)
    assert "p+w/d=" not in repr(made)


UNUSABLE = {
    "no gateway": ({"gateway_endpoint": ""}, "pw", Reason.NO_GATEWAY_ENDPOINT),
    "a placeholder for a gateway": (
        {"gateway_endpoint": "<parent gateway endpoint>"},
        "pw",
        Reason.NO_GATEWAY_ENDPOINT,
    ),
    "no password": ({}, "", Reason.CREDENTIAL_UNUSABLE),
    "a placeholder": ({}, "<use --generate-password to generate a new password>", Reason.CREDENTIAL_UNUSABLE),
    "a password with a semicolon": ({}, "very;secret", Reason.CREDENTIAL_UNUSABLE),
}


@pytest.mark.parametrize(("values", "password", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_string_that_could_never_come_online_is_refused(values, password, reason):
    with pytest.raises(PermanentError) as refused:
        connection_string(cr(**values), Secret(password))

    assert refused.value.reason is reason
    assert not password or password == "pw" or password not in str(refused.value)
